"""Whatever a view raises, its tab shows one sentence with a number, the rest of the page lives, and the log knows."""

import logging
import re
import threading
from dataclasses import replace
from importlib import import_module

import pytest
from driver import PAGE_1, PAGE_2, PAGE_3, PAGE_4, PAGE_5, PAGE_6, PAGE_7, SMALL, assert_fine, fire, open_app

from cnn_demo import models
from cnn_demo.images import sample_photos
from cnn_demo.jobs import Job, job_queue
from cnn_demo.turns import network_turns
from cnn_demo.ui.page import caching

FOLDERS = {
    PAGE_3: "network",
    PAGE_4: "pretrained",
    PAGE_5: "localization",
    PAGE_6: "detection",
    PAGE_7: "segmentation",
}
FUNCTIONS = {PAGE_1: "cnn_demo.ui.convolution.workbench.compute", PAGE_2: "cnn_demo.ui.layers.workbench.stack_view"}


@pytest.fixture
def as_visitors_see_it(monkeypatch):
    monkeypatch.delenv("CNN_DEMO_DEBUG")


def break_page(monkeypatch, page: str, error: Exception) -> None:
    """Let the first view of a page fail."""

    def fail(*_, **__):
        raise error

    if page in FUNCTIONS:
        monkeypatch.setattr(FUNCTIONS[page], fail)
    else:
        views = import_module(f"cnn_demo.ui.{FOLDERS[page]}.workbench").VIEWS
        monkeypatch.setitem(views, next(iter(views)), fail)


# Page, tab, the innermost function of `cnn_demo` that the tab calls for one of its results, and settings of the link.
COMPUTATIONS: list[tuple[str, str, str, dict[str, str]]] = [
    (PAGE_1, "Learn a kernel", "ui.convolution.learn_kernel.fit_bowl", {}),
    (PAGE_1, "Learn a kernel", "ui.convolution.learn_kernel.descend", {"learned": "yes"}),
    (PAGE_3, "Activations", "models.classification.classifiers.Classifier.activations", {}),
    (PAGE_3, "Switch channels off", "ui.widgets.channel_switches.view.cut_network", {}),
    (PAGE_3, "Switch channels off", "ui.widgets.channel_switches.view.estimated_losses", {}),
    (
        PAGE_3,
        "Switch channels off",
        "ui.widgets.channel_switches.view.measured_losses",
        {"channels_off_ranking": "Measured"},
    ),
    (PAGE_3, "Switch channels off", "ui.widgets.channel_switches.view.scaled_logits", {}),
    (PAGE_3, "Receptive fields", "models.explanation.explain.effective_field", {"field_what": "Bundled CNN"}),
    (PAGE_3, "Features", "ui.network.channel_patches.window_activations", {}),
    (PAGE_3, "Train your own", "ui.network.live_training.digit_data", {}),
    (PAGE_3, "Confidence", "ui.network.calibration.softmax", {}),
    (PAGE_4, "Classify", "models.classification.classifiers.Classifier.predict", {}),
    (PAGE_4, "Explain", "ui.pretrained.explanations.explain", {}),
    (PAGE_4, "Explain", "ui.pretrained.deletion_check.insertion_curve", {}),
    (PAGE_4, "Compare classes", "ui.pretrained.contrast.view.contrast", {}),
    (PAGE_4, "Compare classes", "ui.pretrained.contrast.channels.channel_evidence", {}),
    (PAGE_4, "Compare classes", "ui.pretrained.contrast.patch.smallest_patch", {}),
    (PAGE_4, "Cover it", "models.classification.classifiers.Classifier.predict", {}),
    (PAGE_4, "Cover it", "ui.pretrained.cover.explain", {}),
    (PAGE_4, "Fool it", "ui.pretrained.fool.noise.smallest_noise", {}),
    (PAGE_4, "Fool it", "ui.pretrained.fool.elsewhere.outcomes", {}),
    (PAGE_4, "Feature maps", "ui.pretrained.feature_maps.feature_maps", {}),
    (PAGE_4, "Parts", "ui.pretrained.parts.factorize", {}),
    (PAGE_4, "Parts", "ui.pretrained.parts.part_evidence", {}),
    (PAGE_4, "Switch channels off", "ui.widgets.channel_switches.view.cut_network", {}),
    (PAGE_4, "Transfer learning", "ui.pretrained.transfer.preview.square", {}),
    (PAGE_5, "Localize", "models.localization.localizers.Localizer.evidence", {}),
    (PAGE_5, "Explain", "ui.localization.explain.explain_prediction", {}),
    (PAGE_5, "Explain", "ui.widgets.curve_charts.check_map", {}),
    (PAGE_5, "Cover it", "models.localization.localizers.Localizer.predict", {}),
    (PAGE_5, "Without a box head", "ui.localization.without_box_head.cam_box", {}),
    (PAGE_5, "Without a box head", "ui.localization.without_box_head.slide", {}),
    (PAGE_6, "Detect", "models.detection.yolo_detector.YoloDetector.candidates", {}),
    (PAGE_6, "Explain", "ui.detection.explain.explain_prediction", {}),
    (PAGE_6, "Explain", "ui.widgets.curve_charts.random_check", {}),
    (PAGE_6, "Tiles", "ui.detection.tiles.detect_in_tiles", {}),
    (PAGE_6, "Cover it", "ui.detection.cover.detection_changes", {}),
    (PAGE_6, "Cells and proposals", "models.detection.yolo_detector.YoloDetector.candidates", {}),
    (PAGE_6, "Evaluate", "models.detection.yolo_detector.YoloDetector.candidates", {}),
    (PAGE_6, "Video", "models.detection.yolo_detector.YoloDetector.candidates", {}),
    (PAGE_7, "Segment", "models.segmentation.segmenters.SemanticSegmenter.predict", {}),
    (PAGE_7, "Explain", "ui.segmentation.explain.explain_layers", {}),
    (PAGE_7, "Explain", "models.explanation.unet_probe.UnetProbe.level_scores", {}),
    (PAGE_7, "Inside a U-Net", "ui.segmentation.unet_internals.maps_inside", {}),
    (PAGE_7, "Inside a U-Net", "ui.segmentation.unet_internals.without_skips", {"skips_on": "1/4"}),
    (PAGE_7, "Semantic or instance", "models.detection.yolo_detector.YoloDetector.candidates", {}),
    (PAGE_7, "Upsampling", "ui.segmentation.upsampling.transposed", {}),
]


UNLOCKED = threading.Lock()
OBJECTS = replace(next(each for each in sample_photos() if each.key == "bus").load(), data=b"")


def name_of(case) -> str:
    page, tab, function, _ = case
    return f"{page[6]}-{tab}-{function.rpartition('.')[2]}"


@pytest.mark.parametrize(("page", "tab", "function", "link"), COMPUTATIONS, ids=map(name_of, COMPUTATIONS))
def test_a_failing_computation_costs_one_result(page, tab, function, link, monkeypatch, caplog, as_visitors_see_it):
    """No bar, button or turn is left of it, and the next run is complete."""
    error: Exception = MemoryError("Unable to allocate 9 GiB for /secret/path")

    def fail(*_, **__):
        raise error

    link = {"view" if page in (PAGE_1, PAGE_3) else "task": tab, **link}
    with monkeypatch.context() as broken:
        broken.setattr(f"cnn_demo.{function}", fail)
        app = open_app(page, photo=OBJECTS if page == PAGE_6 else SMALL, link=link)
        assert_one_sentence(app, caplog)
        error = RuntimeError("failed to allocate, see /secret/path")
        caplog.clear()
        app.run()
        assert_one_sentence(app, caplog)
    assert_nothing_is_held(app)
    app.run()
    assert_fine(app)


def assert_nothing_is_held(app):
    """No bar or button of the failed computation is on the page; its turn, and the networks, are free."""
    assert not app.get("progress")
    assert not [button for button in app.button if button.label == "Stop" and not button.disabled]
    turns = network_turns()
    assert (turns._free, turns._waiting) == (turns._at_once, [])
    assert not caching._results().computing
    for loaded in models._MODELS.values():
        assert not [key for key, model in loaded.items() if getattr(model, "lock", UNLOCKED).locked()]


def tabs() -> list[tuple[str, str]]:
    """Page and title of the tabs of the pages with networks whose computations are not in the table above."""
    views = {page: import_module(f"cnn_demo.ui.{folder}.workbench").VIEWS for page, folder in FOLDERS.items()}
    above = {(page, tab) for page, tab, *_ in COMPUTATIONS}
    return [(page, title) for page, titles in views.items() for title in titles if (page, title) not in above]


@pytest.mark.parametrize(("page", "title"), tabs())
def test_every_tab_has_the_barrier(page, title, monkeypatch, as_visitors_see_it):
    def fail(*_, **__):
        raise PermissionError("not yours")

    monkeypatch.setitem(import_module(f"cnn_demo.ui.{FOLDERS[page]}.workbench").VIEWS, title, fail)
    app = open_app(page, photo=SMALL, link={"view" if page == PAGE_3 else "task": title})
    assert not app.exception
    assert ["Something went wrong here" in error.value for error in app.error] == [True]
    assert "Further reading" in [heading.value for heading in app.subheader]


def test_a_job_that_fails_can_be_started_again(monkeypatch, caplog, as_visitors_see_it):
    """Explanations without gradients are jobs on pages 5, 6 and 7: here that of a box, occluded."""

    def fail(*_, **__):
        raise MemoryError("Unable to allocate 9 GiB for /secret/path")

    def run() -> Job:
        app.button(key="explain_run").click().run()
        (job,) = app.session_state["explain_jobs"].values()
        assert job.wait(120)
        app.run()
        return job

    app = open_app(PAGE_5, photo=SMALL, link={"task": "Explain", "explain_perturbation": "Occlusion"})
    with monkeypatch.context() as broken:
        broken.setattr("cnn_demo.ui.widgets.masking_job.perturb", fail)
        assert run().state == "failed"
    (shown,) = (error.value for error in app.error)
    (record,) = (record for record in caplog.records if record.exc_info)
    assert re.search(r"The Occlusion failed \(error ([0-9a-f]{6})\)", shown)[1] in record.getMessage()
    assert "/secret/path" not in shown
    assert (job_queue()._running, job_queue()._waiting) == (None, [])
    assert_nothing_is_held(app)
    assert run().state == "finished"
    assert_fine(app)


def test_a_training_that_cannot_begin_is_not_tried_again_at_each_run(monkeypatch, caplog, as_visitors_see_it):
    app = open_app(PAGE_3, photo=SMALL, link={"view": "Train your own"})
    monkeypatch.setattr("cnn_demo.ui.network.live_training.frameworks.torch", refuse)
    app.button(key="live_start").click().run()
    assert_one_sentence(app, caplog)
    app.run()
    assert_fine(app)


UPLOADERS = {
    "teach_zip_": "ui.pretrained.transfer.photos.from_zip",
    "teach_upload_": "models.transfer.photo_set_builder.PhotoSetBuilder.with_photos",
    "teach_head_": "ui.pretrained.transfer.heads.load_head",
}


@pytest.mark.parametrize("uploader", UPLOADERS)
def test_an_upload_that_cannot_be_read_is_not_read_again(uploader, monkeypatch, caplog, as_visitors_see_it):
    app = open_app(PAGE_4, photo=SMALL, link={"task": "Transfer learning"})
    monkeypatch.setattr(f"cnn_demo.{UPLOADERS[uploader]}", refuse)
    each = next(each for each in app.file_uploader if each.key.startswith(uploader))
    each.upload("file", b"content", "application/octet-stream").run()
    assert_one_sentence(app, caplog)
    caplog.clear()
    app.run()
    assert not app.exception
    assert not [record for record in caplog.records if record.exc_info]


def test_an_error_while_an_upload_is_read_loses_nothing(monkeypatch, as_visitors_see_it, phone_photo):
    def fail(*_, **__):
        raise MemoryError

    app = open_app(PAGE_1)
    with monkeypatch.context() as broken:
        broken.setattr("cnn_demo.ui.page.photo_picker.read_photo", fail)
        app.file_uploader[0].upload("photo.jpg", phone_photo, "image/jpeg").run()
    assert not app.exception
    assert ["Something went wrong here" in error.value for error in app.error] == [True]
    assert app.slider


@pytest.mark.parametrize("page", [*FUNCTIONS, *FOLDERS])
def test_an_error_stays_in_its_tab(page, monkeypatch, caplog, as_visitors_see_it):
    error = MemoryError("no memory for /secret/path")
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, "cnn_demo.ui.page.barrier"):
        break_page(broken, page, error)
        app = open_app(page, photo=SMALL)
    assert not app.exception
    (shown,) = (error.value for error in app.error)
    number = re.search(r"Something went wrong here \(error ([0-9a-f]{6})\)", shown)[1]
    assert "/secret/path" not in shown
    (record,) = (record for record in caplog.records if record.name == "cnn_demo.ui.page.barrier")
    assert number in record.getMessage()
    assert record.exc_info[1] is error
    assert "Further reading" in [heading.value for heading in app.subheader]


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied", "/secret/path")


def assert_one_sentence(app, caplog):
    """One sentence with a number, the same as in the log, and the page is complete."""
    assert not app.exception
    (shown,) = (error.value for error in app.error)
    number = re.search(r"Something went wrong here \(error ([0-9a-f]{6})\)", shown)[1]
    (record,) = (record for record in caplog.records if record.exc_info)
    assert number in record.getMessage()
    assert "/secret/path" not in shown
    assert "Further reading" in [heading.value for heading in app.subheader]


CALLBACKS = {
    "page.experiments.start": (PAGE_1, lambda app: app.selectbox(key="try_this").select_index(0).run()),
    "page.photo_picker.choose": (PAGE_1, lambda app: fire(app, "gallery", "pick", "chelsea")),
    "layers.controls._take_preset": (PAGE_2, lambda app: app.selectbox(key="preset").select_index(1).run()),
}


@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_callback_that_fails_costs_its_effect_only(callback, monkeypatch, caplog, as_visitors_see_it):
    page, click = CALLBACKS[callback]
    monkeypatch.setattr(f"cnn_demo.ui.{callback}", refuse)
    app = open_app(page, photo=SMALL)
    assert_fine(app)
    click(app)
    assert_one_sentence(app, caplog)
    app.run()
    assert_fine(app)


def test_the_paths_of_the_server_are_not_shown(monkeypatch, caplog, as_visitors_see_it):
    break_page(monkeypatch, PAGE_2, FileNotFoundError(2, "No such file or directory", "/secret/path"))
    assert_one_sentence(open_app(PAGE_2, photo=SMALL), caplog)


def test_a_damaged_sample_photo_leaves_the_page_its_tabs(monkeypatch, caplog, as_visitors_see_it):
    monkeypatch.setattr("cnn_demo.images.samples.SamplePhoto.load", refuse)
    app = open_app(PAGE_1)
    assert_one_sentence(app, caplog)
    assert app.slider


def test_the_next_click_works(monkeypatch, as_visitors_see_it):
    with monkeypatch.context() as broken:
        break_page(broken, PAGE_1, RuntimeError("out of order"))
        app = open_app(PAGE_1, photo=SMALL)
        assert len(app.error) == 1
    app.run()
    assert not app.error
    assert app.slider


def test_a_page_that_fails_as_a_whole_shows_one_sentence(monkeypatch, as_visitors_see_it):
    def fail(*_, **__):
        raise PermissionError("not yours")

    monkeypatch.setattr("cnn_demo.ui.page.home.describe_machine", fail)
    app = open_app()
    assert not app.exception
    assert ["Something went wrong here" in error.value for error in app.error] == [True]


def test_a_page_without_the_app_around_it_shows_one_sentence_too(monkeypatch, caplog, as_visitors_see_it):
    monkeypatch.setattr("cnn_demo.ui.page.experiments.reveal", refuse)
    app = open_app(PAGE_1, photo=SMALL)
    assert not app.exception
    (shown,) = (error.value for error in app.error)
    assert re.search(r"\(error ([0-9a-f]{6})\)", shown)[1] in caplog.text
    assert "/secret/path" not in shown


def test_developers_see_the_traceback(monkeypatch):
    break_page(monkeypatch, PAGE_2, RuntimeError("out of order"))
    app = open_app(PAGE_2, photo=SMALL)
    assert len(app.exception) == 1
    assert not app.error
