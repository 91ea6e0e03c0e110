"""Page 4, fool it: the page shows the figures of `models.robustness`, and the files keep it."""

import io
import json
import re
import zipfile

import driver
import numpy as np
import pytest
from driver import assert_fine, html, written

from cnn_demo.images import read_photo, sample_photos
from cnn_demo.images.corruptions import corrupt
from cnn_demo.lessons.leads import FOOL_IT
from cnn_demo.lessons.pretrained_experiments import EXPERIMENTS
from cnn_demo.models import load
from cnn_demo.models.robustness.adversarial import Attacker
from cnn_demo.models.robustness.smallest import smallest_noise
from cnn_demo.models.robustness.survival import changed_by_chance
from cnn_demo.results import percent
from cnn_demo.ui.pretrained.fool import settings, view

PLAIN = {"model": "CIFAR-10 residual network"}


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def photo():
    return next(sample for sample in sample_photos() if sample.key == "motorcycle").load()


def open_tab(photo, link=None, state=None):
    return driver.open_view("pretrained", "Fool it", photo, PLAIN | (link or {}), **(state or {}))


def test_the_smallest_noise_is_shown_and_saved(model, photo, monkeypatch):
    files = {}
    monkeypatch.setattr(view, "file_buttons", lambda key, given, explained: files.update(given))
    app = open_tab(photo, {settings.OTHERS: ["EfficientNet-Lite0"]})
    seen = model.prepare(photo.pixels)
    attacker = Attacker(model, seen)
    found = smallest_noise(attacker, "pgd", largest=settings.DEFAULTS[settings.BUDGET])
    probabilities = model.probabilities(found.best.logits)
    before, after = model.labels[attacker.label], model.labels[probabilities.argmax()]
    changed = np.count_nonzero(found.best.altered != seen)
    assert f"{changed:,} of {seen.size:,} colour values" in written(app)
    assert f"becomes “{after}” ({percent(float(probabilities.max()))})" in written(app)
    assert re.findall(r"<b>(.*?)</b>", html(app))[:4] == ["Photo", "Noise × 50", "With noise", "JPEG quality 90"]
    assert "**EfficientNet-Lite0** is " in written(app)
    assert "**Random noise of" in written(app)
    assert FOOL_IT in written(app)

    read = read_photo(files["Altered photo"][0](), "altered.png")
    assert model.predict(read.pixels).top(1)[0][0] == after != before
    with zipfile.ZipFile(io.BytesIO(files["Evidence"][0]())) as archive:
        facts = json.loads(archive.read("evidence.json"))
    assert facts["figures"]["changed_values"] == changed
    assert facts["figures"]["budget"] == found.best.budget
    assert len(facts["figures"]["conditions"]) == 8
    assert list(facts["figures"]["other_networks"]) == ["EfficientNet-Lite0"]


def test_a_class_and_a_budget_from_the_link(model, photo):
    label = model.predict(photo.pixels).top(1)[0][0]
    target = next(each for each in model.labels if each != label)
    link = {settings.TARGET: target, settings.NOISE: "Whole budget", settings.BUDGET: "16", settings.METHOD: "FGSM"}
    app = open_tab(photo, link | {settings.OTHERS: ""})
    made = Attacker(model, model.prepare(photo.pixels), model.labels.index(target)).attack("fgsm", 16)
    assert made.succeeds == ("Fooled within 16 levels" in written(app))
    assert ("Try PGD" in written(app)) != made.succeeds
    app.segmented_control(key=settings.METHOD).set_value("pgd").run()
    assert_fine(app)
    assert f"becomes “{target}”" in written(app)

    app.selectbox(key=settings.TARGET).set_value(label).run()
    assert_fine(app)
    assert any("the prediction already" in each.value for each in app.info)


def test_a_stopped_search_keeps_what_it_has(model, photo):
    states = []
    seen = model.prepare(photo.pixels)
    name = ("fool", photo.key, "cifar10_cnn", "pgd", None, True, 8)
    smallest_noise(Attacker(model, seen), "pgd", largest=8, report=states.append)

    def stopped(kept):
        return {"stopped_computations": {"fool": name}, "fool_so_far": (kept, states[0])}

    app = open_tab(photo, {settings.OTHERS: ""}, stopped(name))
    assert ("The search was stopped" in written(app)) == states[0].best.succeeds
    assert ("Stopped before it worked" in written(app)) != states[0].best.succeeds
    app.button(key="fool_run").click().run()
    assert_fine(app)
    assert "enough**" in written(app)

    # What was kept for another photo is not shown.
    app = open_tab(photo, {}, stopped(("fool", "another photo")))
    assert "opped" not in written(app)
    assert [each.key for each in app.button] == ["fool_run"]


def test_the_attacked_network_is_not_among_the_others(photo):
    app = open_tab(photo)
    others = app.multiselect(key=settings.OTHERS)
    assert "CIFAR-10 residual network" not in others.options
    assert others.value == ["efficientnet_lite0", "efficientnet_lite1"]
    app.selectbox(key="model").set_value("efficientnet_lite0").run()
    assert_fine(app)
    assert app.multiselect(key=settings.OTHERS).value == ["efficientnet_lite1", "efficientnet_lite2"]


def test_the_notice_is_true():
    experiment = next(each for each in EXPERIMENTS if "toaster" in each.title)
    lite = load(experiment.settings["model"])
    pixels = next(sample for sample in sample_photos() if sample.key == experiment.photo).load().pixels
    seen, target = lite.prepare(pixels), lite.labels.index(experiment.settings[settings.TARGET])
    attacker = Attacker(lite, seen, target)
    found = smallest_noise(attacker, "pgd", largest=settings.DEFAULTS[settings.BUDGET])
    assert found.best.succeeds
    assert found.best.budget == 2
    assert changed_by_chance(lite, seen, 2) == 0
    whole = attacker.attack("pgd", settings.DEFAULTS[settings.BUDGET])
    assert lite.probabilities(whole.logits)[target] > 0.98  # "almost certain"
    assert "cat" in lite.labels[attacker.label]
    compressed = lite.predict(corrupt(whole.altered, "jpeg", 50)).top(1)[0][0]
    assert compressed == lite.labels[attacker.label]
