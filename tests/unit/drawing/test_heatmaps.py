"""Heatmaps: their colours keep the order of values, and overlays are weighted means."""

import numpy as np
import pytest

from cnn_demo.drawing.heatmaps import blend, heat_colours, overlay, peak_position


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def test_larger_values_are_brighter():
    colours = heat_colours(np.linspace(0, 1, 256))
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8
    luma = colours @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) > -1).all()  # rounding to bytes alone may take a little
    assert luma[0] < 2
    assert luma[-1] > 240
    red, green, blue = colours[192].astype(int)
    assert red > green > blue  # fire and not ice: the channels are in the order of RGB


def test_values_beyond_the_scale_are_clipped():
    np.testing.assert_array_equal(heat_colours(np.array([-2.0, 7.0])), heat_colours(np.array([0.0, 1.0])))


def test_nan_and_infinity_are_refused():
    with pytest.raises(ValueError, match="finite"):
        heat_colours(np.array([0.5, np.nan]))


@pytest.mark.parametrize("opacity", [0, 0.25, 0.6, 1])
def test_blending_is_a_weighted_mean(opacity):
    below, above = noise(5, 7, 3), noise(5, 7, 3)[::-1]
    expected = (1 - opacity) * below + opacity * above
    assert np.abs(blend(below, above, opacity) - expected).max() <= 0.5 + 1e-4


def test_an_overlay_is_the_picture_at_one_end_and_the_map_at_the_other():
    pixels, values = noise(6, 4, 3), np.random.default_rng(5).random((6, 4)).astype(np.float32)
    np.testing.assert_array_equal(overlay(pixels, values, 0), pixels)
    np.testing.assert_array_equal(overlay(pixels, values, 1), heat_colours(values))


@pytest.mark.parametrize(
    ("values", "opacity", "message"),
    [(np.zeros((6, 5)), 0.5, "shape"), (np.zeros((6, 4)), 1.01, "opacity"), (np.zeros((6, 4)), np.nan, "opacity")],
)
def test_arguments_that_do_not_match_are_refused(values, opacity, message):
    with pytest.raises(ValueError, match=message):
        overlay(noise(6, 4, 3), values, opacity)


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (0, 0, "top left"),
        (9, 29, "top right"),
        (29, 0, "bottom left"),
        (20, 20, "bottom right"),
        (15, 15, "middle"),
        (2, 15, "top"),
        (15, 2, "left"),
    ],
)
def test_the_position_of_the_peak_in_words(row, column, text):
    values = np.zeros((30, 30))
    values[row, column] = 1
    assert peak_position(values) == text
