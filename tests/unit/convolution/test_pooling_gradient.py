"""Positions of maxima, gradients, blurred pooling, and the arithmetic of one window, compared with torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate1d

from cnn_demo.convolution import (
    POOLINGS,
    blur_pool,
    blur_pool_gradient,
    explain_window,
    pool,
    pool_gradient,
    pool_positions,
)

GEOMETRIES = [
    (2, None, 0),
    (2, 1, 0),
    (3, 2, 0),
    (3, 2, 1),
    ((3, 2), (1, 3), (1, 0)),
    ((1, 4), (2, 1), (0, 2)),
    (5, 1, 2),
]


def as_torch(maps):
    return torch.from_numpy(maps).permute(2, 0, 1)[None].contiguous()


def draw_maps(ties: bool, seed: int = 4) -> np.ndarray:
    draw = np.random.default_rng(seed)
    maps = draw.integers(0, 3, (11, 9, 4)) if ties else draw.standard_normal((11, 9, 4))
    return maps.astype(np.float32)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize(("size", "stride", "padding"), GEOMETRIES, ids=str)
def test_positions_are_those_of_torch(size, stride, padding, kind, ties):
    maps = draw_maps(ties)
    rows, columns = pool_positions(maps, size, stride, padding, kind)
    sign = 1 if kind == "max" else -1
    _, flat = F.max_pool2d(sign * as_torch(maps), size, stride, padding, return_indices=True)
    expected = flat[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(rows * 9 + columns, expected)
    assert rows.dtype == columns.dtype == np.int64
    channels = np.broadcast_to(np.arange(4), rows.shape)
    np.testing.assert_array_equal(maps[rows, columns, channels], pool(maps, kind, size, stride, padding))


def test_positions_of_a_single_map_and_of_zeros():
    plane = draw_maps(False)[..., 0]
    rows, columns = pool_positions(plane, 3, 2)
    np.testing.assert_array_equal(plane[rows, columns], pool(plane, "max", 3, 2))
    rows, columns = pool_positions(np.zeros((4, 6)), 2)
    np.testing.assert_array_equal(rows, [[0, 0, 0], [2, 2, 2]])
    np.testing.assert_array_equal(columns, [[0, 2, 4], [0, 2, 4]])


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize(("size", "stride", "padding"), GEOMETRIES, ids=str)
def test_the_gradient_is_that_of_autograd(size, stride, padding, kind):
    maps = draw_maps(ties=False)
    x = as_torch(maps).requires_grad_()
    if kind == "l2":
        rows, columns = (padding, padding) if isinstance(padding, int) else padding
        y = F.lp_pool2d(F.pad(x, (columns, columns, rows, rows)), 2, size, stride)
    elif kind == "average":
        y = F.avg_pool2d(x, size, stride, padding, count_include_pad=False)
    else:
        y = F.max_pool2d(x if kind == "max" else -x, size, stride, padding) * (1 if kind == "max" else -1)
    y.sum().backward()
    expected = x.grad[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(pool_gradient(maps, kind, size, stride, padding), expected, atol=1e-5)
    plane = pool_gradient(maps[..., 1], kind, size, stride, padding)
    np.testing.assert_allclose(plane, expected[..., 1], atol=1e-5)


def test_one_maximum_shared_by_four_windows():
    maps = np.zeros((5, 5), np.float32)
    maps[2, 2] = 1
    gradient = pool_gradient(maps, "max", 3, 2)
    assert gradient[2, 2] == gradient.sum() == 4
    assert not pool_gradient(np.zeros((4, 4)), "l2", 2).any()


@pytest.mark.parametrize("kind", ["average", "l2", "blur"])
def test_only_extremes_have_a_position(kind):
    with pytest.raises(ValueError, match="Only the maximum and the minimum"):
        pool_positions(np.zeros((4, 4)), 2, kind=kind)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (2, 3), (4, 1)])
def test_blurred_pooling_is_a_dense_maximum_a_blur_and_a_stride(size, stride):
    maps = draw_maps(ties=False)
    dense = F.max_pool2d(as_torch(maps), size, 1)
    taps = torch.tensor([1.0])
    for _ in range(2 * stride):
        taps = F.conv1d(taps[None, None], torch.tensor([[[0.5, 0.5]]]), padding=1)[0, 0]
    blur = torch.outer(taps, taps).expand(4, 1, -1, -1)
    expected = F.conv2d(F.pad(dense, (stride,) * 4, mode="reflect"), blur, stride=stride, groups=4)
    result = blur_pool(maps, size, stride)
    assert result.shape == pool(maps, "max", size, stride).shape
    np.testing.assert_allclose(result, expected[0].permute(1, 2, 0).numpy(), atol=1e-5)
    np.testing.assert_allclose(blur_pool(maps[..., 0], size, stride), result[..., 0], atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_with_windows_of_one_pixel_it_only_blurs(stride):
    maps = draw_maps(ties=False)
    taps = np.poly1d([0.5, 0.5]) ** (2 * stride)
    blurred = correlate1d(correlate1d(maps, taps.c, axis=0, mode="mirror"), taps.c, axis=1, mode="mirror")
    np.testing.assert_allclose(blur_pool(maps, 1, stride), blurred[::stride, ::stride], atol=1e-5)
    np.testing.assert_allclose(blur_pool(np.ones((9, 12)), 1, stride), 1, atol=1e-6)


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (1, 2), (3, 1), ((2, 3), (3, 2))])
def test_the_gradient_of_blurred_pooling_is_that_of_autograd(size, stride, planes):
    maps = draw_maps(ties=False)
    x = as_torch(maps).requires_grad_()
    rows, columns = (stride, stride) if isinstance(stride, int) else stride
    down, across = ((np.poly1d([0.5, 0.5]) ** (2 * step)).c.astype(np.float32) for step in (rows, columns))
    blur = torch.from_numpy(np.outer(down, across)).expand(4, 1, -1, -1)
    dense = F.pad(F.max_pool2d(x, size, 1), (columns, columns, rows, rows), mode="reflect")
    F.conv2d(dense, blur, stride=(rows, columns), groups=4).sum().backward()
    expected = x.grad[0].permute(1, 2, 0).numpy()
    found = blur_pool_gradient(maps[..., 2] if planes else maps, size, stride)
    np.testing.assert_allclose(found, expected[..., 2] if planes else expected, atol=1e-5)


@settings(derandomize=True, deadline=None, max_examples=90)
@given(
    st.sampled_from((*POOLINGS, "blur", "smooth", "skip")),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 99),
    st.data(),
)
def test_the_arithmetic_of_a_window_is_the_pooled_number(kind, size, stride, seed, data):
    plane = np.random.default_rng(seed).standard_normal((9, 10)).astype(np.float32)
    if kind in ("blur", "smooth"):
        pooled = blur_pool(plane, size if kind == "blur" else 1, stride)
    elif kind == "skip":
        pooled = plane[::stride, ::stride][: pool(plane, "max", size, stride).shape[0]]
    else:
        pooled = pool(plane, kind, size, stride)
    height, width = pool(plane, "max", size, stride).shape
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    opened = explain_window(plane, kind, size, stride, row, column)
    assert opened.value == pytest.approx(float(pooled[row, column]), abs=1e-5)
    assert opened.value == pytest.approx(float((opened.window * opened.weights).sum()), abs=1e-5)
    if kind not in ("blur", "smooth"):
        assert (opened.row, opened.column) == (row * stride, column * stride)
        np.testing.assert_array_equal(
            opened.window, plane[opened.row : opened.row + size, opened.column : opened.column + size]
        )


@pytest.mark.parametrize("kind", ["max", "blur"])
def test_there_is_no_window_outside(kind):
    with pytest.raises(IndexError, match=r"no window|no such window"):
        explain_window(np.zeros((4, 4)), kind, 2, 2, 9, 0)
