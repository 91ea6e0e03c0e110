"""Page 3's training played back, training live, and confidence."""

import base64
import io
import json
import threading
import time
from dataclasses import replace
from html import escape

import numpy as np
import pytest
from driver import PAGE_3, SMALL, assert_fine, component, draw, html, open_page, written
from PIL import Image

from cnn_demo.drawing.shapes import Shape, rasterize
from cnn_demo.images import Photo, sample_photos
from cnn_demo.jobs import JobError, job_queue
from cnn_demo.models import load
from cnn_demo.models.calibration import expected_calibration_error, reliability_bins, softmax
from cnn_demo.models.classification.digits import DigitRun, DigitSettings, Epoch, digit_data, read
from cnn_demo.models.classification.drawn_digit import eight_by_eight
from cnn_demo.models.training_records import cifar10_record, cifar10_validation
from cnn_demo.results import percent
from cnn_demo.ui.components import flipbook
from cnn_demo.ui.network import calibration, live_training, live_training_charts, training_playback
from cnn_demo.ui.network.kernel_mosaic import kernel_mosaic
from cnn_demo.ui.network.training_playback import turns

PATIENCE = 400  # seconds that a test waits at most for a training that takes two


def open_view(view: str, link: dict | None = None, photo: Photo | None = None):
    return open_page(PAGE_3, photo, {"view": view, **(link or {})})


def book(app, key: str) -> tuple[dict, np.ndarray]:
    """Return the data of the flipbook, and its frames, (frames, H, W, 3)."""
    data = component(app, key)
    (film,) = data["films"]
    with Image.open(io.BytesIO(base64.b64decode(film["sprite"].partition(",")[2]))) as image:
        pixels = np.asarray(image.convert("RGB"))
    return data, pixels.reshape(len(data["frameEpochs"]), film["height"], film["width"], 3)


# Played back ------------------------------------------------------------------------------------------------------


def test_the_scrub_bar_has_every_epoch_of_the_record():
    record = cifar10_record()
    data, frames = book(open_view("Training"), "play_book")
    assert len(frames) == len(record.epochs) + 1 == len(record.kernels)
    for frame, kernels in zip(frames, record.kernels, strict=True):
        np.testing.assert_array_equal(frame, kernel_mosaic(kernels, 8))
    lines = {chart["title"]: [line["values"] for line in chart["lines"]] for chart in data["charts"]}
    for title, names in (("Loss", ("loss", "validation_loss")), ("Accuracy", ("accuracy", "validation_accuracy"))):
        own = [[epoch[name] for epoch in record.epochs] for name in names]
        np.testing.assert_allclose(lines[title], own, atol=5.1e-5)
    assert all(len(line) == len(record.epochs) for chart in lines.values() for line in chart)


def test_the_summary_states_the_figures_of_each_restart():
    record = cifar10_record()
    accuracies = (0.5, 0.7, 0.6, 0.4, 0.8, 0.55, 0.9)
    epochs = tuple({"accuracy": each + 0.05, "validation_accuracy": each} for each in accuracies)
    two = replace(record, epochs=epochs, restarts=(3, 6), kernels=record.kernels[: len(epochs) + 1])
    text = training_playback._training_summary(two)
    assert "was 70.0% before, 40.0% at its lowest after it (epoch 4), and 80.0% once the rate had decayed" in text
    assert "training accuracy was 75.0% before and 85.0% then" in text
    assert "was 80.0% before, 55.0% at its lowest after it (epoch 6), and 90.0%" in text


@pytest.mark.parametrize("scale", training_playback.SCALES.values())
def test_the_brightness_of_the_kernels_is_in_the_link(scale):
    frames = book(open_view("Training", link={"play_scale": scale}), "play_book")[1]
    own = [kernel_mosaic(kernels, 8) for kernels in cifar10_record().kernels]
    assert np.array_equal(frames, own) == (scale == training_playback.SCALES["own"])


def test_turns_are_angles():
    pattern = np.zeros((4, 2, 1, 1, 2))
    pattern[0, 0] = 1  # both kernels point along the first weight
    pattern[1, 0] = 5  # stronger, not turned
    pattern[2, 1] = 5  # turned by a right angle
    pattern[3, :] = 1  # and by half of one
    np.testing.assert_allclose(turns(pattern), [0, 90, 45], atol=1e-6)


def test_a_mosaic_shows_each_kernel():
    kernels = np.zeros((3, 3, 5), np.float32)
    kernels[1, 1] = [1, -2, 0, 4, -8]
    own = kernel_mosaic(kernels, 3)
    assert own.shape == (2 * 4 + 1, 3 * 4 + 1, 3)
    centres = [own[2 + 4 * (n // 3), 2 + 4 * (n % 3)].tolist() for n in range(5)]
    assert centres[0] == centres[3] == [178, 24, 43]
    assert centres[1] == centres[4] == [33, 102, 172]
    assert centres[2] == [247, 247, 247]
    together = kernel_mosaic(kernels, 3, full_scale=8.0)
    assert together[2, 2].tolist() != centres[0]
    assert together[6, 6].tolist() == centres[4]


# Live -------------------------------------------------------------------------------------------------------------


def wait_until(app, condition):
    """Run the page again and again, as its polling does, until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition(app):
        assert time.monotonic() < end, written(app)
        time.sleep(0.05)
        app.run()
        assert_fine(app, errors=len(app.error))
    return app


def trained(app) -> bool:
    return not app.session_state["live_job"].active and not app.button(key="live_start").disabled


def train(app):
    app.button(key="live_start").click().run()
    wait_until(app, trained)
    assert_fine(app)
    return app.session_state["live_job"]


@pytest.fixture
def queue_held():
    """Another visitor's training, which runs until the test releases it."""
    released = threading.Event()

    def work(job):
        while not released.wait(0.01):
            job.touch()

    job = job_queue().submit(work)
    yield released
    released.set()
    assert job.wait(10)


def test_before_training_the_digits_are_shown():
    app = open_view("Train your own")
    assert html(app).count("<img") == 10
    assert "CC BY 4.0" in written(app)
    assert app.button(key="live_stop").disabled
    assert len(app.metric) == 0


def test_a_training_from_start_to_end():
    app = open_view("Train your own", link={"live_epochs": "8", "live_filters": "8", "live_rate": "0.01"})
    job = train(app)
    run, data = job.progress, digit_data()
    assert job.state == "finished"
    assert (run.settings.epochs, run.settings.filters, run.settings.rate) == (8, 8, 0.01)
    assert len(run.epochs) == 8
    assert run.epochs[-1].held_out_accuracy > 0.9
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Test accuracy"] == percent(run.epochs[-1].held_out_accuracy)
    assert values["Parameters"] == "3,818"
    shown, frames = book(app, "live_book")
    assert len(frames) == 9
    own = [epoch.held_out_accuracy for epoch in run.epochs]
    assert shown["charts"][0]["lines"][1]["values"] == pytest.approx(own, abs=5.1e-5)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert figure["data"][0]["type"] == "heatmap"
    wrong = int((run.probabilities.argmax(axis=1) != data.held_out_labels).sum())
    assert f"**{wrong} of 360** test digits misclassified" in written(app)
    assert html(app).count("predicted ") == min(wrong, 12)
    assert "Draw a digit from 0 to 9" in app.info[-1].value

    stroke = Shape("stroke", 0, ((140, 40), (140, 240)), 24)
    draw(app, "live_canvas", [stroke])
    assert_fine(app)
    ink = np.uint8(255) * (rasterize([stroke], (280, 280), (280, 280), 1) == 0)
    probabilities = read(run.network, eight_by_eight(ink)[None])[0]
    assert f"Prediction: **{probabilities.argmax()}** ({percent(float(probabilities.max()))})" in written(app)
    assert "The drawing as 8 by 8 values" in html(app)


def test_updates_of_a_long_training_stay_small(monkeypatch):
    sent = []
    monkeypatch.setattr(flipbook, "_mount", lambda *, key, data: sent.append(data))
    random = np.random.default_rng(0)
    kernels = tuple(random.normal(size=(151, 3, 3, 32)).astype(np.float32))
    epochs = tuple(Epoch(*values) for values in random.random((150, 4)))
    settings = DigitSettings(filters=32, epochs=150)
    for live in (True, False):
        run = DigitRun(settings, epochs, kernels, np.zeros((0, 10)), 1.0, None)
        live_training_charts.curves(run, live=live)
    while_training, after = sent
    assert len(json.dumps(while_training)) < 40_000 < len(json.dumps(after))
    assert while_training["charts"] == after["charts"]
    assert after["frameEpochs"] == [*range(151)]
    assert while_training["frameEpochs"] == [*range(0, 150, 10), 150]
    (film,) = while_training["films"]
    with Image.open(io.BytesIO(base64.b64decode(film["sprite"].partition(",")[2]))) as image:
        last = np.asarray(image.convert("RGB"))[-film["height"] :]
    np.testing.assert_array_equal(last, kernel_mosaic(kernels[150], 8))


def test_stop_keeps_the_trained_weights():
    app = open_view("Train your own", link={"live_epochs": "150", "live_filters": "4"})
    app.button(key="live_start").click().run()
    wait_until(app, lambda app: getattr(app.session_state["live_job"].progress, "epochs", ()))
    assert app.button(key="live_start").disabled
    assert app.button(key="live_start").label == "Training…"
    app.button(key="live_stop").click().run()
    wait_until(app, trained)
    job = app.session_state["live_job"]
    done = len(job.progress.epochs)
    assert job.state == "stopped"
    assert 0 < done < 150
    assert f"You stopped it after **{done} of 150 epochs**" in written(app)
    assert "Draw a digit" in [header.value for header in app.subheader]


def test_the_second_visitor_waits_and_can_leave(queue_held):
    first, second = open_view("Train your own"), open_view("Train your own")
    for position, app in enumerate((first, second), 1):
        app.button(key="live_start").click().run()
        assert_fine(app)
        assert f"**number {position} in the queue**" in app.info[0].value
        assert app.button(key="live_stop").label == "Leave the queue"
    first.button(key="live_stop").click().run()
    assert_fine(first)
    assert not first.button(key="live_start").disabled
    second.run()
    assert "**number 1 in the queue**" in second.info[0].value
    queue_held.set()
    wait_until(second, trained)
    assert second.session_state["live_job"].state == "finished"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(JobError("Please choose less."), "Please choose less."), (OSError("/secret"), "The training failed (error ")],
)
def test_a_training_that_fails_is_one_sentence(monkeypatch, error, sentence):
    def broken(*_):
        raise error

    monkeypatch.setattr(live_training, "train", broken)
    app = open_view("Train your own")
    app.button(key="live_start").click().run()
    wait_until(app, trained)
    assert_fine(app, errors=1)
    assert sentence in app.error[0].value
    monkeypatch.undo()


def test_a_full_queue_is_one_sentence(monkeypatch):
    def full(*_):
        raise JobError("20 visitors are waiting.")

    app = open_view("Train your own")
    monkeypatch.setattr(job_queue(), "submit", full)
    app.button(key="live_start").click().run()
    assert_fine(app, errors=1)
    app.run()
    assert_fine(app)


@pytest.mark.parametrize(
    "link",
    [
        {"live_filters": "7", "live_rate": "5", "live_epochs": "-1", "live_pooling": "maybe"},
        {"live_epochs": "1e9", "live_rate": "inf"},
        {"live_filters": "32", "live_rate": "0.1", "live_epochs": "150", "live_pooling": "false"},
    ],
    ids=str,
)
def test_any_link_opens(link):
    open_view("Train your own", link=link)
    open_view("Confidence", link={"conf_temperature": "inf", "play_scale": "x"}, photo=SMALL)


# Confidence -------------------------------------------------------------------------------------------------------


def test_the_prediction_and_its_bin():
    app = open_view("Confidence", photo=SMALL)
    prediction, record = load("cifar10_cnn").predict(SMALL.pixels), cifar10_record()
    label, top = prediction.top(1)[0]
    text, bars = written(app), html(app)
    assert f">{label}</th>" in bars
    assert percent(top) in bars
    part = next(part for part in record.reliability if part["low"] < top <= part["high"])
    assert f"Your photo gets **{percent(top)}**" in text
    assert percent(part["accuracy"]) in text if part["count"] else "No validation photo" in text
    assert f"{100 * record.ece:.1f} percentage points" in text
    assert f"{100 * record.ece_before:.1f} percentage points" in text
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert chart["layout"]["xaxis"]["title"]["text"]
    assert chart["layout"]["yaxis"]["title"]["text"]


def test_temperature_changes_the_confidence_and_never_the_prediction():
    app = open_view("Confidence", photo=SMALL)
    calibrated = html(app)
    first = calibrated.index("font-weight:600")
    app.slider(key="conf_temperature").set_value(4.0).run()
    assert_fine(app)
    assert html(app) != calibrated
    assert html(app)[: first + 80] == calibrated[: first + 80]
    assert "its predictions are the same" in written(app)


def test_the_default_temperature_is_the_fitted_one():
    fitted = cifar10_record().temperature
    assert calibration.DEFAULTS["conf_temperature"] == pytest.approx(fitted, abs=calibration.STEP / 2)


@pytest.mark.parametrize(
    ("temperature", "verdict"), [(1.0, "overconfident"), (None, "well calibrated"), (4.0, "underconfident")]
)
def test_diagram_sentences_and_samples_follow_the_temperature(temperature, verdict):
    """At the fitted temperature the calibration error is that of the model card; at 1 it is that without it."""
    app = open_view("Confidence", photo=SMALL)
    if temperature is not None:
        app.slider(key="conf_temperature").set_value(temperature).run()
    assert_fine(app)
    model, record, validation = load("cifar10_cnn"), cifar10_record(), cifar10_validation()
    used = temperature or record.temperature
    error = expected_calibration_error(softmax(validation.logits, used), validation.labels)
    expected = {1.0: record.ece_before, None: record.ece}.get(temperature)
    if expected is not None:
        assert error == pytest.approx(expected, abs=0.0015)  # the card's temperature was fitted on halves
    text = written(app)
    assert f"**{verdict}**" in text
    assert f"error: **{100 * error:.1f} percentage points**" in text
    top = float(softmax(model.logits(model.prepare(SMALL.pixels)[None]), used).max())
    assert f"Your photo gets **{percent(top)}**" in text
    bars, _ = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    parts = [part for part in reliability_bins(softmax(validation.logits, used), validation.labels) if part["count"]]
    np.testing.assert_allclose(bars["y"], [part["accuracy"] for part in parts])
    colours, here = bars["marker"]["color"], [part["low"] < top <= part["high"] for part in parts]
    assert [colours.count(colour) == 1 for colour in colours] == here
    sample = softmax(model.logits(model.prepare(sample_photos()[0].load().pixels)[None])[0], used)
    assert escape(f"{model.labels[int(sample.argmax())]}, {percent(float(sample.max()))}") in html(app)


def test_every_sample_has_a_prediction_and_whether_it_is_one_of_the_ten_classes():
    app = open_view("Confidence", photo=SMALL)
    cards = html(app)
    model, record = load("cifar10_cnn"), cifar10_record()
    assert {sample.key for sample in sample_photos()} <= set(calibration.SAMPLE_CLASSES)
    assert set(calibration.SAMPLE_CLASSES.values()) - {None} <= set(record.labels)
    for sample in sample_photos():
        label, probability = model.predict(sample.load().pixels).top(1)[0]
        assert f"<b>{label}, {percent(probability)}</b><br>{sample.title}".replace(">", "&gt;", 0) in cards.replace(
            "&lt;", "<"
        ).replace("&gt;", ">")
    nothing = sum(truth is None for truth in calibration.SAMPLE_CLASSES.values()) + 2
    assert cards.count("✗ none of the ten") == nothing
    assert "Pure noise" in cards
    assert "Plain grey" in cards
    assert f"{nothing} show none of its classes" in written(app)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1280), (1280, 1), (33, 31)])
def test_any_photo_gets_a_prediction(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    app = open_view("Confidence", photo=Photo(pixels, "Odd", f"digest-{shape}"))
    assert "Your photo gets" in written(app)


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(1.0, "100.0%"), (0.99996, "> 99.9%"), (0.5, "50.0%"), (0.0, "0.0%"), (1e-9, "< 0.1%"), (0.9994, "99.9%")],
)
def test_a_fraction_in_words(fraction, text):
    assert percent(fraction) == text
