"""Feature maps: what the layers of a network answer to a picture, layers of nested networks included.

A network may hold another as one of its layers (a head on a pretrained base, say). A layer in there is named
"outer/inner", and `opened` makes its output reachable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from cachetools import LRUCache

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier

OUTPUT = ""  # the name that the network's own output has among those of its layers
MAX_FUNCTIONS = 16  # compiled ones kept for each model, some megabytes each

# Classifier -> (opened network, compiled functions). Nothing in it holds the classifier, which is freed when let go.
_KEPT: WeakKeyDictionary = WeakKeyDictionary()
_LOCK = threading.Lock()


def feature_maps(model: Classifier, seen: np.ndarray, layer: str) -> np.ndarray:
    """Return the feature maps of a layer.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 of the network's own size, as from `model.prepare`.
        layer: One of `map_layers`.

    Returns:
        (H, W, C) float32, one map for each channel.

    Raises:
        ValueError: If there is no such layer, it has no map, or the picture is of another size.
    """
    check_picture(model, seen)
    layer = check_layer(model.network, layer)
    tf = frameworks.tensorflow()
    run = compiled(model, _compile, layer)
    with model.lock, frameworks.placed_on(model.device):
        return run(tf.constant(model.scaled(seen[np.newaxis]))).numpy()[0]


def strongest_first(maps: np.ndarray) -> np.ndarray:
    """Return the order (C,) of the channels of maps (H, W, C) by their mean activation, the largest mean first."""
    return np.argsort(-maps.mean(axis=(0, 1)), kind="stable")


def map_layers(network: keras.Model) -> tuple[str, ...]:
    """Name all layers whose output is a map of more than 1 × 1, the input apart, in the order of computation."""
    return tuple(name for name, layer in _layers(network) if _has_map(layer))


def convolutional_layers(network: keras.Model) -> tuple[str, ...]:
    """Name the layers that a class activation map is usually drawn from; the last is the default.

    These are, of `map_layers`, the first convolution and all that follow it: convolutions, normalizations,
    activations, sums. Pooling is left out, because the layer before it has the same maps in more detail.
    """
    layers = frameworks.keras().layers
    convolutions = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
    found, begun = [], False
    for name, layer in _layers(network):
        begun = begun or isinstance(layer, convolutions)
        if begun and _has_map(layer) and "Pooling" not in type(layer).__name__:
            found.append(name)
    return tuple(found)


def layer_names(network: keras.Model) -> tuple[str, ...]:
    """Name all layers, the input apart, in the order of computation."""
    return tuple(name for name, _ in _layers(network))


def _layers(network, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    for layer in network.layers:
        if _is_nested(layer):
            yield from _layers(layer, f"{prefix}{layer.name}/")  # Keras allows no "/" in a name
        elif not isinstance(layer, frameworks.keras().layers.InputLayer):
            yield prefix + layer.name, layer


def _is_nested(layer) -> bool:
    """Whether it is a network of layers itself, and not one whose layers only its own code knows how to call."""
    return isinstance(layer, frameworks.keras().Model) and bool(getattr(layer, "inputs", None))


def _has_map(layer) -> bool:
    shape = getattr(layer.output, "shape", ())  # a layer with several outputs has a list of them
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def opened(network: keras.Model) -> keras.Model:
    """Return the network with the outputs of all its layers, by name; its own output is named `OUTPUT`.

    Layers and weights are shared with the network. Every layer is called once more, in the order of the network's
    graph. Where one of them is a network, its opened form is called in its stead, which also hands out what the
    layers within it answered.

    Args:
        network: A functional or sequential Keras model with one input and one output.
    """
    keras = frameworks.keras()
    outputs = {}

    def call(layer, *args, **kwargs):
        if not _is_nested(layer):
            outputs[layer.name] = layer(*args, **kwargs)
            return outputs[layer.name]
        inner = opened(layer)(*args, **kwargs)
        output = inner.pop(OUTPUT)
        outputs.update({f"{layer.name}/{name}": each for name, each in inner.items()})
        return output

    graph = keras.Model(network.inputs[0], network.outputs[0])  # of a sequential model, too
    copy = keras.models.clone_model(graph, clone_function=lambda layer: layer, call_function=call)
    return keras.Model(copy.inputs[0], {**outputs, OUTPUT: copy.outputs[0]})


def compiled(model: Classifier, compile_function: Callable, layer: str):
    """Return `compile_function(opened network, layer)`; made once for a model and a layer, and kept while used."""
    with _LOCK:
        if model not in _KEPT:
            _KEPT[model] = opened(model.network), LRUCache(MAX_FUNCTIONS)
        network, functions = _KEPT[model]
        if (compile_function, layer) not in functions:
            functions[compile_function, layer] = compile_function(network, layer)
        return functions[compile_function, layer]


def _compile(network: keras.Model, layer: str):
    """From pictures (N, h, w, 3) to the layer's maps."""
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    part = keras.Model(network.input, network.output[layer])
    pictures = tf.TensorSpec((None, *network.input.shape[1:]), tf.float32)
    return tf.function(lambda batch: part(batch, training=False), [pictures]).get_concrete_function()


def check_picture(model: Classifier, seen: np.ndarray) -> None:
    """Raise ValueError unless the picture is uint8 and of the network's own size."""
    expected = (*model.spec.input_size, 3)
    if seen.dtype != np.uint8 or seen.shape != expected:
        raise ValueError(f"The picture must be uint8 of {expected}, not {seen.shape} {seen.dtype}.")


def check_label(model: Classifier, label_index: int) -> None:
    """Raise ValueError unless the network has a class of this number."""
    count = model.network.outputs[0].shape[-1]
    if not 0 <= label_index < count:
        raise ValueError(f"This network has classes 0 to {count - 1}, and no class {label_index}.")


def check_layer(network: keras.Model, layer: str | None) -> str:
    """Return the name of a layer with a map; for None the default, the last of `convolutional_layers`.

    Raises:
        ValueError: If there is no such layer.
    """
    if layer is None:
        names = convolutional_layers(network)
        if not names:
            raise ValueError("This network has no convolution whose map could be shown.")
        return names[-1]
    names = map_layers(network)
    if layer not in names:
        raise ValueError(f"There is no layer {layer!r} with a map: choose one of {', '.join(names)}.")
    return layer
