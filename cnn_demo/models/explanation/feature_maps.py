"""Activations of a network's intermediate layers, including layers of nested networks.

A network may contain another one as a layer, such as a pretrained base below a head. Its layers are named
"outer/inner", and `opened` exposes their outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.classification.function_cache import FunctionCache
from cnn_demo.models.engines import Forward, forward

if TYPE_CHECKING:
    import keras
    from keras import KerasTensor, Layer

    from cnn_demo.models.classification.classifiers import Classifier

OUTPUT = ""  # name of the network's own output among the layer outputs
_OPENED, _FUNCTIONS = FunctionCache(1), FunctionCache(16)


@gpu_memory.or_on_cpu
def feature_maps(model: Classifier, seen: np.ndarray, layer: str | None) -> np.ndarray:
    """Return the feature maps of a layer.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        layer: One of `map_layers`; None for the last of `convolutional_layers`.

    Returns:
        (H, W, C) float32, one feature map per channel.

    Raises:
        ValueError: If there is no such layer, it has no feature map, or the image has another size.
    """
    check_picture(model, seen)
    layer = check_layer(model.network, layer)
    run = compiled(model, _compile, layer)
    with model.lock:
        return run(model.scaled(seen[np.newaxis]))[0]


def strongest_first(maps: np.ndarray) -> np.ndarray:
    """Return the channel indices (C,) of feature maps (H, W, C), sorted by descending mean activation."""
    return np.argsort(-maps.mean(axis=(0, 1)), kind="stable")


def map_layers(network: keras.Model) -> tuple[str, ...]:
    """Return the names of all layers with feature maps larger than 1 × 1, except the input, in computation order."""
    return tuple(name for name, layer in layers_by_name(network) if _has_map(layer))


def convolutional_layers(network: keras.Model) -> tuple[str, ...]:
    """Return the names of the layers commonly used for class activation maps; the last is the default.

    These are the first convolution and all later layers of `map_layers`: convolutions, normalizations, activations and
    sums. Pooling layers are left out, because the layer before has the same maps at a higher resolution.
    """
    layers = frameworks.keras().layers
    convolutions = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
    found = []
    begun = False
    for name, layer in layers_by_name(network):
        begun = begun or isinstance(layer, convolutions)
        if begun and _has_map(layer) and "Pooling" not in type(layer).__name__:
            found.append(name)
    return tuple(found)


def rectified_layers(network: keras.Model) -> tuple[str, ...]:
    """Return those of `convolutional_layers` that end in a ReLU or ReLU6, so that no activation is negative.

    For a network without one, it is all of `convolutional_layers`.
    """
    names = convolutional_layers(network)
    rectified = {name for name, layer in layers_by_name(network) if _is_rectified(layer)}
    return tuple(name for name in names if name in rectified) or names


def _is_rectified(layer: keras.Layer) -> bool:
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return activation in ("relu", "relu6") or isinstance(layer, frameworks.keras().layers.ReLU)


def layer_names(network: keras.Model) -> tuple[str, ...]:
    """Return the names of all layers, except the input, in computation order."""
    return tuple(name for name, _ in layers_by_name(network))


def layers_by_name(network: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yield the name and the layer of all layers, except the input, in computation order."""
    for layer in network.layers:
        if _is_nested(layer):
            yield from layers_by_name(layer, f"{prefix}{layer.name}/")  # layer names in Keras cannot contain "/"
        elif not isinstance(layer, frameworks.keras().layers.InputLayer):
            yield prefix + layer.name, layer


def _is_nested(layer: keras.Layer) -> bool:
    """Return whether a layer is a functional or sequential network, not a subclassed model."""
    return isinstance(layer, frameworks.keras().Model) and bool(getattr(layer, "inputs", None))


def _has_map(layer: keras.Layer) -> bool:
    shape = getattr(layer.output, "shape", ())  # a list for layers with several outputs
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def opened(network: keras.Model) -> keras.Model:
    """Return the network with the outputs of all its layers by name; its own output is named `OUTPUT`.

    Layers and weights are shared with the network. Every layer is called once more, in the order of the network's
    graph. The layers of a nested network are called in its place, so that the result has one flat graph, which can be
    cut at any layer.

    Args:
        network: A functional or sequential Keras model with one input and one output.
    """
    library = frameworks.keras()
    outputs: dict[str, KerasTensor] = {}

    def through(network: keras.Model, tensor: KerasTensor, prefix: str) -> KerasTensor:
        def call(layer: Layer, *args: Any, **kwargs: Any) -> Any:
            name = prefix + layer.name
            if _is_nested(layer):
                return through(layer, args[0], f"{name}/")
            outputs[name] = layer(*args, **kwargs)
            return outputs[name]

        graph = library.Model(network.inputs[0], network.outputs[0])  # for sequential models, too
        return graph._run_through_graph([tensor], call_fn=call)

    images = library.Input(batch_shape=network.inputs[0].shape, dtype=network.inputs[0].dtype, name="images")
    logits = through(network, images, "")
    return library.Model(images, {**outputs, OUTPUT: logits})


def compiled(model: Classifier, compile_function: Callable[[keras.Model, str, str], Any], layer: str) -> Any:
    """Return `compile_function(opened network, layer, device)`, cached per model and layer."""
    with frameworks.placed_on(model.device):
        network = _OPENED.get(model, "opened", lambda: opened(model.network))
    device = model.device
    return _FUNCTIONS.get(model, (compile_function, layer), lambda: compile_function(network, layer, device))


def _compile(network: keras.Model, layer: str, device: str) -> Forward:
    """Compile the function from images (N, h, w, 3) to the layer's feature maps."""
    return forward(frameworks.keras().Model(network.input, network.output[layer]), device)


def check_picture(model: Classifier, seen: np.ndarray) -> None:
    """Raise ValueError unless the image is uint8 and has the network's input size."""
    expected = (*model.spec.input_size, 3)
    if seen.dtype != np.uint8 or seen.shape != expected:
        raise ValueError(f"The image must be uint8 of {expected}, not {seen.shape} {seen.dtype}.")


def check_label(model: Classifier, label_index: int) -> None:
    """Raise ValueError unless the class index is in range."""
    count = model.network.outputs[0].shape[-1]
    if not 0 <= label_index < count:
        raise ValueError(f"This network has classes 0 to {count - 1}, and no class {label_index}.")


def check_layer(network: keras.Model, layer: str | None) -> str:
    """Return the name of a layer with a feature map; for None the last of `convolutional_layers`.

    Raises:
        ValueError: If there is no such layer.
    """
    if layer is None:
        names = convolutional_layers(network)
        if not names:
            raise ValueError("This network has no convolution with a feature map.")
        return names[-1]
    names = map_layers(network)
    if layer not in names:
        raise ValueError(f"There is no layer {layer!r} with a feature map: choose one of {', '.join(names)}.")
    return layer
