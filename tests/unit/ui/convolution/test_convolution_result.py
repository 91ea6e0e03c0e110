"""Page 1's computation and its captions."""

import io

import numpy as np
import pytest
from PIL import Image

from cnn_demo.convolution import convolve, kernel
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import Photo
from cnn_demo.ui.convolution.result import compute, display_caption, input_image, result_png
from cnn_demo.ui.convolution.settings import read_settings
from cnn_demo.ui.convolution.views import _sum, dropped_sentence

PHOTO = Photo(np.random.default_rng(4).integers(0, 256, (30, 40, 3), dtype=np.uint8), "noise.png", "digest-of-noise")


def run(pixel=(0, 0), channel=0, photo=PHOTO, **state):
    settings = read_settings(state)
    return settings, compute(photo, settings, pixel, channel)


def test_the_photo_is_scaled_to_0_to_1():
    image = input_image(PHOTO, grey=False)
    np.testing.assert_allclose(image, PHOTO.pixels / 255, atol=1e-6)
    np.testing.assert_allclose(input_image(PHOTO, grey=True), PHOTO.pixels.mean(axis=2) / 255, atol=1e-6)
    assert image.dtype == input_image(PHOTO, grey=True).dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0] = 0


def test_photos_of_one_name_and_size_are_distinguished():
    changed = PHOTO.pixels.copy()
    changed[7, 7] ^= 255
    other = Photo(changed, PHOTO.name, "digest-of-another")
    assert not np.array_equal(input_image(PHOTO, False), input_image(other, False))


@pytest.mark.parametrize("grey", [False, True])
def test_the_opened_pixel_is_the_pixel_of_the_result(grey):
    settings, result = run((3, 5), 0 if grey else 2, kernel="sobel", grey=grey, bias=0.25, stride=2, mode="reflect")
    values = result.values if grey else result.values[..., 2]
    assert result.arithmetic.total == pytest.approx(float(values[3, 5]), abs=1e-5)
    assert result.arithmetic.bias == 0.25
    np.testing.assert_allclose(result.values, convolve(result.image, kernel("sobel"), settings.spec, 0.25), atol=1e-6)


def test_the_activation_comes_after_the_bias():
    _, plain = run(kernel="sobel", bias=-0.5)
    _, result = run(kernel="sobel", bias=-0.5, activation="relu")
    np.testing.assert_array_equal(result.values, np.maximum(plain.values, 0))
    assert result.arithmetic.total == plain.arithmetic.total


def test_the_download_is_the_picture_on_the_screen():
    settings, result = run(kernel="sobel", stride=3)
    with Image.open(io.BytesIO(result_png(settings, result))) as image:
        np.testing.assert_array_equal(np.asarray(image), display_values(result.values, "signed"))


@pytest.mark.parametrize(
    ("show", "start"),
    [
        ("clip", "Clip: 0 or less is black"),
        ("absolute", "Absolute value: The sign is dropped"),
        ("stretch", "Stretch: black is -"),
        ("signed", "Signed, red–blue: full colour is ±"),
    ],
)
def test_the_caption_explains_the_brightness(show, start):
    settings, result = run(kernel="sobel", show=show)
    caption = display_caption(settings, result)
    assert caption.startswith(start)
    assert caption.endswith(".")
    if show == "stretch":
        assert f"black is {result.values.min():.3g}, white {result.values.max():.3g}" in caption


@pytest.mark.parametrize(
    ("border", "words"),
    [
        ((0, 0), "No border is dropped"),
        ((0, 2), "included): **2** columns."),
        ((1, 0), "included): **1** row."),
        ((3, 1), "included): **3** rows and **1** column."),
    ],
)
def test_only_a_dropped_border_is_counted(border, words):
    assert words in dropped_sentence(*border)


def test_a_long_sum_begins_with_its_largest_products():
    settings, result = run(kernel="gaussian")
    largest = np.sort(result.arithmetic.products.ravel())[::-1][:4]
    written = " + ".join(f"{value:.4f}" for value in largest)
    assert f"(81 terms, the largest first)**:** {written} + … = " in _sum(settings, result)
