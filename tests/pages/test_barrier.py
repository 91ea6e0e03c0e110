"""Whatever a view raises, its tab shows one sentence with a number, the rest of the page lives, and the log knows."""

import logging
import re
from importlib import import_module

import pytest
from driver import PAGE_1, PAGE_2, PAGE_3, PAGE_4, PAGE_5, PAGE_6, PAGE_7, SMALL, assert_fine, fire, open_app

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


def tabs() -> list[tuple[str, str]]:
    """Page and title of every tab of the pages with networks."""
    views = {page: import_module(f"cnn_demo.ui.{folder}.workbench").VIEWS for page, folder in FOLDERS.items()}
    return [(page, title) for page, titles in views.items() for title in titles]


@pytest.mark.parametrize(("page", "title"), tabs())
def test_every_tab_has_the_barrier(page, title, monkeypatch, as_visitors_see_it):
    def fail(*_, **__):
        raise PermissionError("not yours")

    monkeypatch.setitem(import_module(f"cnn_demo.ui.{FOLDERS[page]}.workbench").VIEWS, title, fail)
    app = open_app(page, photo=SMALL, link={"view" if page == PAGE_3 else "task": title})
    assert not app.exception
    assert ["Something went wrong here" in error.value for error in app.error] == [True]
    assert "Further reading" in [heading.value for heading in app.subheader]


NETWORKS = {
    PAGE_3: "classification.classifiers.Classifier.activations",
    PAGE_4: "classification.classifiers.Classifier.predict",
    PAGE_5: "localization.localizers.Localizer.evidence",
    PAGE_6: "detection.yolo_detector.YoloDetector.candidates",
    PAGE_7: "segmentation.segmenters.SemanticSegmenter.predict",
}


@pytest.mark.parametrize("page", NETWORKS)
def test_a_network_that_fails_costs_its_prediction_only(page, monkeypatch, as_visitors_see_it):
    def fail(*_, **__):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(f"cnn_demo.models.{NETWORKS[page]}", fail)
        app = open_app(page, photo=SMALL)
        assert not app.exception
        assert any("Something went wrong here" in error.value for error in app.error)
        assert "Further reading" in [heading.value for heading in app.subheader]
    app.run()
    assert_fine(app)


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
    assert re.search(r"Something went wrong here \(error ([0-9a-f]{6})\)", shown)[1] in caplog.text
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
