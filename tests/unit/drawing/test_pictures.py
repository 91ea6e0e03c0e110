"""Arrays to pictures, against plain NumPy; and pictures to files and back."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cnn_demo.drawing.pictures import DISPLAYS, RED_BLUE, display_values, jpeg_url, png_bytes, signed_scale

RED, BLUE, WHITE = (178, 24, 43), (33, 102, 172), (247, 247, 247)
DRAW = np.random.default_rng(5)
# Negative, within 0..1 and beyond; grey and colour; sizes that fill no whole vector register.
ARRAYS = [DRAW.uniform(-2, 3, shape).astype(np.float32) for shape in ((37, 53), (37, 53, 3), (1, 1), (1, 1, 3), (2, 9))]
ids = pytest.mark.parametrize("values", ARRAYS, ids=lambda values: "x".join(map(str, values.shape)))


def assert_rounded(picture: np.ndarray, exact: np.ndarray) -> None:
    """Compare with the exact, unrounded brightness: half a step off, no more; saturated outside 0..255."""
    assert picture.dtype == np.uint8
    assert picture.shape == exact.shape
    assert np.abs(picture - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-4


@ids
def test_clip(values):
    assert_rounded(display_values(values, "clip"), values.astype(np.float64) * 255)


@ids
def test_absolute(values):
    assert_rounded(display_values(values, "absolute"), np.abs(values.astype(np.float64)) * 255)


@ids
def test_stretch(values):
    values = np.concatenate([values, 1 - values])  # never a single number, which has no range
    low, high = values.min(), values.max()
    picture = display_values(values, "stretch")
    assert_rounded(picture, (values.astype(np.float64) - low) / (float(high) - low) * 255)
    assert picture[values == low].max() == 0
    assert picture[values == high].min() == 255


@ids
def test_signed(values):
    plane = values.astype(np.float64)
    plane = plane.mean(axis=2) if values.ndim == 3 else plane
    scale = np.sort(np.abs(plane), axis=None)[int(0.99 * (plane.size - 1))]
    assert signed_scale(values) == pytest.approx(scale, rel=1e-5)
    step = np.clip(plane / scale, -1, 1) * 127
    picture = display_values(values, "signed")
    assert picture.shape == (*plane.shape, 3)
    sure = np.abs(step - np.floor(step) - 0.5) > 1e-3  # next to a half, rounding may go either way
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(picture[sure], RED_BLUE[np.rint(step).astype(int) + 127, 0][sure])


@pytest.mark.parametrize("shape", [(1000, 900), (900, 1000, 3), (5, 1280)])
def test_the_scale_of_a_large_picture_is_near_the_percentile_of_all_pixels(shape):
    values = DRAW.standard_normal(shape).astype(np.float32)
    magnitudes = np.abs(values if values.ndim == 2 else values.mean(axis=2))
    below = (magnitudes < signed_scale(values)).mean()
    assert 0.98 < below < 0.995


def test_a_bright_frame_does_not_make_all_else_pale():
    values = np.full((200, 200), 0.2, np.float32)
    values[0, :] = 3.0  # half a percent of the pixels
    assert signed_scale(values) == pytest.approx(0.2)
    picture = display_values(values, "signed")
    assert (picture == RED).all()


def test_a_few_responses_among_zeros_are_shown_by_their_own_size():
    values = np.zeros((50, 50), np.float32)
    values[25, 25:27] = 3.0, -1.5
    assert signed_scale(values) == 3.0
    picture = display_values(values, "signed")
    assert tuple(picture[25, 25]) == RED
    assert tuple(picture[0, 0]) == WHITE
    assert picture[25, 26].tolist() in RED_BLUE[63:65, 0].tolist()  # half way to blue


def test_every_grey_level_comes_through_unchanged():
    levels = np.arange(256, dtype=np.uint8)[None]
    values = levels.astype(np.float32) / 255
    np.testing.assert_array_equal(display_values(values, "clip"), levels)
    np.testing.assert_array_equal(display_values(-values, "absolute"), levels)
    np.testing.assert_array_equal(display_values(values * 40 - 7, "stretch"), levels)


def test_zero_is_white_exactly_and_the_ends_are_full_colour():
    picture = display_values(np.array([[-3, 0, 3], [0, 1e-6, -1e-6]], np.float32), "signed")
    assert picture.tolist() == [[list(BLUE), list(WHITE), list(RED)], [list(WHITE)] * 3]


def test_the_colour_map_grows_evenly_to_both_sides():
    assert RED_BLUE.shape == (256, 1, 3)
    assert tuple(RED_BLUE[127, 0]) == WHITE
    assert tuple(RED_BLUE[0, 0]) == BLUE
    assert tuple(RED_BLUE[254, 0]) == RED
    brightness = RED_BLUE[:255, 0].astype(int).sum(axis=1)
    assert (np.diff(brightness)[:127] > 0).all()
    assert (np.diff(brightness)[127:] < 0).all()


@pytest.mark.parametrize(("value", "colour"), [(0.0, WHITE), (2.5, RED), (-2.5, BLUE)])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_a_constant_image_keeps_its_sign(shape, value, colour):
    picture = display_values(np.full(shape, value, np.float32), "signed")
    assert (picture == colour).all()
    assert signed_scale(np.full(shape, value, np.float32)) == abs(value)


@pytest.mark.parametrize(("display", "expected"), [("clip", 255), ("absolute", 255), ("stretch", 128)])
def test_a_constant_image_of_large_values(display, expected):
    assert (display_values(np.full((3, 4, 3), 7.0, np.float32), display) == expected).all()


def test_channels_that_cancel_are_white():
    values = np.array([[[0.5, -0.25, -0.25], [1, 1, 1]]], np.float32)
    assert display_values(values, "signed").tolist() == [[list(WHITE), list(RED)]]


def test_the_input_stays_as_it_was():
    for display in DISPLAYS:
        values = ARRAYS[1].copy()
        values.flags.writeable = False
        display_values(values, display)
        np.testing.assert_array_equal(values, ARRAYS[1])


def test_an_unknown_display_names_the_choices():
    with pytest.raises(ValueError, match="'viridis': choose one of clip, absolute, stretch, signed"):
        display_values(ARRAYS[0], "viridis")


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (31, 17), (31, 17, 3)])
def test_png_is_exact_to_the_last_bit(shape):
    pixels = DRAW.integers(0, 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(png_bytes(pixels))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_jpeg_is_nearly_the_same_with_its_colours_in_order():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 40, np.uint8)], 2)
    head, _, body = jpeg_url(pixels).partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(body, validate=True))) as image:
        assert image.format == "JPEG"
        difference = np.abs(np.asarray(image).astype(int) - pixels)
    assert difference.mean() < 2
    assert difference.max() < 20


def test_a_grey_jpeg_is_read_as_grey():
    pixels = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (16, 1))
    with Image.open(io.BytesIO(base64.b64decode(jpeg_url(pixels).partition(",")[2]))) as image:
        assert image.mode == "L"
        assert np.abs(np.asarray(image).astype(int) - pixels).max() <= 3


def test_a_picture_too_long_for_its_format_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"A picture of shape \(1, 70000\) cannot be written as \.jpg\."):
        jpeg_url(np.zeros((1, 70000), np.uint8))
