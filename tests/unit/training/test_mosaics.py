"""Pictures of the bundled detector's training: boxes stay on their objects wherever a photo goes."""

import numpy as np
import pytest

from training.data import mosaics
from training.data.assorted import LABELS, Labelled
from training.data.mosaics import Pool, mirrored, picture, placed


def photo_of(label: str, *, height: int = 120, width: int = 160, box=(40, 30, 100, 80)) -> Labelled:
    """A dark photo with one bright object."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 250
    return Labelled(pixels, np.array([box], np.float32), np.array([LABELS.index(label)]), label)


def bright_box(pixels: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(pixels[..., 0] > 200)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("size", [(64, 64), (48, 90), (200, 150)])
def test_a_box_stays_on_its_object(size):
    photo = photo_of("face")
    for seed in range(40):
        pixels, boxes, class_ids = placed(photo, size, (0.5, 1.6), np.random.default_rng(seed))
        assert pixels.shape == (*size, 3)
        if len(boxes):
            np.testing.assert_allclose(boxes[0], bright_box(pixels), atol=1.5, err_msg=f"seed {seed}")
            assert class_ids.tolist() == [LABELS.index("face")]


def test_objects_that_are_mostly_cropped_do_not_count():
    pixels = photo_of("face", box=(0, 0, 40, 30))
    found = [placed(pixels, (60, 80), (2.0, 2.0), np.random.default_rng(seed)) for seed in range(60)]
    assert 0 < sum(len(boxes) for _, boxes, _ in found) < 60
    for _, boxes, class_ids in found:
        assert len(boxes) == len(class_ids)
        assert (boxes[:, 2:] - boxes[:, :2] > mosaics.MIN_SIDE).all()


def test_a_photo_without_objects_may_be_placed():
    empty = Labelled(np.zeros((50, 60, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, int), "empty")
    _, boxes, class_ids = placed(empty, (40, 40), (0.5, 1.5), np.random.default_rng(0))
    assert boxes.shape == (0, 4)
    assert class_ids.shape == (0,)


@pytest.mark.parametrize(("label", "kinds"), [("face", 2), ("ace", 1), ("white cell", 4)])
def test_mirroring_moves_the_box(label, kinds):
    photo, found = photo_of(label), set()
    for seed in range(40):
        pixels, boxes, _ = mirrored(photo, np.random.default_rng(seed))
        np.testing.assert_array_equal(boxes[0], bright_box(pixels))
        found.add(tuple(boxes[0].tolist()))
    assert len(found) == kinds


@pytest.mark.parametrize(("label", "fraction"), [("ten", 1 / 2), ("face", 2 / 3), ("cat head", 4 / 5)])
def test_class_sampling_does_not_depend_on_the_number_of_photos(label, fraction):
    pool = Pool([photo_of("ace")] * 30 + [photo_of(label)])
    rng = np.random.default_rng(0)
    names = [pool.draw(rng).name for _ in range(4000)]
    assert names.count(label) / 4000 == pytest.approx(fraction, abs=0.04)


def test_four_photos_are_side_by_side(monkeypatch):
    monkeypatch.setattr(mosaics, "MOSAICS", 1.0)
    pool, rng = Pool([photo_of("face"), photo_of("raccoon")]), np.random.default_rng(3)
    counts = []
    for _ in range(20):
        pixels, boxes, class_ids = picture(pool, 128, rng)
        assert pixels.shape == (128, 128, 3)
        assert len(boxes) == len(class_ids)
        assert (boxes >= 0).all()
        assert (boxes <= 128).all()
        counts.append(len(boxes))
    assert max(counts) >= 3
