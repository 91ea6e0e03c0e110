"""Page 4, transfer learning: from photos to two heads and back from a file; refused input loses nothing."""

import io
import json
import threading
import time
import zipfile

import numpy as np
import pytest
from driver import PAGE_4, SMALL, assert_fine, component, fire, html, open_page, written
from PIL import Image

from cnn_demo.jobs import JobError, job_queue
from cnn_demo.models import load
from cnn_demo.models.transfer.heads import Head, load_head, save_head
from cnn_demo.models.transfer.linear_head import confusion
from cnn_demo.models.transfer.sample_sets import textures
from cnn_demo.models.transfer.session import PRETRAINED, RANDOM, TUNED, predict_photos, teach, wilson_interval
from cnn_demo.results import percent
from cnn_demo.ui.pretrained.transfer import heads, training

PATIENCE = 120  # seconds that a test waits at most for a training that takes two


@pytest.fixture(autouse=True)
def bundled_alone(monkeypatch, tmp_path):
    """Only the bundled networks are here, and the first is loaded already."""
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    load("efficientnet_lite0")


def open_tab(**link):
    return open_page(PAGE_4, SMALL, {"task": "Transfer learning", **link})


def click(app, key: str, errors: int = 0):
    app.button(key=key).click().run()
    assert_fine(app, errors)
    return app


def why_not(app) -> str:
    """Return why no training can be started: the button is disabled, and the reason stands below it."""
    assert app.button(key="teach_start").disabled
    (reason,) = (caption.value for caption in app.caption if "You cannot train yet" in caption.value)
    return reason.replace("\\", "")


def ended(app):
    """Wait for the training as a page does that polls, and show how it ended."""
    job, end = app.session_state["teach_job"], time.monotonic() + PATIENCE
    while not job.wait(0.05):
        job.touch()
        assert time.monotonic() < end
    return app.run()


def lines(app, key: str) -> dict[str, list[float]]:
    """The curves of a chart by their names."""
    return {line["name"]: line["y"] for line in json.loads(app.get_by_key(key).proto.spec)["data"]}


def uploader(app, key: str):
    """The current uploader of this name; each file gets a new one."""
    return next(each for each in app.file_uploader if each.key.rpartition("_")[0] == key)


def drop(app, key: str, *files: tuple[str, bytes], errors: int = 0):
    uploader(app, key).set_value([(name, data, "application/octet-stream") for name, data in files])
    app.run()
    assert_fine(app, errors)
    assert not uploader(app, key).value  # it was emptied
    return app


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 8, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def several(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{number}.png", png(number)) for number in range(first, first + count)]


def zipped(**classes: int) -> bytes:
    file, number = io.BytesIO(), 0
    with zipfile.ZipFile(file, "w") as archive:
        for label, count in classes.items():
            for _ in range(count):
                number += 1
                archive.writestr(f"set/{label}/{number}.png", png(number))
    return file.getvalue()


def held(app) -> dict[str, int]:
    """The names of the classes that the page shows, and how many photos each has."""
    fields = [field for field in app.text_input if field.key.startswith("teach_name_")]
    counts = {each.number: len(each.photos) for each in app.session_state["teach_draft"].classes}
    return {field.value: counts[int(field.key.rpartition("_")[2])] for field in fields}


# From the sample set to a head, and back --------------------------------------------------------------------------


def test_from_the_sample_set_to_a_head_and_back(monkeypatch):
    saved = []
    monkeypatch.setattr(heads, "save_head", lambda head: saved.append(save_head(head)) or saved[-1])
    app = open_tab()
    assert held(app) == {"Class 1": 0, "Class 2": 0}
    click(app, "teach_sample")
    assert held(app) == {"brick": 16, "grass": 16, "gravel": 16}
    assert "easier to classify than photos of many" in written(app)
    assert "**36 training photos** and **12 held-out photos**" in written(app)
    click(app, "teach_start")
    assert_fine(ended(app))
    taught, photos = app.session_state["teach_taught"], textures()

    # Accuracies of both, on how many photos, and how unsure they are.
    shown = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    for which, title in ((PRETRAINED, "Pretrained features"), (RANDOM, "Random features")):
        right = taught.right(which)
        assert shown[title] == (percent(right / 12), f"{right} of 12 held-out photos")
        low, high = wilson_interval(right, 12)
        assert f"**{100 * low:.0f} to {100 * high:.0f}%**" in written(app)
        y = lines(app, "teach_heads_accuracy")[f"{title}, held-out photos"]
        assert y == [epoch.held_out_accuracy for epoch in taught.runs[which].epochs]
    assert taught.right(PRETRAINED) > taught.right(RANDOM)
    assert len(taught.runs[PRETRAINED].epochs) == 100

    # The confusion matrix, and the photos of a cell.
    app.segmented_control(key="teach_shown").set_value(RANDOM).run()
    cells = confusion(photos.classes, taught.task.hold_out, taught.runs[RANDOM].probabilities)
    assert [cell["photos"] for cell in component(app, "teach_confusion")["cells"]] == [
        len(cell) for row in cells for cell in row
    ]
    largest = max(((r, c) for r in range(3) for c in range(3) if r != c), key=lambda at: len(cells[at[0]][at[1]]))
    assert component(app, "teach_confusion")["chosen"] == 3 * largest[0] + largest[1]  # the most frequent mistake
    for row, column in [(r, c) for r in range(3) for c in range(3) if cells[r][c]][:3]:
        fire(app, "teach_confusion", "pick", 3 * row + column)
        assert_fine(app)
        names = [photos.photos[index].name for index in cells[row][column]]
        assert all(f"<b>{name}</b>" in html(app) for name in names)
        assert html(app).count(f"predicted: {photos.labels[column]}") == len(names)

    # The head's prediction for the page's photo; it is saved, and loaded again.
    head = taught.runs[PRETRAINED].head
    probabilities = predict_photos(head, [SMALL])[0]
    assert all(percent(float(probability)) in html(app) for probability in probabilities)
    np.testing.assert_array_equal(load_head(saved[-1]).weights, head.weights)
    drop(app, "teach_head", ("mine.safetensors", saved[-1]))
    assert "Loaded: a head on EfficientNet-Lite0 for the classes brick, grass, gravel." in written(app)
    assert html(app).count(percent(float(probabilities.max()))) >= 2  # both heads predict the same
    other = Head(*(np.ones(s, np.float32) for s in ((1280, 2), 2, 1280, 1280)), ("a", "b"), "mobilenet_v2")
    drop(app, "teach_head", ("other.safetensors", save_head(other)), errors=1)
    assert "trained on MobileNetV2, not on EfficientNet-Lite0" in app.error[0].value.replace("\\", "")
    drop(app, "teach_head", ("notes.txt", b"hello"), errors=1)
    assert "not a valid safetensors file" in app.error[0].value
    assert app.session_state["teach_head"].labels == ("brick", "grass", "gravel")

    # A control that moves loses nothing; fine-tuning goes on from the head.
    app.number_input(key="teach_draw").set_value(5).run()
    assert app.session_state["teach_taught"] is taught
    assert "You have changed something above since" in written(app)
    click(app, "teach_tune")
    ended(app)
    tuned = app.session_state["teach_taught"]
    assert tuned.runs[PRETRAINED] is taught.runs[PRETRAINED]
    assert {metric.label: metric.value for metric in app.metric}["Fine-tuned"] == percent(tuned.right(TUNED) / 12)
    curve = lines(app, "teach_tuning_accuracy")["Fine-tuned, held-out photos"]
    before = taught.runs[PRETRAINED].epochs[-1].held_out_accuracy
    assert curve == [before, *(epoch.held_out_accuracy for epoch in tuned.runs[TUNED].epochs)]


# Refusals ---------------------------------------------------------------------------------------------------------


def test_refused_input_gets_one_sentence_and_nothing_is_lost():
    app = open_tab()
    assert "Add at least 5 photos to each of 2 classes" in why_not(app)
    app.text_input(key="teach_name_1").set_value("cat *and* dog").run()
    drop(app, "teach_upload_1", *several(4), ("notes.txt", b"hello"), ("copy.png", png(2)))
    assert held(app) == {"cat *and* dog": 4, "Class 2": 0}
    messages = [warning.value.replace("\\", "") for warning in app.warning]
    assert messages[0].startswith("“notes.txt” in “cat *and* dog” was left out: this")
    assert messages[1:] == ["Left out because they are duplicates: 1 photo."]
    assert "cat \\*and\\* dog" in app.warning[0].value  # none of its characters is Markdown
    assert "“cat *and* dog” has 4 photos" in why_not(app)
    click(app, "teach_remove_2")
    drop(app, "teach_upload_1", *several(2, 10))
    assert "is the only class" in why_not(app)
    click(app, "teach_add")
    drop(app, "teach_upload_3", ("mine.png", png(10)), *several(5, 50))
    assert "it is in “cat *and* dog” already" in app.warning[0].value.replace("\\", "")
    assert held(app) == {"cat *and* dog": 6, "Class 3": 5}
    assert "teach_job" not in app.session_state
    assert not [key for key, value in app.session_state.items() if "UploadedFile" in str(value)]

    # One photo is clicked and taken out; a zip that is none leaves all as it is, a good one can be taken back.
    fire(app, "teach_photos_3", "pick", 2)
    click(app, "teach_take_out_3")
    assert [photo.name for photo in app.session_state["teach_draft"].classes[1].photos] == [
        f"{number}.png" for number in (50, 51, 53, 54)
    ]
    drop_zip(app, zipped(owl=12), errors=1)
    assert "“owl” is the only class" in app.error[0].value
    assert held(app) == {"cat *and* dog": 6, "Class 3": 4}
    drop_zip(app, zipped(owl=5, emu=6))
    assert held(app) == {"emu": 6, "owl": 5}
    click(app, "teach_undo")
    assert held(app) == {"cat *and* dog": 6, "Class 3": 4}


def drop_zip(app, data: bytes, errors: int = 0):
    uploader(app, "teach_zip").upload("photos.zip", data, "application/zip")
    app.run()
    assert_fine(app, errors)


# While it trains --------------------------------------------------------------------------------------------------


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


def test_waiting_stopping_and_moving_a_control_keep_the_classes(queue_held, monkeypatch):
    slow = threading.Event()  # after which each epoch takes its time

    def slowly(task, report, goes_on):
        def slow_report(taught):
            report(taught)
            if taught.runs:
                slow.set()
                time.sleep(0.1)

        teach(task, slow_report, goes_on)

    monkeypatch.setattr(training, "teach", slowly)
    app = open_tab()
    click(app, "teach_sample")
    click(app, "teach_start")
    assert "**number 1 in the queue**" in app.info[-1].value
    assert app.button(key="teach_stop").label == "Leave the queue"
    click(app, "teach_stop")
    assert "ended before its first epoch" in app.info[-1].value
    click(app, "teach_start")
    job = app.session_state["teach_job"]
    queue_held.set()
    end = time.monotonic() + PATIENCE
    while not slow.wait(0.05):
        job.touch()
        assert time.monotonic() < end
    app.number_input(key="teach_draw").set_value(7).run()
    assert_fine(app)
    assert app.session_state["teach_job"] is job
    assert job.active
    assert app.button(key="teach_start").disabled
    assert held(app) == {"brick": 16, "grass": 16, "gravel": 16}
    assert set(lines(app, "teach_heads_loss")) >= {"Pretrained features, held-out photos"}
    click(app, "teach_stop")
    assert_fine(ended(app))
    taught = app.session_state["teach_taught"]
    assert job.state == "stopped"
    assert 0 < len(taught.runs[PRETRAINED].epochs) < 100
    assert taught.task.draw == 2
    assert f"stopped after {len(taught.runs[PRETRAINED].epochs)} of 100 epochs" in written(app)
    assert "Pretrained features" in [metric.label for metric in app.metric]


def test_a_training_that_fails_is_one_sentence_and_the_classes_stay(monkeypatch):
    def broken(*_):
        raise JobError("Please choose another network.")

    app = open_tab()
    click(app, "teach_sample")
    monkeypatch.setattr(training, "teach", broken)
    app.button(key="teach_start").click().run()
    assert_fine(ended(app), errors=1)
    assert "Please choose another network" in app.error[0].value
    assert held(app) == {"brick": 16, "grass": 16, "gravel": 16}


def test_any_link_opens():
    open_tab(teach_draw="inf", teach_shown="nonsense")
    open_tab(teach_draw="-4", teach_shown="Fine-tuned", model="nonsense")
