"""Decomposition of any activation: its sum is the network's own, and its frame is the whole receptive field."""

import copy
from dataclasses import replace

import cv2
import numpy as np
import pytest

from cnn_demo.convolution import ConvSpec, convolve
from cnn_demo.images import sample_photos
from cnn_demo.models import load
from cnn_demo.models.classification.units import Box, decompose_activation, input_box, on_photo, seen_box


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def layers(model):
    return {layer.name: layer for layer in model.layers}


@pytest.fixture(scope="module")
def run(model):
    return model.activations(sample_photos()[1].load().pixels)


def some_units(shape, count=6):
    rng = np.random.default_rng(5)
    corners = [tuple(0 for _ in shape), tuple(side - 1 for side in shape)]
    return corners + [tuple(int(rng.integers(side)) for side in shape) for _ in range(count)]


def test_activations_agree_with_numpy(run, layers):
    maps = run.maps
    recomputed = {"image": run.seen.astype(np.float64) / 127.5 - 1}
    for name in ("stem", "block2_conv1", "block2_shortcut", "block5_conv2"):
        layer = layers[name]
        recomputed[name] = convolve(maps[layer.inputs[0]], layer.kernel, ConvSpec(stride=layer.stride), layer.bias)
    recomputed["stem_relu"] = np.maximum(maps["stem"], 0)
    recomputed["block2_add"] = maps["block2_shortcut"] + maps["block2_conv2"]
    recomputed["block3_add"] = maps["block2_relu"] + maps["block3_conv2"]
    recomputed["pool"] = maps["block5_relu"].mean(axis=(0, 1))
    recomputed["logits"] = maps["pool"] @ layers["logits"].kernel + layers["logits"].bias
    for name, values in recomputed.items():
        scale = np.abs(maps[name]).max()
        np.testing.assert_allclose(maps[name], values, rtol=1e-4, atol=1e-4 * scale, err_msg=name)


def test_the_probabilities_are_the_softmax_of_the_logits(run, model):
    powers = np.exp(run.maps["logits"].astype(np.float64) / model.temperature)
    np.testing.assert_allclose(run.classification.probabilities, powers / powers.sum(), rtol=1e-4)


def test_the_sums_of_every_layer_are_its_activations(run, layers):
    for name, layer in list(layers.items())[1:]:
        scale = float(np.abs(run.maps[name]).max())
        for unit in some_units(layer.shape):
            opened = decompose_activation(layers, run.maps, name, unit)
            assert opened.value == pytest.approx(float(run.maps[name][unit]), rel=1e-4, abs=1e-5 * scale), (name, unit)
            assert opened.total == pytest.approx(opened.parts.sum() + opened.bias)
            assert opened.value == (max(opened.total, 0) if layer.kind == "activation" else opened.total)
            magnitudes = np.abs(opened.parts[opened.strongest])
            assert (np.diff(magnitudes) <= 0).all()


def test_a_windows_corner_is_where_the_stride_puts_it(run, layers):
    opened = decompose_activation(layers, run.maps, "block2_conv1", (3, 5, 7))
    assert opened.corner == (6, 10)  # with stride 2, "same" pads only below and to the right
    np.testing.assert_array_equal(opened.window, run.maps["block1_relu"][6:9, 10:13])
    opened = decompose_activation(layers, run.maps, "stem_relu", (0, 31, 2))
    assert opened.source.name == "stem"
    assert opened.corner == (-2, 29)
    assert (opened.window[:2] == 0).all()
    assert (opened.window[:, 3:] == 0).all()


def test_units_that_do_not_exist_are_refused(run, layers):
    for name, unit in (("stem", (32, 0, 0)), ("stem", (0, 0, -1)), ("pool", (128,)), ("pool", (0, 0, 0))):
        with pytest.raises(IndexError):
            decompose_activation(layers, run.maps, name, unit)
    with pytest.raises(ValueError, match="is not computed"):
        decompose_activation(layers, run.maps, "image", (0, 0, 0))


@pytest.mark.parametrize("name", ["stem", "block1_relu", "block2_shortcut", "block2_relu", "block4_relu1", "pool"])
def test_pixels_outside_the_frame_do_not_change_the_activation(model, layers, name):
    rng = np.random.default_rng(3)
    seen = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    unit = tuple(side // 3 for side in layers[name].shape)
    if name == "pool":  # an active channel, for some never are
        unit = (int(model.activations(seen).maps[name].argmax()),)
    box = seen_box(layers[name], unit, (32, 32)).clipped((32, 32))
    rows, columns = (slice(int(at), int(at + side)) for at, side in ((box.row, box.height), (box.column, box.width)))
    changed = 255 - seen
    changed[rows, columns] = seen[rows, columns]
    before, after = (model.activations(pixels).maps[name][unit] for pixels in (seen, changed))
    assert before == pytest.approx(after, rel=1e-4, abs=1e-5)
    if name in ("stem", "pool"):  # without a ReLU after it, changes inside do change it
        changed = seen.copy()
        changed[rows, columns] = 255 - seen[rows, columns]
        assert abs(float(model.activations(changed).maps[name][unit]) - before) > 1e-3


@pytest.mark.parametrize("size", [(40, 70), (71, 40), (33, 33), (1, 90), (5, 4)])
def test_the_frame_on_the_photo_is_the_networks_input(model, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    box = input_box(size, "crop")
    cut = pixels[int(box.row) : int(box.row + box.height), int(box.column) : int(box.column + box.width)]
    assert cut.shape[0] == cut.shape[1] == min(size)
    np.testing.assert_array_equal(model.prepare(cut, "squash"), model.prepare(pixels, "crop"))
    box = input_box(size, "pad")
    canvas = np.full((max(size), max(size), 3), 128, np.uint8)
    canvas[-int(box.row) : -int(box.row) + size[0], -int(box.column) : -int(box.column) + size[1]] = pixels
    np.testing.assert_array_equal(model.prepare(canvas, "squash"), model.prepare(pixels, "pad"))
    assert input_box(size, "squash") == Box(0, 0, *size)
    narrow = copy.copy(model)
    narrow.spec = replace(model.spec, crop=0.875)  # as of the ImageNet classifiers
    box = input_box(size, "crop", 0.875)
    cut = pixels[int(box.row) : int(box.row + box.height), int(box.column) : int(box.column + box.width)]
    np.testing.assert_array_equal(model.prepare(cut, "squash"), narrow.prepare(pixels, "crop"))


def test_a_box_lands_on_the_photo_where_the_pixels_come_from(model):
    pixels = np.zeros((64, 128, 3), np.uint8)
    cv2.rectangle(pixels, (40, 20), (47, 27), (255, 255, 255), -1)  # 8 × 8 pixels: 4 × 4 of the input
    lit = np.argwhere(model.prepare(pixels)[..., 0] > 127)
    box = Box(*map(float, lit.min(axis=0)), 4, 4)
    assert on_photo(box, input_box((64, 128), "crop"), (32, 32)) == Box(20, 40, 8, 8)


def test_clipping():
    assert Box(-2, 3, 5, 40).clipped((10, 10)) == Box(0, 3, 3, 7)
    nothing = Box(20, 20, 5, 5).clipped((10, 10))
    assert (nothing.height, nothing.width) == (0, 0)
