"""Crops of a photo in cells: their texts, their limits, and their values."""

import numpy as np
import pytest

from cnn_demo.images.crop import FEWEST, MOST, Crop, crop_around, format_crop, is_crop, read_crop

SIZES = [(300, 451), (1, 1), (5, 900), (1280, 40), (24, 24), (8, 7)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("text", ["", "12.8.40.60", "1.0.0.0", "99.9999.99999.99999", "24.3.290.440", "nonsense"])
def test_a_crop_lies_in_the_photo(size, text):
    crop = read_crop(text, size, (size[0] - 1, 0))
    assert FEWEST <= crop.cells <= MOST
    assert min(crop.cell, crop.height, crop.width) >= 1
    assert max(crop.height, crop.width) <= crop.cells
    assert min(crop.row, crop.column) >= 0
    assert crop.row + crop.height * crop.cell <= size[0]
    assert crop.column + crop.width * crop.cell <= size[1]
    assert crop.cut(np.zeros(size)).shape == (crop.height, crop.width, 1)


def test_a_text_names_a_crop():
    assert read_crop(format_crop(10, 7, 20, 33), (300, 451), (0, 0)) == Crop(10, 7, 20, 33, 10, 10)
    assert is_crop("")
    assert is_crop("10.7.20.33")
    assert not any(map(is_crop, ("10.7.20", "10.7.20.33.1", "-1.7.2.3", "x")))


def test_the_usual_crop_is_a_third_of_the_photo_around_its_centre():
    assert crop_around((300, 451), (150, 225)) == Crop(12, 8, 102, 178, 12, 12)
    assert crop_around((300, 451), (150, 225), cell=1) == Crop(12, 1, 144, 220, 12, 12)


def test_a_cell_is_the_mean_of_its_pixels():
    image = np.random.default_rng(3).random((40, 50, 3), dtype=np.float32)
    cells = Crop(8, 3, 5, 7, 8, 8).cut(image)
    assert cells.dtype == np.float32
    np.testing.assert_allclose(cells[2, 5], image[11:14, 22:25].mean(axis=(0, 1)), atol=1e-6)
    np.testing.assert_array_equal(Crop(8, 1, 5, 7, 8, 8).cut(image), image[5:13, 7:15])
