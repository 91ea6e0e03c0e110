"""Lessons of all pages: they are complete, experiments set existing controls, corrections hold for any photo."""

import re
from importlib import import_module

import numpy as np
import pytest

from cnn_demo.convolution import PATTERNS
from cnn_demo.drawing.pictures import DISPLAYS, display_values
from cnn_demo.images import sample_photos

LESSONS = {  # page's lesson -> its controls, and the control of the open view
    "convolution": ("convolution.settings", None),
    "layers": ("layers.settings", "tab"),
    "networks": ("network.workbench", "view"),
    "pretrained": ("pretrained.workbench", "task"),
    "localization": ("localization.workbench", "task"),
    "detection": ("detection.workbench", "task"),
    "segmentation": ("segmentation.workbench", "task"),
}
MODULES = {name: import_module(f"cnn_demo.lessons.{name}") for name in LESSONS}
SETTINGS = {name: import_module(f"cnn_demo.ui.{module}") for name, (module, _) in LESSONS.items()}
EXPERIMENTS = [(name, experiment) for name, module in MODULES.items() for experiment in module.LESSON.experiments]
PAPERS = [paper for module in MODULES.values() for paper in module.LESSON.papers]
PICTURES = {None, *PATTERNS, *(sample.key for sample in sample_photos())}
MISCONCEPTIONS = [(name, item) for name, module in MODULES.items() for item in module.MISCONCEPTIONS]
PHOTOS = {
    "one pixel": np.full((1, 1, 3), 0.3, np.float32),
    "wide and black": np.zeros((40, 500, 3), np.float32),
    "cat": sample_photos()[0].load(max_side=480).pixels.astype(np.float32) / 255,
}
each_lesson = pytest.mark.parametrize("name", LESSONS)
each_experiment = pytest.mark.parametrize(
    ("name", "experiment"), EXPERIMENTS, ids=[f"{name}, {e.title}" for name, e in EXPERIMENTS]
)


@each_lesson
def test_a_lesson_has_its_four_parts(name):
    lesson, misconceptions = MODULES[name].LESSON, MODULES[name].MISCONCEPTIONS
    assert lesson.idea.endswith(".")
    assert 3 <= len(lesson.experiments) <= 12
    assert len(misconceptions) >= 3
    assert len(lesson.papers) >= 3
    for texts in ([e.title for e in lesson.experiments], [m.claim for m in misconceptions]):
        assert len(set(texts)) == len(texts)


@each_experiment
def test_an_experiment_sets_existing_controls(name, experiment):
    defaults, view = SETTINGS[name].DEFAULTS, LESSONS[name][1]
    assert experiment.settings.keys() <= defaults.keys()
    assert {key: defaults[key] for key in experiment.settings} != dict(experiment.settings) or experiment.photo
    assert experiment.notice.endswith(".")
    assert experiment.photo in PICTURES
    if view:
        assert experiment.settings[view] in SETTINGS[name].VIEWS


@each_lesson
def test_every_tab_has_an_experiment(name):
    page, view = LESSONS[name][0].split(".")[0], LESSONS[name][1] or "view"
    module = SETTINGS[name] if hasattr(SETTINGS[name], "VIEWS") else import_module(f"cnn_demo.ui.{page}.workbench")
    opened = {each.settings.get(view, SETTINGS[name].DEFAULTS[view]) for each in MODULES[name].LESSON.experiments}
    assert opened == set(module.VIEWS)


@each_lesson
def test_a_claim_is_quoted_because_it_is_wrong(name):
    for item in MODULES[name].MISCONCEPTIONS:
        assert re.fullmatch(r"“.+\.”", item.claim)


@pytest.mark.parametrize("photo", PHOTOS)
@pytest.mark.parametrize(
    ("name", "item"), MISCONCEPTIONS, ids=[f"{name}, {item.claim}" for name, item in MISCONCEPTIONS]
)
def test_a_correction_holds_for_any_photo(name, item, photo):
    image = PHOTOS[photo].copy()
    image.flags.writeable = False
    correction = item.correct(image)
    assert not re.search(r"\b(nan|inf)\b", correction.text)
    assert re.search(r"\d", correction.text)
    assert correction.text.endswith(".")
    assert 1 <= len(correction.pictures) <= 3
    for caption, values, display in correction.pictures:
        assert caption
        assert display in DISPLAYS
        assert np.isfinite(values).all()
        shown = display_values(values, display)
        assert shown.dtype == np.uint8
        assert shown.shape[:2] == values.shape[:2]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.title)
def test_a_paper_can_be_found(paper):
    lasting = r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.\d{4,}/\S+|dl\.acm\.org/doi/10\.5555/\S+)"
    assert re.fullmatch(lasting, paper.url)
    assert 1950 < paper.year < 2030
    assert paper.authors
    assert not paper.why.endswith(".")  # the page adds it
