"""What is left of adversarial noise: the file, other networks, corruptions, and random noise."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_networks import Double, linear_network, picture

from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.images import read_photo, sample_photos
from cnn_demo.images.corruptions import corrupt
from cnn_demo.models import load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.robustness.adversarial import Attacker
from cnn_demo.models.robustness.smallest import smallest_noise
from cnn_demo.models.robustness.survival import (
    CONDITIONS,
    DRAWS,
    changed_by_chance,
    corrupted_pairs,
    outcomes,
    picture_with,
)


@pytest.mark.parametrize("key", ["efficientnet_lite0", "cifar10_cnn"])
def test_the_file_fools_the_network_when_it_is_read_back(key):
    model = load_classifier(key)
    photo = next(sample for sample in sample_photos() if sample.key == "motorcycle").load()
    seen = model.prepare(photo.pixels)
    attacker = Attacker(model, seen)
    found = smallest_noise(attacker, "pgd")
    file = png_bytes(picture_with(model, photo.pixels, found.best.altered))
    read = read_photo(file, "altered.png")
    np.testing.assert_array_equal(model.prepare(read.pixels), found.best.altered)
    predicted = model.predict(read.pixels).top(1)[0][0]
    assert predicted == model.labels[found.best.logits.argmax()] != model.labels[attacker.label]
    assert np.abs(found.best.altered.astype(int) - seen).max() <= found.best.budget


@pytest.mark.parametrize("crop", [1.0, 0.96, 0.875, 0.7])
@pytest.mark.parametrize("side", [32, 224, 299])
def test_the_file_is_prepared_exactly_whatever_the_crop(crop, side):
    spec = SimpleNamespace(crop=crop, resampling="area", input_size=(side, side))
    model = SimpleNamespace(spec=spec)
    photo, seen = picture(1, side=90), picture(2, side=side)
    made = picture_with(model, photo, seen)
    assert made.shape[0] == made.shape[1] == pytest.approx(side / crop, abs=1)
    np.testing.assert_array_equal(Classifier.prepare(model, made), seen)


def bright_or_dark():
    """Class 0 is a bright image, class 1 a dark one."""
    model = Double(linear_network(np.full((16, 16, 3), 1 / 768)))
    model.labels, model.prepare = ("bright", "dark"), lambda pixels: pixels
    return model


def test_outcomes_are_those_of_each_pair():
    model, light, dark = bright_or_dark(), np.full((16, 16, 3), 140, np.uint8), np.full((16, 16, 3), 110, np.uint8)
    reported = []
    found = outcomes(model, [(light, dark)] * 7 + [(light, light)], reported.append)
    assert [(each.label, each.altered_label) for each in found] == [("bright", "dark")] * 7 + [("bright", "bright")]
    assert [each.changes for each in found] == [True] * 7 + [False]
    assert found[0].probability > 0.5 < found[0].altered_probability
    assert reported == [10 / 16, 1.0]
    pairs = corrupted_pairs(light, dark)
    assert len(pairs) == len(CONDITIONS)
    for (kind, amount), (one, other) in zip(CONDITIONS, pairs, strict=True):
        np.testing.assert_array_equal(one, corrupt(light, kind, amount))
        np.testing.assert_array_equal(other, corrupt(dark, kind, amount))


@pytest.mark.parametrize(("level", "least", "most"), [(127, DRAWS // 4, DRAWS), (200, 0, 0)])
def test_random_noise_changes_only_what_is_on_the_edge(level, least, most):
    """Its mean over 768 values is a fraction of a level."""
    seen = np.full((16, 16, 3), level, np.uint8)
    seen[:8] += 1  # a mean of 127.5 is the edge
    assert least <= changed_by_chance(bright_or_dark(), seen, 20) <= most
