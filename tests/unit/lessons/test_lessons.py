"""Lesson of page 1: every experiment can be set up, every correction holds for any photo."""

import numpy as np
import pytest

from cnn_demo.convolution import KERNELS, output_size
from cnn_demo.drawing.pictures import DISPLAYS
from cnn_demo.lessons.convolution import LESSON, MISCONCEPTIONS
from cnn_demo.ui.convolution.settings import DEFAULTS, read_settings

each_experiment = pytest.mark.parametrize("experiment", LESSON.experiments, ids=lambda e: e.title)
DRAW = np.random.default_rng(8)
PHOTOS = {
    "random": DRAW.random((48, 64, 3), dtype=np.float32),
    "tiny": DRAW.random((20, 30, 3), dtype=np.float32),
    "one pixel": np.full((1, 1, 3), 0.3, np.float32),
    "constant": np.full((40, 50, 3), 0.5, np.float32),
    "black": np.zeros((40, 50, 3), np.float32),
}


@each_experiment
def test_an_experiment_sets_visible_controls(experiment):
    family = experiment.settings.get("kernel", DEFAULTS["kernel"])
    own = {f"{family}_{parameter.name}" for parameter in KERNELS[family].parameters}
    others = {f"{name}_{p.name}" for name in KERNELS for p in KERNELS[name].parameters} - own
    assert not experiment.settings.keys() & others


@each_experiment
def test_an_experiment_can_be_computed(experiment):
    settings = read_settings({**DEFAULTS, **experiment.settings})
    assert settings.title == KERNELS[experiment.settings.get("kernel", DEFAULTS["kernel"])].title
    assert settings.display in DISPLAYS
    assert min(output_size((300, 400), settings.weights.shape, settings.spec)) > 50


@each_experiment
def test_settings_are_steps_of_their_slider(experiment):
    for name, family in KERNELS.items():
        for parameter in family.parameters:
            value = experiment.settings.get(f"{name}_{parameter.name}", DEFAULTS[f"{name}_{parameter.name}"])
            assert parameter.check(value) == value
    for key, choices in (("stride", range(1, 9)), ("dilation", range(1, 9)), ("pad", range(65))):
        assert experiment.settings.get(key, DEFAULTS[key]) in choices


def test_figures_are_measured_on_the_photo():
    for item in MISCONCEPTIONS:
        assert item.correct(PHOTOS["random"]).text != item.correct(PHOTOS["black"]).text, item.claim


def test_figures_of_a_black_photo_are_zero():
    flip, negative, same, stride = (item.correct for item in MISCONCEPTIONS)
    black = PHOTOS["black"]
    assert "up to 0.00" in flip(black).text
    assert " 0% are negative" in negative(black).text
    assert " 0.0% of this photo's pixels" in same(black).text
    assert "by 0.000 on average" in stride(black).text


@pytest.mark.parametrize(
    ("claim", "text"),
    [("negative response", " 0% are negative"), ("flips the kernel", "differ by up to 0.00")],
)
def test_an_even_photo_has_no_edges(claim, text):
    (item,) = (item for item in MISCONCEPTIONS if claim in item.claim)
    assert text in item.correct(PHOTOS["constant"]).text
