"""Figures that notices of experiments state."""

import re

import numpy as np
import pytest

from cnn_demo.convolution import (
    ConvSpec,
    dense_parameter_count,
    frequency_response,
    multiply_adds,
    output_size,
    parameter_count,
    transposed_convolve,
)
from cnn_demo.convolution.sharing import layer_costs
from cnn_demo.convolution.stack import ConvLayer, PoolLayer, plan_stack
from cnn_demo.convolution.stack_text import parse_stack
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import sample_photos
from cnn_demo.lessons import convolution, detection, segmentation
from cnn_demo.lessons.layers import LESSON, MISCONCEPTIONS
from cnn_demo.models import find, load
from cnn_demo.models.segmentation.architectures import counted_costs
from cnn_demo.models.training_records import cifar10_record
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


def experiment_of(module, title):
    return next(each for each in module.LESSON.experiments if each.title == title)


def test_stride_2_takes_a_quarter_of_the_multiply_adds():
    experiment = experiment_of(convolution, "A quarter of the cost")
    settings = read_settings({**DEFAULTS, **experiment.settings})
    size = next(sample for sample in sample_photos() if sample.key == experiment.photo).load().size
    out = output_size(size, settings.weights.shape, settings.spec)
    strided, dense = (
        multiply_adds(size, settings.weights.shape, spec, 3, 3, groups=3) for spec in (settings.spec, ConvSpec())
    )
    assert strided / dense == pytest.approx(0.25, abs=0.005)
    assert parameter_count(settings.weights.shape) == 82
    assert round(dense_parameter_count(size, out, 3, 3) / 1e9) == 41


def test_the_gain_of_a_box_rises_again_and_that_of_a_gaussian_does_not():
    experiment = experiment_of(convolution, "A blur with side lobes")
    box, gaussian = (
        frequency_response(read_settings({**DEFAULTS, **experiment.settings, "kernel": name}).weights)[32, 32:]
        for name in ("box", "gaussian")
    )
    first = int(np.flatnonzero(box < 0.02)[0])
    assert box[first:].max() > 0.2
    assert gaussian[np.flatnonzero(gaussian < 0.02)[0] :].max() < 0.02


def test_cells_get_1_2_or_4_stamps_and_with_a_kernel_of_4_all_get_4():
    for size, counts in ((3, {1, 2, 4}), (4, {4})):
        stamps = transposed_convolve(np.ones((9, 9)), np.ones((size, size)), 2)
        assert set(np.rint(stamps[size:-size, size:-size]).astype(int).ravel().tolist()) == counts


def test_half_of_the_accuracy_is_learned_in_2_epochs_and_95_percent_of_it_in_23():
    accuracies = [epoch["validation_accuracy"] for epoch in cifar10_record().epochs]
    near = [next(i for i, value in enumerate(accuracies, 1) if value >= part * accuracies[-1]) for part in (0.5, 0.95)]
    assert (*near, len(accuracies)) == (2, 23, 129)


def test_a_unet_plus_plus_costs_2_9_times_a_unet():
    small, large = (counted_costs("resnet18", side) for side in (256, 512))
    unet, plus = small["Unet"], small["UnetPlusPlus"]
    assert plus.parameters / unet.parameters == pytest.approx(1.11, abs=0.005)
    assert plus.multiply_adds / unet.multiply_adds == pytest.approx(2.9, abs=0.05)
    for name, cost in small.items():
        assert large[name].multiply_adds / cost.multiply_adds == pytest.approx(4, abs=0.2)
        assert large[name].parameters == cost.parameters


def test_published_figures_of_the_tables_of_models():
    notice = experiment_of(detection, "Fewer megabytes, higher precision").notice
    for key in ("yolo11n", "ssd300_vgg16"):
        spec = find(key)
        assert re.search(rf"{spec.metric.value:.1%}, with {spec.bytes / 1e6:.0f}\b", notice)
    notice = experiment_of(segmentation, "Not to be compared").notice
    for key in ("segformer-b0-1024x1024-city-160k", "segformer-b0-512x512-ade-160k"):
        spec = find(key)
        assert re.search(rf"\b{spec.metric.value:.1%} on ", notice)
        assert re.search(rf"\b{len(spec.labels)}\b", notice)


def test_a_larger_photo_makes_parts_of_the_bus_a_train_and_a_car():
    experiment = experiment_of(segmentation, "Larger is not better")
    photo = next(sample for sample in sample_photos() if sample.key == experiment.photo).load()
    network = load(experiment.settings["segmenter"])
    own, larger = (network.predict(photo.pixels, side=side).coverage() for side in (224, 960))
    assert own["bus"] == pytest.approx(1 / 3, abs=0.02)
    assert larger["bus"] == pytest.approx(1 / 5, abs=0.02)
    assert min(larger["train"], larger["car"]) > 0.03 > max(own.get("train", 0), own.get("car", 0))
