"""The sample set: present, small, credited, and one on which pretraining clearly helps."""

from collections import Counter

import pytest
from PIL import Image

from cnn_demo.models import load
from cnn_demo.models.transfer import backbones, sample_sets
from cnn_demo.models.transfer.linear_head import split, train_head
from cnn_demo.models.transfer.sample_sets import textures

FOLDER = sample_sets.FOLDER / "textures"


def test_it_has_its_classes_in_order_and_describes_them():
    photos = textures()
    assert photos.labels == ("brick", "grass", "gravel")
    assert Counter(photos.classes.tolist()) == {0: 16, 1: 16, 2: 16}
    for photo, number in zip(photos.photos, photos.classes, strict=True):
        assert photo.name.startswith(photos.labels[number])
        assert photo.alt == sample_sets.ALT[photos.labels[number]]
        assert photo.pixels.shape == (128, 128, 3)
        assert photo.pixels.std() > 10
    assert textures() is photos


def test_its_files_are_small_and_credited():
    files = sorted(FOLDER.rglob("*.jpg"))
    assert len(files) == 48
    assert sum(file.stat().st_size for file in files) < 1_000_000
    credits = (sample_sets.FOLDER / "CREDITS.md").read_text(encoding="utf-8")
    for folder in FOLDER.iterdir():
        assert f"`textures/{folder.name}`" in credits
    for file in files:
        with Image.open(file) as image:
            assert not dict(image.getexif())


@pytest.mark.parametrize(("key", "least"), [("cifar10_cnn", 0.8), ("efficientnet_lite0", 0.95)])
def test_pretrained_features_separate_them_far_better_than_random_ones(key, least):
    photos, model = textures(), load(key)
    accuracies = {}
    for which in (backbones.features, backbones.random_features):
        features, accuracies[which] = which(model, photos.photos), []
        for seed in range(1, 6):
            *_, run = train_head(features, photos.classes, photos.labels, split(photos.classes, seed=seed)[1])
            accuracies[which].append(run.epochs[-1].held_out_accuracy)
    pretrained, random = (sum(each) / 5 for each in accuracies.values())
    assert pretrained > least
    assert 0.3 < random < 0.8
