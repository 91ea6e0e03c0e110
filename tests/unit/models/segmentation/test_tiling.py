"""Tiles cover everything, begin at whole strides and add up to one; photos of any shape become whole strides."""

import numpy as np
import pytest

from cnn_demo.models.segmentation.tiling import Frame, weight_of
from cnn_demo.models.tiling import tiles

SIZES = [(960, 1280), (512, 512), (64, 2048), (544, 32), (1056, 736)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("tile", "overlap", "stride"), [(512, 0.25, 32), (256, 0.5, 32), (128, 0, 16)])
def test_tiles_cover_the_input_at_whole_strides(size, tile, overlap, stride):
    seen = np.zeros(size, int)
    for part in tiles(size, tile, overlap, stride):
        assert part.top % stride == part.left % stride == part.height % stride == part.width % stride == 0
        assert part.top + part.height <= size[0]
        assert part.left + part.width <= size[1]
        assert max(part.height, part.width) <= tile
        seen[part.slices] += 1
    assert seen.min() >= 1


def test_neighbours_have_the_requested_overlap():
    lefts = sorted({part.left for part in tiles((512, 2048), 512, 0.25, 32)})
    assert lefts[0] == 0
    assert lefts[-1] == 2048 - 512
    assert np.diff(lefts).max() <= 512 * 0.75


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_weights_are_positive_and_high_in_the_middle_and_at_the_photos_border(size):
    total = np.zeros(size)
    for part in tiles(size, 256, 0.25, 32):
        weight = weight_of(part, size)
        assert weight.shape == (part.height, part.width)
        assert weight.min() > 0
        assert weight.max() <= 1
        total[part.slices] += weight
    assert total.min() > 0.001  # where four tiles meet; enough to divide by
    assert total[0, 0] > 0.99


@pytest.mark.parametrize(("tile", "overlap"), [(0, 0.25), (100, 0.25), (-32, 0.25), (64, 1.0), (64, -0.1)])
def test_invalid_tiles_are_refused(tile, overlap):
    with pytest.raises(ValueError, match="must be"):
        tiles((512, 512), tile, overlap, 32)


@pytest.mark.parametrize("photo", [(480, 640), (1, 1), (1, 500), (333, 77), (512, 512)], ids=str)
def test_the_photo_is_in_the_upper_left_corner_and_mirrored_beyond(photo):
    pixels = np.random.default_rng(0).integers(0, 256, (*photo, 3), dtype=np.uint8)
    frame = Frame.fit(photo, min(photo), 32)
    seen = frame.apply(pixels)
    assert frame.scaled == photo
    assert seen.shape == (*frame.input, 3)
    assert frame.input[0] % 32 == frame.input[1] % 32 == 0
    assert all(0 <= whole - length < 32 for whole, length in zip(frame.input, photo, strict=True))
    np.testing.assert_array_equal(seen[: photo[0], : photo[1]], pixels)
    if min(photo) > 32:
        below = frame.input[0] - photo[0]
        np.testing.assert_array_equal(seen[photo[0] :, : photo[1]], pixels[-1 - below : -1][::-1])


def test_proportions_stay_and_a_side_of_zero_is_refused():
    assert Frame.fit((480, 640), 240, 32).scaled == (240, 320)
    assert Frame.fit((480, 640), 240, 32).input == (256, 320)
    with pytest.raises(ValueError, match="must be 1 or more, not 0"):
        Frame.fit((480, 640), 0, 32)
