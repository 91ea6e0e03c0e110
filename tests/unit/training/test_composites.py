"""Composites: every pet has its mask without the pixels that others hide, and mostly hidden pets do not count."""

import numpy as np
import pytest

from cnn_demo.models.segmentation.metrics import IGNORED
from training.data import composites, masks
from training.data.composites import (
    BACKGROUND_ARCHIVES,
    PetPool,
    blended,
    boxes_around,
    cut_out,
    full_photo,
    picture,
    random_paste,
)
from training.data.datasets import read_backgrounds
from training.data.masks import read_pets

SIDE = 96
CAT, DOG = 1, 2


@pytest.fixture(scope="module")
def menagerie(masked_archives):
    return PetPool(read_pets(masked_archives)[0], read_backgrounds(masked_archives, BACKGROUND_ARCHIVES)[0])


@pytest.fixture
def true_colours(monkeypatch):
    """Cats stay bright, dogs dark, their photos green and other photos blue."""
    for module in (composites, masks):
        monkeypatch.setattr(module, "recolour", lambda picture, rng: picture)


def test_backgrounds_come_from_the_requested_archives(masked_archives):
    backgrounds, held_back = read_backgrounds(masked_archives, ("cards",))
    assert len(backgrounds) + len(held_back) == 8


def test_a_cutout_is_the_pet_alone(masked_archives):
    cutout = cut_out(read_pets(masked_archives)[0][0])
    assert cutout.label == CAT
    assert cutout.inside.shape == (28, 30)
    assert cutout.inside.mean() > 0.95
    assert cutout.pixels.mean() > 200


def test_cats_are_drawn_as_often_as_dogs(menagerie):
    rng = np.random.default_rng(0)
    labels = [menagerie.draw(rng)[0].label for _ in range(200)]
    assert 70 < labels.count(CAT) < 130


def test_every_instance_is_on_its_pet(menagerie, true_colours):
    for seed in range(40):
        made = picture(menagerie, SIDE, np.random.default_rng(seed))
        assert made.pixels.shape == (SIDE, SIDE, 3)
        assert made.pixels.dtype == np.uint8
        assert set(np.unique(made.instances)) - {0} == set(range(1, len(made.labels) + 1))
        for number, label in enumerate(made.labels, 1):
            own = made.instances == number
            assert own.sum() >= composites.MIN_PIXELS
            red = made.pixels[own, 0].astype(int)
            assert (red > 130).mean() > 0.7 if label == CAT else (red < 130).mean() > 0.7, seed
            assert set(np.unique(made.classes[own])) <= {label, IGNORED}
        assert made.boxes.shape == (len(made.labels), 4)


def test_pictures_show_none_one_and_several(menagerie):
    counts = [len(picture(menagerie, SIDE, np.random.default_rng(seed)).labels) for seed in range(80)]
    assert set(counts) >= {0, 1, 2, 3}
    assert max(counts) <= composites.MOST + 1


def test_later_pastes_hide_earlier_ones(menagerie, monkeypatch):
    monkeypatch.setattr(composites, "ALONE", 0)
    monkeypatch.setattr(composites, "OTHER_THINGS", 0)
    everywhere = np.ones((SIDE, SIDE), bool)
    monkeypatch.setattr(composites, "random_paste", lambda *_: (np.zeros((SIDE, SIDE, 3), np.uint8), everywhere))
    made = picture(menagerie, SIDE, np.random.default_rng(0))
    assert len(made.labels) == 1
    assert (made.instances == 1).all()
    np.testing.assert_array_equal(made.boxes, [[0, 0, SIDE, SIDE]])


def test_a_pet_that_is_mostly_hidden_does_not_count():
    instances = np.zeros((20, 20), np.uint8)
    instances[:10], instances[10:, :5], instances[10:, 5:] = 1, 2, 3
    labels, areas = np.array([CAT, DOG, CAT]), np.array([200, 1000, 150])
    made = composites._counted(np.zeros((20, 20, 3), np.uint8), instances, labels, areas, instances)
    assert made.labels.tolist() == [CAT, CAT]
    assert np.bincount(made.instances.ravel()).tolist() == [50, 200, 150]


def test_a_pet_on_its_own_photo_keeps_its_border(menagerie):
    rng = np.random.default_rng(1)
    for _ in range(20):
        _, instances, labels, classes = full_photo(menagerie.draw(rng)[1], SIDE, rng)
        assert instances.max() == len(labels)
        assert (instances[(classes != IGNORED) & (classes > 0)] == 1).all()


def test_pets_are_thrown_in_many_sizes_and_stay_in_the_picture(menagerie):
    rng, sizes = np.random.default_rng(0), []
    for _ in range(60):
        pixels, cover = random_paste(menagerie.draw(rng)[0], SIDE, rng)
        assert pixels.shape == (SIDE, SIDE, 3)
        assert cover.any()
        box = boxes_around([cover])[0]
        sizes.append(max(box[2:] - box[:2]) / SIDE)
    assert min(sizes) < 0.3
    assert max(sizes) > 0.7


@pytest.mark.parametrize("deviation", composites.BLENDS)
def test_edges_are_blended(deviation):
    under, over = np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 200, np.uint8)
    cover = np.zeros((20, 20), bool)
    cover[:, :10] = True
    levels = blended(under, over, cover, deviation)[10, :, 0]
    assert levels[0] == 200
    assert levels[-1] == 0
    assert (np.diff(levels.astype(int)) <= 0).all()
    assert (len(set(levels.tolist())) > 2) == bool(deviation)
