"""Experiments of all pages: they are undone, their notice ends with their setting, and their link shows the same."""

import functools
import re
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from driver import PAGE_1, PAGE_2, SMALL, assert_fine, fire, open_app
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from cnn_demo.drawing.pictures import reduced
from cnn_demo.images import Photo, sample_photos
from cnn_demo.lessons import Experiment, Lesson, pretrained_experiments
from cnn_demo.topics import TOPICS
from cnn_demo.ui.localization import without_box_head
from cnn_demo.ui.page import photo_picker
from cnn_demo.ui.page.experiments import link_name
from cnn_demo.ui.pretrained import explanations
from cnn_demo.ui.segmentation import unet_internals
from cnn_demo.ui.segmentation.state import segmentation_of

DRAWN_ON = {each.photo for each in pretrained_experiments.EXPERIMENTS if "cover_boxes" in each.settings}
FOLDERS = ("convolution", "layers", "network", "pretrained", "localization", "detection", "segmentation")
LESSONS = ("convolution", "layers", "networks", "pretrained", "localization", "detection", "segmentation")


@pytest.fixture(autouse=True)
def _little_to_compute(monkeypatch):
    """Use small photos and skip the slowest computations: only settings are compared."""
    load = photo_picker._built_in.__wrapped__
    monkeypatch.setattr(
        photo_picker, "_built_in", functools.cache(lambda key: load(key) if key in DRAWN_ON else small(load(key)))
    )
    ramp = np.linspace(0, 1, 224 * 224, dtype=np.float32).reshape(224, 224)
    monkeypatch.setattr(explanations, "explain", lambda *_: ramp)
    monkeypatch.setattr(without_box_head, "_scan", lambda *_: None)
    monkeypatch.setattr(unet_internals, "_without", lambda photo, key, off: segmentation_of(photo, key, None, "whole"))


@pytest.fixture(scope="module")
def opened():
    """Opens a page once: an experiment after another one starts from the visitor's own state."""
    return functools.cache(lambda page: open_app(page))


def small(photo: Photo) -> Photo:
    return replace(photo, pixels=reduced(photo.pixels, 128), sha256=f"{photo.sha256} small")


def lesson_of(number: int) -> Lesson:
    """The lesson of a page on this machine."""
    if number == 6:
        from cnn_demo.ui.detection.state import lesson_here

        return lesson_here()
    return import_module(f"cnn_demo.lessons.{LESSONS[number - 1]}").LESSON


def defaults_of(number: int) -> dict:
    module = "settings" if number < 3 else "workbench"
    return import_module(f"cnn_demo.ui.{FOLDERS[number - 1]}.{module}").DEFAULTS


EXPERIMENTS = [(topic.number, each) for topic in TOPICS for each in lesson_of(topic.number).experiments]
each_experiment = pytest.mark.parametrize(
    ("number", "experiment"), EXPERIMENTS, ids=[f"{number}, {each.title}" for number, each in EXPERIMENTS]
)


def state_of(app: AppTest, number: int) -> dict:
    """The value of every control, the photo and the notice."""
    held = {key: app.session_state.get(key) for key in defaults_of(number)}
    values = {key: default if held[key] is None else held[key] for key, default in defaults_of(number).items()}
    notices = [each.value for each in app.info if each.value.startswith("**What to notice.**")]
    return {**values, "photo_key": app.session_state["photo_key"], "notices": notices}


def menu(app: AppTest) -> Selectbox:
    return next(each for each in app.selectbox if each.label == "Try this")


def start(app: AppTest, experiment: Experiment) -> AppTest:
    menu(app).set_value(experiment.title).run()
    assert_fine(app)
    return app


def labels(app: AppTest) -> list[str]:
    """The labels of all controls and tabs that are shown."""
    kinds = ("slider", "select_slider", "selectbox", "multiselect", "segmented_control", "pills", "toggle")
    kinds += ("number_input", "text_input", "button", "tab")
    return [control.label for kind in kinds for control in app.get(kind)]


@each_experiment
def test_a_notice_names_controls_that_are_there_and_its_link_shows_the_same(number, experiment, opened):
    page = TOPICS[number - 1].page
    app = start(opened(page), experiment)
    for name in re.findall(r"\*\*(.+?)\*\*", experiment.notice):
        assert any(re.match(rf"{re.escape(name)}\b", label) for label in labels(app)), name
    link = dict(app.query_params)
    assert link["try"] == link_name(experiment)
    assert link.keys() <= {"try", "photo", *experiment.settings}  # no default
    friend = open_app(page, link=link)
    assert_fine(friend)
    shared = state_of(friend, number)
    assert shared == state_of(app, number)
    assert len(shared["notices"]) == 1
    assert dict(friend.query_params) == link


def experiment_of(number: int, title: str) -> Experiment:
    return next(each for each in lesson_of(number).experiments if each.title == title)


OWN = Photo(np.random.default_rng(2).integers(0, 256, (30, 40, 3), dtype=np.uint8), "mine", "digest-of-mine")
MINE = {"kernel": "gabor", "gabor_wavelength": 9.0, "stride": 2, "view": "Code", "grey": True}


@pytest.mark.parametrize("how", ["clearing the menu", "Undo"])
@pytest.mark.parametrize("photo", [None, OWN], ids=["a sample", "an uploaded photo"])
def test_undo_restores_settings_photo_and_tab(how, photo):
    app = open_app(PAGE_1, photo=photo, link={"photo": "coffee"}, **MINE)
    app.run()
    before = state_of(app, 1)
    assert {key: before[key] for key in MINE} == MINE
    start(app, experiment_of(1, "Blur before stride"))
    assert app.session_state["photo_key"] == "chirp"
    if how == "Undo":
        app.button(key="undo_experiment").click().run()
    else:
        menu(app).set_value(None).run()
    assert_fine(app)
    assert state_of(app, 1) == before
    assert "try" not in app.query_params
    assert app.session_state["photo_key"] == ("own" if photo else "coffee")
    if photo is not None:
        assert app.session_state["own_photo"] == OWN
    assert not [button for button in app.button if button.label == "Undo"]


@pytest.mark.parametrize(("number", "title"), [(1, "Learn a kernel"), (2, "One pixel to the right")])
def test_undo_leads_back_to_an_address_without_settings(number, title):
    app = start(open_app(TOPICS[number - 1].page), experiment_of(number, title))
    assert len(dict(app.query_params)) > 1
    app.button(key="undo_experiment").click().run()
    assert dict(app.query_params) == {}


def test_the_next_experiment_starts_from_the_visitors_own_state():
    app = open_app(PAGE_2, link={"photo": "coffee", "tab": "Invariance", "pixels": "7"})
    before = state_of(app, 2)
    start(app, experiment_of(2, "Aliasing you can see"))
    assert app.session_state["photo_key"] == "chirp"
    start(app, experiment_of(2, "Overlapping windows"))
    assert app.session_state["photo_key"] == "coffee"
    app.button(key="undo_experiment").click().run()
    assert state_of(app, 2) == before


def test_an_experiment_for_any_photo_replaces_a_test_pattern():
    app = start(open_app(PAGE_1, link={"photo": "impulse"}), experiment_of(1, "Random weights"))
    assert app.session_state["photo_key"] == sample_photos()[0].key
    app.button(key="undo_experiment").click().run()
    assert app.session_state["photo_key"] == "impulse"


def test_an_uploaded_photo_returns_though_another_was_uploaded_since():
    app = open_app(PAGE_1, photo=OWN)
    start(app, experiment_of(1, "Detect stripes"))
    app.session_state["own_photo"] = SMALL
    app.button(key="undo_experiment").click().run()
    assert app.session_state["own_photo"] == OWN


def notices(app: AppTest) -> int:
    return len(state_of(app, 1)["notices"])


def test_a_notice_ends_when_a_control_leaves_its_setting_and_does_not_return():
    app = start(open_app(PAGE_1), experiment_of(1, "Find edges"))
    app.slider(key="sobel_angle").set_value(90.0).run()  # as the notice suggests
    assert notices(app) == 1
    app.selectbox(key="kernel").set_value("box").run()
    assert_fine(app)
    assert notices(app) == 0
    assert menu(app).value is None
    assert menu(app).key != "try_this"  # another widget: the browser sends the old choice of this one again
    assert "try" not in app.query_params
    app.selectbox(key="kernel").set_value("sobel").run()
    assert notices(app) == 0
    app.button(key="undo_experiment").click().run()
    assert app.selectbox(key="kernel").value == "gaussian"


def test_a_notice_stays_when_its_advice_is_followed_and_ends_with_its_photo():
    app = start(open_app(PAGE_1), experiment_of(1, "Blur before stride"))
    app.slider(key="gaussian_sigma").set_value(0.3).run()
    assert notices(app) == 1
    assert app.query_params["try"] == "blur-before-stride"
    friend = open_app(PAGE_1, link=dict(app.query_params))
    assert state_of(friend, 1) == state_of(app, 1)
    fire(app, "gallery", "pick", "coffee")
    assert notices(app) == 0


def test_an_experiments_name_alone_is_a_link_to_it():
    app = open_app(PAGE_1, link={"try": "detect-stripes"})
    assert_fine(app)
    assert state_of(app, 1) == state_of(start(open_app(PAGE_1), experiment_of(1, "Detect stripes")), 1)
    app.button(key="undo_experiment").click().run()
    assert app.selectbox(key="kernel").value == "gaussian"


@pytest.mark.parametrize("link", [{"try": "nonsense"}, {"try": ""}, {"try": "find-edges", "kernel": "Gabor"}], ids=str)
def test_a_link_without_its_setting_shows_no_notice(link):
    app = open_app(PAGE_1, link=link)
    assert_fine(app)
    assert notices(app) == 0
    assert "try" not in app.query_params


def test_a_kernel_that_is_to_be_edited_is_in_the_link():
    app = open_app(PAGE_1, link={"kernel": "Laplacian"})
    next(button for button in app.button if button.label == "Edit the weights").click().run()
    assert_fine(app)
    friend = open_app(PAGE_1, link=dict(app.query_params))
    assert state_of(friend, 1) == state_of(app, 1)
    assert friend.session_state["cells"] == app.session_state["cells"] != defaults_of(1)["cells"]


def test_an_old_value_in_the_link_gives_way_to_the_control():
    """A run that the app began itself may have a control's new value, and the link from before."""
    app = start(open_app(PAGE_2), experiment_of(2, "One pixel to the right"))
    app.query_params["pixels"] = "2"
    app.query_params["photo"] = "cat"
    app.slider(key="pixels").set_value(4).run()
    assert app.slider(key="pixels").value == 4
    assert app.query_params["pixels"] == "4"
    assert app.query_params.get("photo", sample_photos()[0].key) == app.session_state["photo_key"]


def test_an_experiment_stays_on_its_page():
    app = start(open_app(PAGE_1), experiment_of(1, "Find edges"))
    app.query_params.clear()  # a link in the navigation carries none
    app.switch_page(PAGE_2).run()
    assert_fine(app)
    assert notices(app) == 0
    assert "try" not in app.query_params
    app.query_params.clear()
    app.switch_page(PAGE_1).run()
    assert notices(app) == 1
    assert app.query_params["try"] == "find-edges"
