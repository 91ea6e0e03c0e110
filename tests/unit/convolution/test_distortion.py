"""Distortions of a photo, and the measures of their effect on a representation."""

import math

import numpy as np
import pytest

from cnn_demo.convolution.distortion import (
    cosine_similarity,
    moved_along,
    noisy,
    relative_change,
    rotated,
    shift_room,
    shifted,
)
from cnn_demo.convolution.stack import ConvLayer, PoolLayer, run_stack

IMAGE = np.random.default_rng(6).random((40, 60, 3), dtype=np.float32)
SIZES = [(1, 1), (1, 300), (300, 1), (2, 2), (5, 7), (40, 60)]


def wave(columns: int, moved: float, period: float = 12.0) -> np.ndarray:
    return np.sin((np.arange(columns, dtype=np.float32) - moved) * 2 * np.pi / period).reshape(1, -1, 1)


def test_a_shift_brings_in_real_pixels_of_the_photo():
    still, moved = shifted(IMAGE, 0, 16), shifted(IMAGE, 5, 16)
    assert still.shape == moved.shape == (40, 44, 3)
    np.testing.assert_array_equal(moved[:, 5:], still[:, :-5])
    np.testing.assert_array_equal(moved[:, :5], IMAGE[:, 11:16])


@pytest.mark.parametrize(("width", "room"), [(1, 0), (2, 1), (20, 10), (32, 16), (500, 16)])
def test_the_window_keeps_half_of_a_narrow_photo(width, room):
    assert shift_room(width, 16) == room


@pytest.mark.parametrize(("pixels", "room"), [(17, 16), (-1, 16), (0, 60)])
def test_a_shift_beyond_the_photo_is_refused(pixels, room):
    with pytest.raises(ValueError, match="60 pixels wide cannot be moved"):
        shifted(IMAGE, pixels, room)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("degrees", [-30, -7, 0, 30])
def test_a_turned_photo_has_the_same_window_at_every_angle(size, degrees):
    image = np.random.default_rng(1).random((*size, 3), dtype=np.float32)
    result = rotated(image, degrees)
    assert result.shape == rotated(image, 0).shape
    assert min(result.shape) >= 1
    assert np.isfinite(result).all()


def test_a_turn_is_counter_clockwise_and_leaves_no_corner_empty():
    x = np.arange(121, dtype=np.float32) - 60
    slope = np.repeat((x / 100 + 1)[np.newaxis, :, np.newaxis], 121, axis=0)  # grows to the right, never 0
    turned = rotated(np.repeat(slope, 3, axis=2), 30)[..., 0]
    down, right = np.gradient(turned)
    assert right.mean() == pytest.approx(math.cos(math.radians(30)) / 100, rel=0.01)
    assert down.mean() == pytest.approx(-math.sin(math.radians(30)) / 100, rel=0.01)  # grows upwards as well
    assert turned.min() > 0.3


def test_an_untouched_photo_is_exact():
    crop = rotated(IMAGE, 0)
    rows, columns = crop.shape[:2]
    top, left = (40 - rows) // 2, (60 - columns) // 2
    np.testing.assert_array_equal(crop, IMAGE[top : top + rows, left : left + columns])
    np.testing.assert_array_equal(noisy(IMAGE, 0), IMAGE)


def test_noise_has_its_deviation_and_always_the_same_grains():
    grey = np.full((200, 200, 3), 0.5, np.float32)
    weak, strong = noisy(grey, 0.05), noisy(grey, 0.1)
    assert weak.std() == pytest.approx(0.05, rel=0.02)
    np.testing.assert_allclose((strong - 0.5), 2 * (weak - 0.5), atol=1e-6)
    assert noisy(grey, 5).min() == 0
    assert noisy(grey, 5).max() == 1


def test_measures_of_opposite_orthogonal_and_zero_vectors():
    one = np.array([3.0, 4.0], np.float32)
    assert relative_change(one, one) == 0
    assert relative_change(one, 0 * one) == 1
    assert relative_change(one, -one) == 2
    assert cosine_similarity(one, 5 * one) == pytest.approx(1)
    assert cosine_similarity(one, -one) == pytest.approx(-1)
    assert cosine_similarity(one, np.array([-4.0, 3.0], np.float32)) == pytest.approx(0, abs=1e-7)
    for nothing in (0 * one, np.full(9, 1e-8, np.float32), np.zeros(0, np.float32)):
        assert math.isnan(relative_change(nothing, nothing + 1))
        assert math.isnan(cosine_similarity(nothing, nothing + 1))


@pytest.mark.parametrize("distance", [0, 1, 7, 0.5, 0.25, 3.75, 8.5])
def test_a_fine_map_can_be_moved_along(distance):
    moved, after = moved_along(wave(60, 0), wave(60, distance), distance)
    assert moved.shape == after.shape
    assert moved.shape[1] > 40
    assert relative_change(moved, after) < (1e-5 if distance == int(distance) else 0.01)


def test_an_aliased_map_cannot_be_moved_along():
    """A stripe pattern of two pixels, kept every second pixel: all light or all dark, which no moving explains."""
    stripes = np.tile(np.array([0, 1], np.float32), 40).reshape(1, -1, 1)
    before, after = stripes[:, ::2], np.roll(stripes, 1, axis=1)[:, ::2]
    assert relative_change(*moved_along(after, before, 0.5)) == 1


def test_a_map_too_narrow_to_move_gives_nothing():
    moved, after = moved_along(np.ones((4, 5, 2)), np.ones((4, 5, 2)), 3)
    assert moved.size == after.size == 0


@pytest.mark.parametrize("kind", ["max", "average", "skip", "blur"])
@pytest.mark.parametrize("stride", [2, 3])
def test_a_shift_by_the_stride_moves_the_maps_and_changes_nothing_else(kind, stride):
    layers = (ConvLayer(4, 3, padding="valid"), PoolLayer(kind, stride, stride))
    before, after = (run_stack(shifted(IMAGE, pixels, 6), layers) for pixels in (0, stride))
    assert relative_change(*moved_along(before, after, 1.0)) < 1e-5
    assert relative_change(before, after) > 0.1
