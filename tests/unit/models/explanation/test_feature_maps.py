"""Feature maps beside a convolution in NumPy, and layers of networks within networks."""

import gc
import weakref

import numpy as np
import pytest
from small_networks import SIDE, Double, nested_network, picture, pooled_network

from cnn_demo.models import frameworks
from cnn_demo.models.classification.function_cache import FunctionCache
from cnn_demo.models.explanation.feature_maps import (
    OUTPUT,
    convolutional_layers,
    feature_maps,
    layer_names,
    map_layers,
    opened,
    strongest_first,
)

INNER = ("conv", "relu", "shrink", "beside", "add")
PREFIXES = {"flat": "", "nested": "base/", "twice": "outer/base/", "sequential": "base/"}


def convolved(image: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A 3 × 3 convolution with zero padding, in NumPy."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, ((1, 1), (1, 1), (0, 0))), (3, 3), axis=(0, 1))
    return np.einsum("ijcab,abcf->ijf", windows, kernel) + bias


@pytest.fixture(scope="module")
def pooled():
    return Double(pooled_network())


def test_they_are_a_numpy_convolution(pooled):
    seen = picture()
    kernel, bias = pooled.network.get_layer("first").get_weights()
    expected = np.maximum(convolved(pooled.scaled(seen), kernel, bias), 0)
    maps = feature_maps(pooled, seen, "first")
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    assert expected.max() > 0.5


def test_strongest_first_is_by_the_mean():
    maps = np.zeros((2, 2, 4), np.float32)
    maps[0, 0] = (5, 0, 0, 0)  # channel 0 has the largest number, channel 2 the largest mean
    maps[1] = (0, 1, 3, -1)
    assert strongest_first(maps).tolist() == [2, 0, 1, 3]


@pytest.mark.parametrize("kind", PREFIXES)
def test_layers_are_named_through_nested_networks(kind):
    network = nested_network(kind)
    inner = tuple(PREFIXES[kind] + name for name in INNER)
    assert map_layers(network) == ("stem", *inner)
    assert convolutional_layers(network) == ("stem", *(name for name in inner if not name.endswith("shrink")))
    assert layer_names(network) == ("stem", *inner, "pool", "logits")


def test_layers_before_the_first_convolution_and_scalars_are_not_listed():
    keras = frameworks.keras()
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.ZeroPadding2D(1, name="pad")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = keras.layers.Conv2D(3, 1, activation="sigmoid", name="excite")(gate)
    x = keras.layers.Multiply(name="scale")([x, gate])
    network = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    assert map_layers(network) == ("pad", "depthwise", "norm", "scale")
    assert convolutional_layers(network) == ("depthwise", "norm", "scale")


@pytest.mark.parametrize("kind", ["nested", "twice", "sequential"])
def test_a_nested_network_has_the_maps_of_the_same_network_flat(kind):
    seen = picture(3)
    flat, nested = Double(nested_network("flat")), Double(nested_network(kind))
    np.testing.assert_allclose(nested.logits(seen[None]), flat.logits(seen[None]), atol=1e-5)
    for name in INNER:
        maps = feature_maps(nested, seen, PREFIXES[kind] + name)
        assert maps.std() > 0
        np.testing.assert_allclose(maps, feature_maps(flat, seen, name), atol=1e-5)


def run(network, batch):
    """The outputs as arrays, on either backend."""
    array = frameworks.keras().ops.convert_to_numpy
    outputs = network(batch)
    return {name: array(output) for name, output in outputs.items()} if isinstance(outputs, dict) else array(outputs)


def test_opening_a_network_shares_its_weights_and_leaves_it_as_it_was():
    network = nested_network("nested")
    batch = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32)
    before, outputs = run(network, batch), run(opened(network), batch)
    assert set(outputs) - {OUTPUT} == set(layer_names(network))
    np.testing.assert_allclose(outputs[OUTPUT], before, atol=1e-6)
    network.get_layer("logits").bias.assign([5, 6, 7])
    changed = run(opened(network), batch)
    np.testing.assert_allclose(changed[OUTPUT] - outputs[OUTPUT], run(network, batch) - before, atol=1e-5)
    assert layer_names(network) == ("stem", *(f"base/{name}" for name in INNER), "pool", "logits")


def test_an_evicted_model_is_freed():
    model = Double(pooled_network())
    feature_maps(model, picture(), "first")
    gone = weakref.ref(model)
    network_gone = weakref.ref(model.network)
    del model
    gc.collect()
    assert gone() is None
    assert network_gone() is None


def test_evicted_layers_are_compiled_again(monkeypatch):
    monkeypatch.setattr("cnn_demo.models.explanation.feature_maps._FUNCTIONS", FunctionCache(2))
    keras = frameworks.keras()
    x = inputs = keras.Input((4, 4, 3))
    for number in range(3):
        x = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name=f"layer{number}")(x)
    model = Double(keras.Model(inputs, keras.layers.Flatten()(x)))
    seen = picture(side=4)
    for name in (*map_layers(model.network), "layer0"):
        np.testing.assert_allclose(feature_maps(model, seen, name)[:, :, 0], model.scaled(seen).sum(axis=2), atol=1e-5)


@pytest.mark.parametrize("layer", ["nowhere", "image", "pool", "logits", "first/second", OUTPUT])
def test_layers_without_a_map_are_refused(pooled, layer):
    with pytest.raises(ValueError, match=r"There is no layer .* choose one of first, second"):
        feature_maps(pooled, picture(), layer)


def test_a_nested_network_itself_is_not_one_of_its_layers():
    with pytest.raises(ValueError, match="There is no layer 'base' with a feature map"):
        feature_maps(Double(nested_network("nested")), picture(), "base")


@pytest.mark.parametrize("wrong", [picture(side=15), picture()[None], picture().astype(np.float32), picture()[..., :1]])
def test_pictures_of_another_size_or_type_are_refused(pooled, wrong):
    with pytest.raises(ValueError, match="The image must be uint8 of"):
        feature_maps(pooled, wrong, "first")
