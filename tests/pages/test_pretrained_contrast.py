"""Page 4, compare classes: the page shows the figures of `models.explanation`."""

import io
import json
import re
import zipfile

import driver
import numpy as np
import pytest
from driver import assert_fine, html, picture, written

from cnn_demo.images import sample_photos
from cnn_demo.lessons.leads import COMPARE_CLASSES
from cnn_demo.lessons.pretrained_experiments import EXPERIMENTS
from cnn_demo.models import load
from cnn_demo.models.explanation.contrast import channel_evidence, contrast
from cnn_demo.models.explanation.smallest_patch import smallest_patch
from cnn_demo.results import percent
from cnn_demo.ui.pretrained.contrast import channels, question, view


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def photo():
    return next(sample for sample in sample_photos() if sample.key == "motorcycle").load()


def open_tab(photo, link=None, state=None):
    link = {"model": "CIFAR-10 residual network"} | (link or {})
    return driver.open_view("pretrained", "Compare classes", photo, link, **(state or {}))


def titles(app) -> list[str]:
    """Titles of the small pictures."""
    return re.findall(r"<b>(.*?)</b>", html(app))


def test_the_top_two_classes_are_compared(model, photo):
    (first, one), (second, two) = model.predict(photo.pixels).top(2)
    indices = model.labels.index(first), model.labels.index(second)
    seen = model.prepare(photo.pixels)
    app = open_tab(photo)
    assert f"**A: {first}** {percent(one)} · **B: {second}** {percent(two)}." in written(app)
    assert COMPARE_CLASSES in written(app)
    maps = [f"A: {first}", f"B: {second}", "Difference A − B", "Input of the network", "A, not B", "B, not A"]
    assert titles(app)[:6] == maps

    found = smallest_patch(model, seen, *indices)
    assert found.box_xyxy is not None
    data, pixels = picture(app, "contrast_patch")
    assert data["boxes"][0]["corners"] == found.box_xyxy.tolist()
    np.testing.assert_array_equal(pixels, found.covered)
    assert f"“{second}” goes from {percent(two)} to **{percent(found.after[1])}**" in written(app)
    assert f"{found.tried:,} squares" in written(app)

    evidence = channel_evidence(model, seen, *indices)
    bars = json.loads(app.get_by_key("contrast_channels").proto.spec)["data"][0]
    ten = evidence.strongest(10)
    assert {int(name.removeprefix("channel ")) for name in bars["y"]} == set(ten.tolist())
    assert titles(app)[6:] == [name.capitalize() for name in bars["y"]]
    assert f"is **{channels.signed(evidence.difference)}**." in written(app).replace("-", "−")


def test_a_given_and_an_expected_class(model, photo):
    app = open_tab(photo, {question.SECOND: "truck", question.LAYER: "block3_relu", question.FILL: "Blur"})
    first = model.predict(photo.pixels).top(1)[0][0]
    assert f"**A: {first}**" in written(app)
    assert "**B: truck**" in written(app)
    assert app.selectbox(key=question.FIRST).options[0] == first
    indices = model.labels.index(first), model.labels.index("truck")
    found = smallest_patch(model, model.prepare(photo.pixels), *indices, "blur")
    assert f"{found.tried:,} squares" in written(app)

    app.selectbox(key=question.FIRST).set_value("truck").run()
    assert_fine(app)
    assert any("two different classes" in each.value for each in app.info)


def test_a_search_that_was_stopped_can_be_continued(model, photo):
    top = tuple(model.labels.index(label) for label, _ in model.predict(photo.pixels).top(2))
    name = ("patch", photo.key, "cifar10_cnn", top, "grey")
    app = open_tab(photo, state={"stopped_computations": {"patch": name}})
    assert "squares" not in written(app)
    assert titles(app)[:1] == ["A: automobile"]  # the rest is shown
    app.button(key="patch_run").click().run()
    assert_fine(app)
    assert "squares" in written(app)
    assert not [each for each in app.button if each.key == "patch_run"]


def test_the_zip_holds_what_is_shown(model, photo, monkeypatch):
    files = {}
    monkeypatch.setattr(view, "file_buttons", lambda key, given, explained: files.update(given))
    open_tab(photo)
    make, name, _ = files["Evidence"]
    assert name.endswith("_classes.zip")
    with zipfile.ZipFile(io.BytesIO(make())) as archive:
        facts = json.loads(archive.read("evidence.json"))
        with np.load(io.BytesIO(archive.read("maps.npz"))) as arrays:
            indices = [model.labels.index(label) for label in facts["settings"]["classes"]]
            expected = contrast(model, model.prepare(photo.pixels), *indices)
            np.testing.assert_allclose(arrays["difference"], expected.difference, atol=1e-4)
    assert len(facts["figures"]["channels"]) == 10


def test_the_notice_is_true():
    experiment = next(each for each in EXPERIMENTS if "mortarboard" in each.title)
    lite = load(experiment.settings["model"])
    pixels = next(sample for sample in sample_photos() if sample.key == experiment.photo).load().pixels
    (first, _), (second, _) = lite.predict(pixels).top(2)
    assert (first, second) == ("military uniform", "mortarboard")
    seen, indices = lite.prepare(pixels), (lite.labels.index(first), lite.labels.index(second))
    maps = contrast(lite, seen, *indices)
    cap = np.s_[:75, 75:155]
    for values in (maps.first, maps.second):
        assert values[cap].max() > 0.99
    assert maps.difference[:40, 100:160].max() > 0.99  # the top of the cap
    assert np.corrcoef(maps.first.ravel(), maps.second.ravel())[0, 1] > 0.7
    found = smallest_patch(lite, seen, *indices)
    assert lite.labels[found.top] == second
    assert found.side < 0.15
    x1, _, x2, y2 = found.box_xyxy
    assert 100 <= x1 < x2 <= 160
    assert y2 <= 40
