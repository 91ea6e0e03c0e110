import numpy as np
import pytest

from cnn_demo.convolution import ConvSpec, explain_pixel

IMAGE = np.arange(20, dtype=np.float32).reshape(4, 5)
WEIGHTS = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)


def test_a_corner_worked_out_by_hand():
    told = explain_pixel(IMAGE, WEIGHTS, ConvSpec(), 0.5, row=0, column=0)
    np.testing.assert_array_equal(told.window, [[0, 0, 0], [0, 0, 1], [0, 5, 6]])
    np.testing.assert_array_equal(told.rows, [-1, 0, 1])
    np.testing.assert_array_equal(told.columns, [-1, 0, 1])
    np.testing.assert_array_equal(told.inside, [[False] * 3, [False, True, True], [False, True, True]])
    assert told.total == 1 * 6 + 5 * 8 + 6 * 9 + 0.5
    assert told.bias == 0.5
    assert told.window.dtype == told.kernel.dtype == told.products.dtype == np.float32
    assert type(told.total) is float


def test_stride_dilation_and_flip_by_hand():
    spec = ConvSpec(stride=2, padding=(1, 2), padding_mode="reflect", dilation=(1, 2), flip=True)
    told = explain_pixel(IMAGE, WEIGHTS, spec, 0.0, row=1, column=2)
    np.testing.assert_array_equal(told.rows, [1, 2, 3])
    np.testing.assert_array_equal(told.columns, [2, 4, 6])
    np.testing.assert_array_equal(told.window, [[7, 9, 7], [12, 14, 12], [17, 19, 17]])
    np.testing.assert_array_equal(told.kernel, WEIGHTS[::-1, ::-1])
    assert not told.inside[:, 2].any()
    assert told.inside[:, :2].all()


@pytest.mark.parametrize("place", [(-1, 0), (4, 0), (0, 5), (0, -1)])
def test_refuses_pixels_outside_the_map(place):
    with pytest.raises(IndexError, match="There is no pixel"):
        explain_pixel(IMAGE, WEIGHTS, ConvSpec(), 0.0, *place)


def test_refuses_other_weights():
    with pytest.raises(ValueError, match="The arithmetic of a pixel"):
        explain_pixel(IMAGE[..., np.newaxis], WEIGHTS[..., np.newaxis], ConvSpec(), 0.0, 0, 0)
