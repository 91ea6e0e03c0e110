"""Masked photos: splits that never mix, classes that stay on their pixels, and pets whose outline is settled."""

import numpy as np
import pytest

from cnn_demo.models.catalogue.registry import PET_LABELS, STREET_LABELS
from cnn_demo.models.detection.letterbox import GREY
from cnn_demo.models.segmentation.metrics import IGNORED
from training.data import masks
from training.data.masks import MaskedPhoto, focus, foreground, in_window, read_camvid, read_pets, view

LEVELS = np.array([20, 90, 160, 230], np.uint8)  # of the pixels of classes 0 to 3


@pytest.fixture
def photo():
    """Four classes, each of its own grey: a frame of 0, a block of 1 with a small 2, and a strip of 3."""
    mask = np.zeros((90, 120), np.uint8)
    mask[20:60, 20:80], mask[30:40, 40:60], mask[70:80] = 1, 2, 3
    return MaskedPhoto(np.repeat(LEVELS[mask][..., None], 3, 2), mask, "photo")


def test_streets_keep_their_own_split_and_unlabelled_pixels_are_ignored(masked_archives):
    training, validation = read_camvid(masked_archives)
    assert [photo.name for photo in training] == ["train_0", "train_1", "train_2"]
    assert [photo.name for photo in validation] == ["val_0", "val_1"]
    for photo in training + validation:
        assert photo.pixels.shape == (72, 96, 3)
        assert set(np.unique(photo.mask)) == {0, 2, 3, IGNORED}
    assert STREET_LABELS[2] == "pole"
    assert STREET_LABELS[3] == "road"


def test_each_seventh_pet_is_held_back_and_has_its_species(masked_archives):
    training, validation = read_pets(masked_archives)
    assert [photo.name for photo in validation] == ["Breed_00", "Breed_07"]
    assert len(training) == 12
    for photo in training + validation:
        species = "cat" if int(photo.name[-2:]) % 2 else "dog"
        assert set(np.unique(photo.mask)) == {0, PET_LABELS.index(species), IGNORED}
        bright = photo.pixels[photo.mask == PET_LABELS.index(species)].mean() > 128
        assert bright == (species == "cat")


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="camvid"):
        read_camvid(tmp_path)


def test_the_outline_is_settled_in_the_middle_of_the_border(masked_archives):
    photo = read_pets(masked_archives)[0][0]
    np.testing.assert_array_equal(foreground(photo.mask), np.abs(photo.pixels.astype(int)[..., 1] - 160) > 60)


@pytest.mark.parametrize("label", [0, 2])
def test_a_mask_of_one_class_alone_is_settled_too(label):
    mask = np.full((5, 5), IGNORED, np.uint8)
    mask[2] = label
    assert foreground(mask).sum() == (5 if label else 0)


@pytest.mark.parametrize("size", [(64, 64), (48, 90), (220, 150)])
def test_classes_stay_on_their_pixels(photo, size, monkeypatch):
    monkeypatch.setattr(masks, "recolour", lambda picture, rng: picture)
    for seed in range(30):
        pixels, classes = view(photo, size, (0.5, 2.0), np.random.default_rng(seed))
        assert pixels.shape == (*size, 3)
        assert classes.shape == size
        assert (pixels[classes == IGNORED] == GREY).all()
        inner = classes != IGNORED
        wrong = np.abs(pixels[..., 0].astype(int)[inner] - LEVELS[classes[inner]]) > 36
        assert wrong.mean() < 0.15, seed  # mixed where two classes meet


def test_views_are_of_many_scales_and_mirrored(photo, monkeypatch):
    monkeypatch.setattr(masks, "recolour", lambda picture, rng: picture)
    fractions, lefts = [], 0
    for seed in range(60):
        _, classes = view(photo, (300, 300), (0.5, 2.0), np.random.default_rng(seed), outside=9)
        fractions.append((classes != 9).sum() / 300**2)
        rows = classes[(classes == 2).any(axis=1)]
        inside = np.flatnonzero((rows != 9).any(axis=0))
        lefts += np.flatnonzero((rows == 2).any(axis=0)).mean() < inside.mean()
    assert min(fractions) < 0.05
    assert max(fractions) > 0.3
    assert 15 < lefts < 45


def test_rare_classes_are_in_the_focus(photo):
    rng = np.random.default_rng(0)
    points = np.array([focus(photo.mask, rng) for _ in range(200)]) * photo.mask.shape
    labels = photo.mask[tuple(np.round(points).astype(int).T)]
    assert 30 < (labels == 2).sum() < 70  # a quarter, though it has a fiftieth of the pixels
    nothing = focus(np.full((4, 4), IGNORED, np.uint8), rng)
    assert ((nothing >= 0) & (nothing < 1)).all()


def test_a_window_cuts_and_fills():
    picture = np.arange(12).reshape(3, 4)
    assert in_window(picture, np.array([-1, -2]), (3, 3), 99).tolist() == [[6, 7, 99], [10, 11, 99], [99, 99, 99]]
    assert in_window(picture, np.array([1, 2]), (3, 4), 99).tolist() == [[99] * 4, [99, 99, 0, 1], [99, 99, 4, 5]]
