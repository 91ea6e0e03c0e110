"""Page 4, classify and models: its figures are the networks' own, and it works without missing weights and packages."""

import json
import re
from functools import partial
from html import escape

import driver
import numpy as np
import pytest
from driver import PAGE_4, SMALL, assert_fine, picture

from cnn_demo.images import sample_photos
from cnn_demo.images.corruptions import CORRUPTIONS, corrupt
from cnn_demo.lessons.pretrained import MISCONCEPTIONS
from cnn_demo.lessons.pretrained_experiments import SIDE_BY_SIDE
from cnn_demo.models import ModelUnavailable, find, list_models, load
from cnn_demo.models.files import downloads, weights
from cnn_demo.results import Classification, percent
from cnn_demo.ui.pretrained.classify import agreement
from cnn_demo.ui.pretrained.model_times import forget_times, keep_time, median_milliseconds
from cnn_demo.ui.pretrained.workbench import VIEWS

open_page = partial(driver.open_page, PAGE_4, SMALL)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Only the bundled networks are here, and none has run; returns where downloads go."""
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    forget_times()
    return tmp_path / "models"


def chart(app, key: str) -> dict:
    return json.loads(app.get_by_key(key).proto.spec)


@pytest.fixture(scope="module")
def model():
    return load("efficientnet_lite0")


# Every tab, and links --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", VIEWS)
def test_each_tab_opens_with_the_bundled_networks_alone(task):
    app = open_page({"task": task})
    if task == "Classify":
        assert app.multiselect(key="models").value == list(SIDE_BY_SIDE)
        bars = [html.proto.body for html in app.get("html") if "five most probable" in html.proto.body]
        for key, bar in zip(SIDE_BY_SIDE, bars, strict=True):
            for label, probability in load(key).predict(SMALL.pixels).top(5):
                assert escape(label) in bar
                assert percent(probability) in bar
        captions = "\n".join(caption.value for caption in app.caption)
        assert "4 models are on this machine and work offline" in captions
        assert re.search(r"\*\*[\d.]+ m?s\*\* on the (CPU|GPU)", captions)
        assert picture(app, "corrupted_photo")[0]["caption"].startswith("No corruption yet")
        assert median_milliseconds().keys() == set(SIDE_BY_SIDE)
    elif task in ("Explain", "Feature maps", "Transfer learning"):
        assert app.selectbox(key="model").value == "efficientnet_lite0"


def test_without_the_packages_the_ten_classes_are_left(monkeypatch):
    monkeypatch.setattr(weights, "package_folders", tuple)
    app = open_page()
    assert app.multiselect(key="models").value == ["cifar10_cnn"]
    assert "Only the bundled model is on this machine" in "\n".join(caption.value for caption in app.caption)


@pytest.mark.parametrize(
    "link",
    [
        {"task": "nonsense", "models": "nonsense", "photo_fit": "?", "corruption": "fog", "corrupt_blur": "nan"},
        {"models": ["VGG16", "CIFAR-10 residual network", "x", "y", "z"], "corruption": "Crop", "corrupt_crop": "-4"},
        {"task": "Models", "models_axis": "", "models_wanted": "my own"},
    ],
)
def test_invalid_links_still_open(link):
    open_page(link)


# Classify --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "amount"), [("noise", 40), ("rotation", 90), ("crop", 50)])
def test_a_corruption_shows_its_predictions(kind, amount, model):
    label, before = model.predict(SMALL.pixels, "squash").top(1)[0]
    index = model.labels.index(label)
    after = model.predict(corrupt(SMALL.pixels, kind, amount), "squash")
    one = CORRUPTIONS[kind]
    app = open_page({"corruption": one.title, f"corrupt_{kind}": str(amount), "photo_fit": "Squash"})
    shown = next(text.value for text in app.markdown if "went from" in text.value)
    assert f"“{label}” went from {percent(before)} to **{percent(float(after.probabilities[index]))}**" in shown
    assert ("is still the prediction" in shown) == (after.top(1)[0][0] == label)
    data, pixels = picture(app, "corrupted_photo")
    assert data["caption"] == f"{one.title}: {one.written(amount)}"
    assert pixels.shape == corrupt(SMALL.pixels, kind, amount).shape
    line, here = chart(app, "corrupted_chart")["data"][:2]
    assert here["x"] == [amount]
    assert here["y"][0] == pytest.approx(after.probabilities[index], abs=1e-5)
    batch = np.stack([model.prepare(corrupt(SMALL.pixels, kind, at), "squash") for at in one.amounts()])
    expected = model.probabilities(model.logits(batch))[:, index]
    np.testing.assert_allclose(numbers(line["y"]), expected, atol=1e-5)
    np.testing.assert_allclose(numbers(line["x"]), one.amounts())


def numbers(values) -> np.ndarray:
    """Decode plotly's values: a list, or an array in base64."""
    if isinstance(values, dict):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.asarray(values, float)


def test_without_a_network_there_is_one_sentence():
    app = open_page()
    app.multiselect(key="models").set_value([]).run()
    assert_fine(app)
    assert any("at least one model" in info.value for info in app.info)


def test_a_broken_file_disables_only_its_network(cache):
    cache.mkdir()
    (cache / find("mobilenet_v2").weights).write_bytes(b"no weights")
    app = open_page(errors=1)  # the default of the page if it is available locally
    assert "cannot be read" in app.error[0].value
    app.run()
    assert_fine(app)  # it is not at hand any more, and can be downloaded again
    assert "MobileNetV2" not in app.multiselect(key="models").options
    assert chart(app, "corrupted_chart")["data"]


def classification(labels: str, best: str) -> Classification:
    names = tuple(labels)
    return Classification(names, np.array([float(name == best) for name in names], np.float32))


@pytest.mark.parametrize(
    ("predictions", "sentence"),
    [
        (["abc a", "abc a"], "**Both predict “a”.**"),
        (["abc b", "abc b", "abc b"], "**All three predict “b”.**"),
        (["abc b", "abc c", "abc b"], "**Two of three predict “b”;** N2 predicts “c”."),
        (["abc c", "abc b"], "**They disagree:** N1 predicts “c” and N2 predicts “b”."),
        (["abc a", "abc b", "abc c"], "**No two agree:** N1 predicts “a”, N2 predicts “b” and N3 predicts “c”."),
        (["abc a", "xy y", "abc a"], "**Both predict “a”.** N2 has other classes and is not compared."),
        (["abc a", "xy y"], "These models have different classes, so their predictions are not compared: N1 and N2."),
    ],
)
def test_agreement_in_one_sentence(predictions, sentence):
    given = [(f"N{number}", classification(*text.split())) for number, text in enumerate(predictions, start=1)]
    assert agreement(given) == sentence


# Models ----------------------------------------------------------------------------------------------------------


def test_the_table_lists_all_and_a_measured_time_appears():
    app = open_page({"task": "Models", "models_axis": "Milliseconds here"})
    table = app.dataframe[0].value.set_index("Model")
    assert len(table) == len(list_models("classification"))
    assert table.loc["VGG16", "Top-1"] == pytest.approx(71.3)
    assert table.loc["VGG16", "Top-5"] == pytest.approx(90.1)
    assert table.loc["VGG16", "Weights"] == "to download"
    own, lite = table.loc[find("cifar10_cnn").title], table.loc[find("efficientnet_lite0").title]
    assert np.isnan(own["Top-1"])
    assert lite["Top-1"] == pytest.approx(74.8, abs=0.05)
    assert own["Weights"] == lite["Weights"] == "bundled"
    assert table["Milliseconds here"].isna().all()
    assert any("No ImageNet model has run here" in info.value for info in app.info)
    keep_time("vgg16", Classification(("a",), np.ones(1, np.float32), 80.0))
    keep_time("vgg16", Classification(("a",), np.ones(1, np.float32), 90.0))
    app.button(key="models_measure").click().run()
    assert_fine(app)
    table = app.dataframe[0].value.set_index("Model")
    assert table.loc["VGG16", "Milliseconds here"] == pytest.approx(85)
    assert table.loc[find("cifar10_cnn").title, "Milliseconds here"] > 0
    points = chart(app, "models_chart")["data"]
    lites = [f"EfficientNet-Lite{number}" for number in range(3)]
    # In the order of their times; the one of ten classes is left out.
    assert [sorted(point["text"]) for point in points] == [lites, ["VGG16"]]


def test_a_failing_download_is_one_sentence_and_the_next_one_comes(cache, monkeypatch):
    def fail(spec, progress):
        progress(1_000_000, spec.bytes)
        raise ModelUnavailable("It could not be downloaded: the disk is full; please make room on it.")

    def come(spec, progress):
        cache.mkdir()
        for done in range(0, spec.bytes + 1, spec.bytes // 10):
            progress(done, 0)
        (cache / spec.weights).write_bytes(b"some")

    requested = []
    monkeypatch.setattr(downloads, "download", lambda *given: requested.append(given[0].key) or fail(*given))
    app = open_page({"task": "Models"})
    assert requested == []  # nothing is fetched by opening the page
    assert app.selectbox(key="models_wanted").value == "mobilenet_v2"  # page 5 uses it, too
    assert app.button(key="models_download").label == "Download 15 MB"
    app.button(key="models_download").click().run()
    assert_fine(app, errors=1)
    assert "the disk is full" in app.error[0].value
    assert requested == ["mobilenet_v2"]
    monkeypatch.setattr(downloads, "download", come)
    app.button(key="models_download").click().run()
    assert_fine(app)
    assert "MobileNetV2 is on this machine now" in app.success[0].value
    assert "MobileNetV2" not in app.selectbox(key="models_wanted").options
    table = app.dataframe[0].value.set_index("Model")
    assert table.loc["MobileNetV2", "Weights"] == "on this machine"


def test_forbidden_downloads_disable_the_button_with_a_reason(monkeypatch):
    monkeypatch.setenv("CNN_DEMO_DOWNLOADS", "off")
    app = open_page({"task": "Models"})
    app.selectbox(key="models_wanted").set_value("mobilenet_v2").run()
    assert app.button(key="models_download").disabled
    messages = [info.value for info in app.info if "CNN_DEMO_DOWNLOADS=off" in info.value]
    assert len(messages) == 1
    assert "python -m cnn_demo fetch mobilenet_v2" in messages[0]
    monkeypatch.setenv("CNN_DEMO_DOWNLOADS", "1")
    app.run()
    assert_fine(app)
    assert not app.button(key="models_download").disabled


def test_forbidden_downloads_are_not_offered(monkeypatch):
    app, offer = open_page(), "You can download others"
    assert offer in "\n".join(caption.value for caption in app.caption)
    monkeypatch.setenv("CNN_DEMO_DOWNLOADS", "off")
    app.run()
    assert_fine(app)
    assert offer not in "\n".join(caption.value for caption in app.caption)


# Lesson ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", MISCONCEPTIONS, ids=lambda item: item.claim)
def test_a_correction_names_the_prediction_for_the_photo(item, model):
    image = np.random.default_rng(8).random((48, 64, 3), dtype=np.float32)
    correction = item.correct(image)
    label, probability = model.predict((image * 255).round().astype(np.uint8)).top(1)[0]
    assert f"“{label}” with {probability:.0%}" in correction.text or f"“{label}” ({probability:.0%}" in correction.text


def test_a_gradient_step_lowers_the_prediction_more_than_random_steps(model):
    """The figures of the adversarial picture, computed again from the two pictures that are shown."""
    image = sample_photos()[0].load().pixels.astype(np.float32) / 255
    claim = next(item for item in MISCONCEPTIONS if "same prediction" in item.claim)
    (_, seen, _), (caption, moved, _) = claim.correct(image).pictures
    step = int(re.search(r"Changed by (\d+)", caption)[1])
    seen, moved = (np.rint(values * 255).astype(np.uint8) for values in (seen, moved))
    assert np.abs(seen.astype(int) - moved).max() <= step
    before, after = model.probabilities(model.logits(np.stack([seen, moved])))
    assert f"{after.max():.0%}" in caption
    assert after[before.argmax()] < before.max()
