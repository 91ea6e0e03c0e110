"""Covered parts of photos, and photos without colour, shape or texture, pixel by pixel."""

import numpy as np
import pytest

from cnn_demo.images.covering import CHANGES, FILLS, GREY, changed, covered, greyscale, shuffled, smoothed

NOISE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
CORNER = np.zeros((60, 90), bool)
CORNER[:20, 50:] = True
each_fill = pytest.mark.parametrize("fill", FILLS)


@each_fill
@pytest.mark.parametrize("scale", [1, 8], ids=["small", "filled at a smaller size"])
def test_only_what_the_mask_has_is_covered(fill, scale):
    pixels, mask = (np.ascontiguousarray(a.repeat(scale, 0).repeat(scale, 1)) for a in (NOISE, CORNER))
    pixels.flags.writeable = False
    result = covered(pixels, mask, fill)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[~mask], pixels[~mask])
    assert (result[mask] != pixels[mask]).any(axis=-1).mean() > 0.9
    assert covered(pixels, np.zeros_like(mask), fill) is pixels


def test_grey_is_grey():
    assert (covered(NOISE, CORNER, "grey")[CORNER] == GREY).all()


def test_blur_leaves_no_detail_but_the_mean_colour():
    """Stripes of a pixel each become one grey; a red half stays red."""
    stripes = np.zeros((60, 90, 3), np.uint8)
    stripes[:, ::2] = 200
    found = covered(stripes, CORNER, "blur")[CORNER].astype(int)
    assert np.ptp(found) <= 6
    assert abs(found.mean() - 100) < 3
    halves = np.zeros((60, 90, 3), np.uint8)
    halves[:, 45:, 0] = 250
    assert covered(halves, CORNER, "blur")[10, 85].tolist() == pytest.approx([250, 0, 0], abs=3)


def test_inpainting_continues_the_surroundings():
    """An object on a plain ground vanishes, also where the mask only just covers it."""
    ground = np.full((60, 90, 3), (10, 120, 200), np.uint8)
    for scale in (1, 5):
        clean = ground.repeat(scale, 0).repeat(scale, 1)
        photo, mask = clean.copy(), np.zeros(clean.shape[:2], bool)
        mask[13 * scale : 30 * scale, 21 * scale : 50 * scale + 1] = True
        photo[mask] = (255, 0, 0)
        np.testing.assert_allclose(covered(photo, mask, "inpaint").astype(int), clean, atol=8)  # Telea sums fractions


@each_fill
def test_a_photo_may_be_covered_whole(fill):
    result = covered(NOISE, np.ones((60, 90), bool), fill)
    if fill != "blur":
        assert (result == GREY).all()
    tiny = covered(NOISE[:1, :1], np.ones((1, 1), bool), fill)
    assert tiny.shape == (1, 1, 3)


def test_greys_have_the_brightness_of_their_colours():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [77, 77, 77]]], np.uint8)
    assert greyscale(colours)[0].tolist() == [[76] * 3, [150] * 3, [29] * 3, [77] * 3]


def test_every_patch_is_moved_and_none_is_changed():
    numbers = np.arange(16, dtype=np.uint8).reshape(4, 4)
    photo = np.repeat(numbers.repeat(5, 0).repeat(6, 1)[..., None], 3, 2)
    photo = np.pad(photo, ((0, 3), (0, 2), (0, 0)), constant_values=99)  # a margin that is no whole patch
    result = shuffled(photo, 4)
    np.testing.assert_array_equal(shuffled(photo, 4), result)
    assert (result[20:] == 99).all()
    assert (result[:, 24:] == 99).all()
    patches = result[:20, :24, 0].reshape(4, 5, 4, 6).swapaxes(1, 2).reshape(16, 30)
    assert (patches == patches[:, :1]).all()
    assert sorted(patches[:, 0]) == list(range(16))
    assert (patches[:, 0] != np.arange(16)).all()
    np.testing.assert_array_equal(shuffled(photo, 1), photo)
    assert sorted(shuffled(NOISE[:3, :2], 16).reshape(-1, 3).tolist()) == sorted(NOISE[:3, :2].reshape(-1, 3).tolist())


def test_smoothing_removes_texture_and_keeps_the_edge():
    texture = np.random.default_rng(1).normal(0, 12, (80, 100, 1))
    levels = np.where(np.arange(100) < 50, 50, 210)[None, :, None]
    photo = np.repeat(np.clip(levels + texture, 0, 255).astype(np.uint8), 3, 2)
    result = smoothed(photo, 12).astype(float)
    for half in (np.s_[:, :48], np.s_[:, 52:]):
        assert result[half].std() < 0.35 * photo[half].std()
    assert (result[:, 52] - result[:, 47]).mean() > 0.9 * 160
    assert smoothed(photo, 0) is photo
    large = np.full((30, 1500, 3), 40, np.uint8)
    np.testing.assert_array_equal(smoothed(large, 20), large)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_the_function_of_its_name(change):
    expected = {"none": NOISE, "colour": greyscale(NOISE), "shape": shuffled(NOISE, 5), "texture": smoothed(NOISE, 15)}
    np.testing.assert_array_equal(changed(NOISE, change, patches=5, smoothing=15), expected[change])


def test_what_cannot_be_done_is_named():
    with pytest.raises(ValueError, match="no fill 'paint'"):
        covered(NOISE, CORNER, "paint")
    with pytest.raises(ValueError, match="mask must be"):
        covered(NOISE, CORNER[:5])
    with pytest.raises(ValueError, match="no change 'size'"):
        changed(NOISE, "size")
    with pytest.raises(ValueError, match="1 to 16 patches, not 17"):
        shuffled(NOISE, 17)
    with pytest.raises(ValueError, match="from 0 to 25, not 26"):
        smoothed(NOISE, 26)
