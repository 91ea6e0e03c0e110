import numpy as np
import pytest

from cnn_demo.convolution import ConvSpec, explain_pixel

IMAGE = np.arange(20, dtype=np.float32).reshape(4, 5)
WEIGHTS = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)


def test_a_corner_worked_out_by_hand():
    explanation = explain_pixel(IMAGE, WEIGHTS, ConvSpec(), 0.5, row=0, column=0)
    np.testing.assert_array_equal(explanation.window, [[0, 0, 0], [0, 0, 1], [0, 5, 6]])
    np.testing.assert_array_equal(explanation.rows, [-1, 0, 1])
    np.testing.assert_array_equal(explanation.columns, [-1, 0, 1])
    np.testing.assert_array_equal(explanation.inside, [[False] * 3, [False, True, True], [False, True, True]])
    assert explanation.total == 1 * 6 + 5 * 8 + 6 * 9 + 0.5
    assert explanation.bias == 0.5
    assert explanation.window.dtype == explanation.kernel.dtype == explanation.products.dtype == np.float32
    assert type(explanation.total) is float


def test_stride_dilation_and_flip_by_hand():
    spec = ConvSpec(stride=2, padding=(1, 2), padding_mode="reflect", dilation=(1, 2), flip=True)
    explanation = explain_pixel(IMAGE, WEIGHTS, spec, 0.0, row=1, column=2)
    np.testing.assert_array_equal(explanation.rows, [1, 2, 3])
    np.testing.assert_array_equal(explanation.columns, [2, 4, 6])
    np.testing.assert_array_equal(explanation.window, [[7, 9, 7], [12, 14, 12], [17, 19, 17]])
    np.testing.assert_array_equal(explanation.kernel, WEIGHTS[::-1, ::-1])
    assert not explanation.inside[:, 2].any()
    assert explanation.inside[:, :2].all()


@pytest.mark.parametrize("position", [(-1, 0), (4, 0), (0, 5), (0, -1)])
def test_refuses_pixels_outside_the_map(position):
    with pytest.raises(IndexError, match="There is no pixel"):
        explain_pixel(IMAGE, WEIGHTS, ConvSpec(), 0.0, *position)


def test_refuses_other_weights():
    with pytest.raises(ValueError, match="The arithmetic of a pixel"):
        explain_pixel(IMAGE[..., np.newaxis], WEIGHTS[..., np.newaxis], ConvSpec(), 0.0, 0, 0)
