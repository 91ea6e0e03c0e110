"""Corruptions, compared with closed forms, quarter turns and constants."""

import math

import cv2
import numpy as np
import pytest

from cnn_demo.images.corruptions import CORRUPTIONS, corrupt

DRAW = np.random.default_rng(4)
PHOTO = DRAW.integers(0, 256, (40, 60, 3), dtype=np.uint8)
each_kind = pytest.mark.parametrize("kind", CORRUPTIONS)


def flat(value: int, side: int = 100) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


@each_kind
def test_the_neutral_amount_changes_nothing_and_the_ends_do(kind):
    one = CORRUPTIONS[kind]
    np.testing.assert_array_equal(corrupt(PHOTO, kind, one.neutral), PHOTO)
    for end in {one.low, one.high} - {one.neutral}:
        assert not np.array_equal(corrupt(PHOTO, kind, end), PHOTO)


@each_kind
def test_amounts_cover_the_range_and_have_the_neutral_one(kind):
    one = CORRUPTIONS[kind]
    amounts = one.amounts()
    assert len(amounts) == 13
    assert (amounts[0], amounts[-1]) == (one.low, one.high)
    assert amounts == sorted(amounts)
    assert one.neutral in amounts


@each_kind
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (5, 7)])
def test_the_smallest_photos_keep_their_size(kind, shape):
    pixels = np.full((*shape, 3), 90, np.uint8)
    for amount in CORRUPTIONS[kind].amounts(4):
        out = corrupt(pixels, kind, amount)
        assert out.dtype == np.uint8
        assert out.shape == pixels.shape or (kind == "crop" and 0 not in out.shape)


def test_blur_is_a_gaussian_in_percent_of_the_shorter_side():
    line = np.zeros((100, 140, 3), np.uint8)
    line[:, 70] = 255
    out = corrupt(line, "blur", 3.0)  # 3 pixels
    away = np.arange(140) - 70
    expected = 255 * np.exp(-(away**2) / (2 * 3**2)) / (3 * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(out[50, :, 1], expected, atol=1.0)
    np.testing.assert_array_equal(corrupt(flat(77), "blur", 6.0), flat(77))


def test_noise_has_the_strength_it_is_given():
    out = corrupt(flat(128, 200), "noise", 10).astype(float) - 128
    assert out.std() == pytest.approx(25.5, rel=0.02)
    assert abs(out.mean()) < 0.5


def test_noise_is_the_same_grains_at_every_strength():
    weak, strong = (corrupt(flat(128), "noise", amount).astype(float) - 128 for amount in (5, 10))
    np.testing.assert_allclose(strong, 2 * weak, atol=1.5)
    np.testing.assert_array_equal(corrupt(PHOTO, "noise", 20, seed=3), corrupt(PHOTO, "noise", 20, seed=3))
    assert not np.array_equal(corrupt(PHOTO, "noise", 20, seed=3), corrupt(PHOTO, "noise", 20, seed=4))


def test_noise_of_a_large_photo_is_left_when_it_is_shrunk():
    shrunk = cv2.resize(corrupt(flat(128, 896), "noise", 10), (224, 224), interpolation=cv2.INTER_AREA)
    assert shrunk.std() == pytest.approx(25.5, rel=0.02)  # single pixels' noise would leave a quarter of it


def test_brightness_multiplies_and_clips():
    for before, amount, after in ((50, 200, 100), (200, 200, 255), (200, 0, 0), (90, 50, 45)):
        np.testing.assert_array_equal(corrupt(flat(before, 4), "brightness", amount), flat(after, 4))


def test_rotation_turns_counter_clockwise():
    square = cv2.GaussianBlur(PHOTO[:, :40], (0, 0), 1)
    for amount, quarters in ((90, 1), (-90, 3), (180, 2), (-180, 2)):
        difference = corrupt(square, "rotation", amount).astype(int) - np.rot90(square, quarters)
        assert np.abs(difference).max() <= 2  # OpenCV turns on a grid of 1/32 pixels
    np.testing.assert_array_equal(corrupt(flat(33), "rotation", 35), flat(33))  # no black corners


def test_crop_keeps_the_middle():
    np.testing.assert_array_equal(corrupt(PHOTO, "crop", 50), PHOTO[10:30, 15:45])


def test_jpeg_is_worse_at_lower_quality_and_keeps_colours():
    smooth = cv2.GaussianBlur(PHOTO, (0, 0), 2)
    errors = [np.abs(corrupt(smooth, "jpeg", amount).astype(int) - smooth).mean() for amount in (90, 40, 5)]
    assert errors[0] < errors[1] < errors[2]
    red = np.zeros((32, 32, 3), np.uint8) + np.array((200, 30, 40), np.uint8)
    np.testing.assert_allclose(corrupt(red, "jpeg", 60).astype(int), red, atol=4)


def test_a_screen_is_seen_from_the_side_with_coloured_stripes_and_one_bright_side():
    out = corrupt(flat(128, 200), "screen", 100).astype(float)
    left, right = out[:, :60].mean(), out[:, -60:].mean()
    assert left > right + 40
    differences = out[..., 0] - out[..., 2]  # red and blue have their stripes at different places
    assert differences.std() > 2
    dot = np.zeros((200, 200, 3), np.uint8)
    dot[170:174, 30:34] = 255
    row, column = np.unravel_index(corrupt(dot, "screen", 100)[..., 1].argmax(), (200, 200))
    assert row > 174  # moved outwards
    assert column < 28
    weak, strong = (np.abs(corrupt(PHOTO, "screen", amount).astype(int) - PHOTO).mean() for amount in (20, 100))
    assert 0 < weak < strong


@pytest.mark.parametrize(
    ("pixels", "kind", "amount", "says"),
    [
        (PHOTO.astype(np.float32), "blur", 1, "uint8"),
        (PHOTO[..., 0], "blur", 1, "uint8"),
        (PHOTO[:0], "blur", 1, "uint8"),
        (PHOTO, "fog", 1, "no corruption 'fog'"),
        (PHOTO, "crop", 5, "from 16 to 100"),
        (PHOTO, "noise", math.nan, "from 0 to 60"),
        (PHOTO, "blur", math.inf, "from 0 to 6"),
    ],
)
def test_invalid_arguments_are_refused(pixels, kind, amount, says):
    with pytest.raises(ValueError, match=says):
        corrupt(pixels, kind, amount)


@each_kind
def test_amounts_are_written_with_their_unit(kind):
    one = CORRUPTIONS[kind]
    written = one.written(one.high)
    assert written.startswith(f"{one.high:g}")
    assert written.endswith(one.unit)
