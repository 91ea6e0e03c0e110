"""Figures that notices of experiments state."""

from cnn_demo.convolution.sharing import layer_costs
from cnn_demo.images import sample_photos
from cnn_demo.lessons.layers import LESSON
from cnn_demo.ui.layers.invariance_measures import Question, curves


def test_noise_is_worse_with_max_pooling_only_if_it_is_strong():
    experiment = next(each for each in LESSON.experiments if each.title == "Noise")
    photo = next(sample for sample in sample_photos() if sample.key == experiment.photo).load()
    table, _ = curves(photo, Question.one_layer("noise", "hand", 2, 2))
    change, cosine = (table.pivot(index="amount", columns="pooling", values=name) for name in ("change", "cosine"))
    assert (change["max"] < change["none"])[0.05:0.15].all()
    assert (change["max"] > change["none"])[0.2:].all()  # "cross at a standard deviation near 0.2"
    amount = experiment.settings["noise"]
    assert change.loc[amount].idxmin() == "average"
    assert cosine.loc[amount, "max"] > cosine.loc[amount, "none"]


def test_a_dense_layer_needs_16_times_the_weights_for_an_image_twice_as_large():
    small, large = (layer_costs((side, side), 3, 1, 3, 16) for side in (32, 64))
    assert round(large["dense"].parameters / 1e6) == 805
    assert round(large["dense"].parameters / small["dense"].parameters) == 16
    assert large["convolution"].parameters == small["convolution"].parameters
