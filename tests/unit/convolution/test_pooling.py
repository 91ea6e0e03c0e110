import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import POOLINGS, pool, pool_definition, pooled_size


@pytest.fixture
def draw():
    return np.random.default_rng(5)


def torch_pool(maps, kind, size, stride, padding):
    x = torch.from_numpy(maps).permute(2, 0, 1)[None]
    if kind == "max":
        y = F.max_pool2d(x, size, stride, padding)
    elif kind == "min":
        y = -F.max_pool2d(-x, size, stride, padding)
    elif kind == "average":
        y = F.avg_pool2d(x, size, stride, padding, count_include_pad=False)
    else:
        rows, columns = (padding, padding) if isinstance(padding, int) else padding
        y = F.lp_pool2d(F.pad(x, (columns, columns, rows, rows)), 2, size, stride)
    return y[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("size", [1, 2, 3, (3, 2), (4, 5)], ids=str)
@pytest.mark.parametrize("stride", [None, 1, 2, 3, (1, 2)], ids=str)
def test_agrees_with_torch(kind, size, stride, draw):
    maps = draw.standard_normal((11, 12, 3)).astype(np.float32)
    half = (size // 2, size // 2) if isinstance(size, int) else (size[0] // 2, size[1] // 2)
    for padding in {(0, 0), (0, half[1]), half}:
        result = pool(maps, kind, size, stride, padding)
        assert result.dtype == np.float32
        assert result.shape[:2] == pooled_size((11, 12), size, stride, padding)
        expected = torch_pool(maps, kind, size, stride, padding)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, atol=1e-5)


windows = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.sampled_from(POOLINGS), windows, windows, st.sampled_from([(), (2,)]), st.integers(0, 999), st.data())
def test_agrees_with_the_definition(kind, size, stride, channels, seed, data):
    padding = tuple(data.draw(st.integers(0, k - 1)) for k in size)
    maps = np.random.default_rng(seed).standard_normal((6, 7, *channels)).astype(np.float32)
    result, expected = pool(maps, kind, size, stride, padding), pool_definition(maps, kind, size, stride, padding)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_windows_touch_by_default_and_the_rest_is_dropped():
    maps = np.arange(35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_array_equal(pool(maps, "max", 2), [[8, 10, 12], [22, 24, 26]])
    np.testing.assert_array_equal(pool(maps, "min", 2), [[0, 2, 4], [14, 16, 18]])
    np.testing.assert_array_equal(pool(maps, "average", 2), [[4, 6, 8], [18, 20, 22]])
    assert pool(np.full((2, 2), 3, np.uint8), "l2", 2) == 6


def test_the_maps_are_left_alone():
    maps = np.ones((4, 4), np.float32)
    result = pool(maps, "max", 1)
    result += 1
    assert maps.max() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("median", 2), "choose one of max, average, min, l2"),
        (("max", 0), "size must be at least 1"),
        (("max", 2, 0), "stride must be at least 1"),
        (("max", 2, 2, 2), "must be smaller than the window"),
        (("max", 9), "The window of 9 × 9 is larger than the map of 4 × 5"),
    ],
)
def test_refuses_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        pool(np.zeros((4, 5)), *arguments)


def test_refuses_arrays_of_other_shapes():
    with pytest.raises(ValueError, match="Feature maps have the shape"):
        pool(np.zeros((1, 4, 5, 3)), "max", 2)
