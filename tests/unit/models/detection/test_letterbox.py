"""The letterbox is Ultralytics' own, and boxes are mapped back."""

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.detection.letterbox import GREY, Letterbox

SIZES = [(480, 640), (1280, 853), (333, 1280), (100, 60), (640, 640), (1, 500), (37, 41)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("side", "stride"), [(640, 32), (320, 32), (1280, 64)])
def test_it_is_that_of_ultralytics(size, side, stride):
    frameworks.ultralytics()
    from ultralytics.data.augment import LetterBox

    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    frame = Letterbox.fit(size, side, stride)
    np.testing.assert_array_equal(frame.apply(pixels), LetterBox((side, side), auto=True, stride=stride)(image=pixels))


@pytest.mark.parametrize("size", SIZES[:5], ids=str)
def test_boxes_are_mapped_back_as_in_ultralytics(size):
    frameworks.ultralytics()
    from ultralytics.utils.ops import scale_boxes

    frame = Letterbox.fit(size, 640, 32)
    draw = np.random.default_rng(1)
    low, extent = draw.uniform(-30, 600, (50, 2)), draw.uniform(0, 300, (50, 2))
    boxes = np.concatenate([low, low + extent], axis=1).astype(np.float32)
    expected = scale_boxes(frame.input, frameworks.torch().tensor(boxes), size).numpy()  # cut off at the border
    ours = np.clip(frame.to_photo(boxes), 0, np.tile(size[::-1], 2))
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_the_padding_is_grey_and_the_input_a_multiple_of_the_stride():
    frame = Letterbox.fit((300, 640), 640, 32)
    seen = frame.apply(np.zeros((300, 640, 3), np.uint8))
    assert seen.shape == (320, 640, 3)
    assert (frame.left, frame.top) == (0, 10)
    assert (seen[:10] == GREY).all()
    assert (seen[310:] == GREY).all()
    assert not seen[10:310].any()


@pytest.mark.parametrize("side", [0, 16, 33, -32])
def test_a_side_that_is_no_multiple_of_the_stride_is_refused(side):
    with pytest.raises(ValueError, match="must be a multiple of 32"):
        Letterbox.fit((100, 100), side, 32)
