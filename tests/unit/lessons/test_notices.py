"""Figures that notices of experiments state."""

import numpy as np
import pytest

from cnn_demo.convolution.sharing import layer_costs
from cnn_demo.convolution.stack import ConvLayer, PoolLayer, plan_stack
from cnn_demo.convolution.stack_text import parse_stack
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import sample_photos
from cnn_demo.lessons import convolution
from cnn_demo.lessons.layers import LESSON, MISCONCEPTIONS
from cnn_demo.ui.convolution.result import compute
from cnn_demo.ui.convolution.settings import DEFAULTS, read_settings
from cnn_demo.ui.layers.invariance_measures import Question, curves


def test_noise_is_worse_with_max_pooling_only_if_it_is_strong():
    experiment = next(each for each in LESSON.experiments if each.title == "Noise")
    photo = next(sample for sample in sample_photos() if sample.key == experiment.photo).load()
    table, _ = curves(photo, Question.one_layer("noise", "hand", 2, 2))
    change, cosine = (table.pivot(index="amount", columns="pooling", values=name) for name in ("change", "cosine"))
    assert (change["max"] < change["none"])[0.05:0.15].all()
    assert (change["max"] > change["none"])[0.2:].all()  # "cross at a standard deviation near 0.2"
    amount = experiment.settings["noise"]
    assert set(change.loc[amount].nsmallest(2).index) == {"average", "smooth"}  # "change least"
    assert cosine.loc[amount, "max"] > cosine.loc[amount, "none"]


def test_a_dense_layer_needs_16_times_the_weights_for_an_image_twice_as_large():
    small, large = (layer_costs((side, side), 3, 1, 3, 16) for side in (32, 64))
    assert round(large["dense"].parameters / 1e6) == 805
    assert round(large["dense"].parameters / small["dense"].parameters) == 16
    assert large["convolution"].parameters == small["convolution"].parameters


@pytest.mark.parametrize("seed", range(5))
def test_the_photo_is_recognizable_through_random_weights(seed):
    experiment = next(each for each in convolution.LESSON.experiments if each.title == "Random weights")
    settings = read_settings({**DEFAULTS, **experiment.settings, "random_seed": seed})
    photo = sample_photos()[0].load()
    shown = display_values(compute(photo, settings, (0, 0), 0).values, settings.display).astype(float)
    assert shown.mean(axis=-1).std() > 20
    if seed == DEFAULTS["random_seed"]:
        brightness = photo.pixels.mean(axis=2)
        assert abs(np.corrcoef(shown.mean(axis=-1).ravel(), brightness.ravel())[0, 1]) > 0.7


def test_each_convolution_of_lenet_adds_twice_as_much_to_the_receptive_field():
    settings = next(each for each in LESSON.experiments if each.title.startswith("Stack layers")).settings
    layers = parse_stack(settings["stack"])
    assert settings["layer"] == len(layers)  # new layers are added at the end
    steps = plan_stack((170, 256), (*layers, PoolLayer(), ConvLayer(source="random"))).layers
    assert [step.fields[0].size for step in steps] == [5, 6, 14, 16, 20, 36]


def test_the_misconception_on_shifts_states_the_figures_of_the_invariance_tab():
    photo = sample_photos()[0].load()
    table, _ = curves(photo, Question.one_layer("shift", "hand", 2, 2))
    at = table[table["amount"] == 1].set_index("pooling")["change"]
    text = MISCONCEPTIONS[0].correct(photo.pixels.astype(np.float32) / 255).text
    assert f"by {at['none']:.0%} of their norm without pooling and by {at['max']:.0%} after" in text
