"""Each scaling is Keras's own, to the last bit that matters, and its grey is the value nearest to zero."""

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.preprocessing import SCALINGS


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
@pytest.mark.parametrize("shape", [(5, 4, 3), (2, 5, 4, 3)])
def test_agrees_with_keras(mode, shape):
    from keras.src.applications import imagenet_utils

    frameworks.keras()
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = imagenet_utils.preprocess_input(pixels.astype(np.float32), data_format="channels_last", mode=mode)
    ours = SCALINGS[mode].apply(pixels)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_networks_that_scale_themselves_get_unscaled_pixels():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(SCALINGS["none"].apply(pixels), pixels.astype(np.float32))


def test_lite_agrees_with_its_authors():
    pixels = np.array([[[0, 127, 255]]], np.uint8)
    np.testing.assert_array_equal(SCALINGS["lite"].apply(pixels), [[[-127 / 128, 0, 1]]])


def test_unit_agrees_with_ultralytics():
    np.testing.assert_allclose(SCALINGS["unit"].apply(np.array([0, 51, 255], np.uint8)), [0, 0.2, 1], rtol=1e-6)


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch", "lite", "unit"])
def test_grey_is_the_level_nearest_to_zero(mode):
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    distance = np.abs(SCALINGS[mode].apply(greys)).mean(axis=1)
    assert abs(SCALINGS[mode].grey - int(distance.argmin())) <= 2


@pytest.mark.parametrize("mode", SCALINGS)
def test_the_pixels_are_left_alone(mode):
    pixels = np.full((2, 2, 3), 7, np.uint8)
    SCALINGS[mode].apply(pixels)
    assert (pixels == 7).all()
