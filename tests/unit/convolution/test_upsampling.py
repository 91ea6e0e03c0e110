"""Three ways to make a map larger, each beside torch's own."""

import numpy as np
import pytest

from cnn_demo.convolution.upsampling import (
    KERNELS,
    bilinear,
    kernel_of,
    nearest,
    ripple,
    stamps,
    transposed,
    unevenness,
)
from cnn_demo.models import frameworks

PLANE = np.random.default_rng(5).normal(size=(6, 9)).astype(np.float32)


def torch_of(plane: np.ndarray):
    return frameworks.torch().from_numpy(plane)[None, None]


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize(("ours", "mode"), [(nearest, "nearest"), (bilinear, "bilinear")])
def test_interpolation_is_torchs(ours, mode, factor):
    corners = {} if mode == "nearest" else {"align_corners": False}
    theirs = frameworks.torch().nn.functional.interpolate(torch_of(PLANE), scale_factor=factor, mode=mode, **corners)
    np.testing.assert_allclose(ours(PLANE, factor), theirs[0, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("size", [2, 4, 6])
def test_a_doubling_is_torchs_transposed_convolution(kind, size):
    weights = kernel_of(kind, size)
    theirs = frameworks.torch().nn.functional.conv_transpose2d(
        torch_of(PLANE), torch_of(weights), stride=2, padding=(size - 2) // 2
    )
    np.testing.assert_allclose(transposed(PLANE, weights, 1), theirs[0, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_each_step_doubles(size, steps):
    assert transposed(PLANE, kernel_of("random", size), steps).shape == (6 * 2**steps, 9 * 2**steps)


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_an_even_map_keeps_its_brightness_on_average(kind, size):
    larger = transposed(np.ones((20, 20), np.float32), kernel_of(kind, size), 1)[10:-10, 10:-10]
    assert larger.mean() == pytest.approx(1, abs=1e-5)


def test_a_pyramid_of_four_interpolates_and_leaves_no_checkerboard():
    larger = transposed(PLANE, kernel_of("bilinear", 4), 1)[2:-2, 2:-2]
    np.testing.assert_allclose(larger, bilinear(PLANE, 2)[2:-2, 2:-2], atol=1e-5)


def test_stamps_overlap_evenly_only_where_the_stride_divides_the_size():
    assert [unevenness(size) for size in (2, 3, 4, 5, 6)] == [1, 4, 1, 2, 1]
    np.testing.assert_array_equal(stamps(2, 3), np.ones((6, 6)))
    assert set(np.unique(stamps(3, 8)[2:-2, 2:-2])) == {1, 2, 4}


def test_a_pyramid_makes_up_for_uneven_stamps():
    assert [round(ripple(kernel_of("even", size)), 2) for size in (2, 3, 4, 5, 6)] == [0, 1.33, 0, 0.8, 0]
    for size in (2, 3, 4, 5, 6):
        assert ripple(kernel_of("bilinear", size)) == pytest.approx(0, abs=1e-6)
        assert ripple(kernel_of("random", size)) > 0.1


def test_unknown_kinds_and_small_sizes_are_refused():
    with pytest.raises(ValueError, match="2 or more"):
        kernel_of("even", 1)
    with pytest.raises(ValueError, match="choose one of"):
        kernel_of("lanczos", 4)
