"""Lesson of page 3: every experiment can be set up, every correction holds for any photo with its figures."""

import re

import numpy as np
import pytest

from cnn_demo.images import sample_photos
from cnn_demo.lessons.network_experiments import EXPERIMENTS
from cnn_demo.lessons.networks import MISCONCEPTIONS
from cnn_demo.models import find, load, preferred_model
from cnn_demo.ui.network.fields.growth import half_by_ways

DRAW = np.random.default_rng(8)
PHOTOS = {
    "random": DRAW.random((48, 64, 3), dtype=np.float32),
    "one pixel": np.full((1, 1, 3), 0.3, np.float32),
    "black": np.zeros((40, 500, 3), np.float32),
    "cat": sample_photos()[0].load().pixels.astype(np.float32) / 255,
}


@pytest.fixture(scope="module")
def model():
    return load(preferred_model("classification").key)


def test_corrections_start_with_the_networks_own_prediction(model):
    label, probability = model.predict((PHOTOS["cat"] * 255).round().astype(np.uint8)).top(1)[0]
    for item in MISCONCEPTIONS:
        text = item.correct(PHOTOS["cat"]).text
        if "random networks" in text:
            continue
        assert f"“{label}”" in text
        assert model.spec.title in text
        if "channels" not in text:
            assert f"{probability:.0%}" in text


@pytest.mark.parametrize("key", ["efficientnet_lite0", "cifar10_cnn"])
def test_silencing_channels_is_counted_right(key, monkeypatch):
    monkeypatch.setattr("cnn_demo.models.preferred_model", lambda task: find(key))
    model = load(key)
    text = next(m for m in MISCONCEPTIONS if "channel" in m.claim).correct(PHOTOS["cat"]).text
    count = 1 if "Without the strongest" in text else int(re.search(r"The (\d+) strongest have", text).group(1))
    run = model.activations((PHOTOS["cat"] * 255).round().astype(np.uint8))
    *_, pool, dense = model.network.layers
    pooled, (kernel, bias) = run.maps[pool.name], dense.get_weights()
    best = int(run.maps[dense.name].argmax())
    order = np.argsort(-(pooled * (kernel[:, best] - kernel.mean(axis=1))))
    for silent, same in ((count - 1, True), (count, False)):
        kept = pooled.copy()
        kept[order[:silent]] = 0
        assert ((kept @ kernel + bias).argmax() == best) is np.bool_(same) or count == len(order)


def test_the_coffee_is_predicted_with_a_high_probability_though_it_is_none_of_the_ten():
    experiment = next(each for each in EXPERIMENTS if each.title == "None of the ten")
    photo = next(sample for sample in sample_photos() if sample.key == experiment.photo).load()
    assert load("cifar10_cnn").predict(photo.pixels).top(1)[0][1] > 0.6


def test_the_effective_field_grows_with_the_square_root_of_the_depth():
    three, twelve = (half_by_ways([(3, 1, 1)] * depth) for depth in (3, 12))
    assert twelve / three == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("claim", ["where something is", "however they are rotated"])
def test_a_photo_whose_class_stays_is_no_evidence_for_the_claim(claim):
    """The prediction for the coffee survives all shifts and rotations, those for other photos don't."""
    coffee = next(sample for sample in sample_photos() if sample.key == "coffee").load().pixels
    text = next(m for m in MISCONCEPTIONS if claim in m.claim).correct(coffee.astype(np.float32) / 255).text
    count, changed = map(int, re.search(r"Of the (\d+) sample photos, (\d+) get another class", text).groups())
    assert count == len(sample_photos())
    assert changed >= 3
