"""Colours of masks are far apart, and seen on any photo."""

import cv2
import numpy as np
import pytest

from cnn_demo.drawing.palette import MOST, as_hex, distinct_colours


def lab(colours: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0]


@pytest.mark.parametrize(("count", "least"), [(10, 48), (20, 34), (150, 14), (MOST, 11)])
def test_colours_are_apart(count, least):
    points = lab(distinct_colours(count))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e6 * np.eye(count)
    assert distances.min() >= least


def test_colours_are_neither_black_nor_white_nor_grey():
    points = lab(distinct_colours(MOST))
    assert (points[:, 0] > 34).all()
    assert (points[:, 0] < 93).all()
    assert (np.hypot(points[:, 1], points[:, 2]) > 29).all()


def test_a_larger_palette_extends_a_smaller_one_and_is_a_copy():
    first = distinct_colours(5)
    np.testing.assert_array_equal(distinct_colours(40)[:5], first)
    first[:] = 0
    assert distinct_colours(5).any()
    assert distinct_colours(0).shape == (0, 3)


def test_a_colour_is_written_as_browsers_read_it():
    assert as_hex(np.array([255, 0, 10], np.uint8)) == "#ff000a"


@pytest.mark.parametrize("count", [-1, MOST + 1])
def test_there_are_not_more_than_an_indexed_picture_holds(count):
    with pytest.raises(ValueError, match="colours"):
        distinct_colours(count)
