"""Two classes against each other: the regions and the channels of the last layer that support one, not the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.engines import Forward, forward
from cnn_demo.models.explanation.cams import class_gradients, enlarge
from cnn_demo.models.explanation.feature_maps import OUTPUT, check_label, check_picture, compiled

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier

_PASSES_ON = ("Flatten", "Reshape", "Dropout")  # layers after the head that leave the logits unchanged


@dataclass(frozen=True, eq=False)
class Contrast:
    """Class activation maps of two classes, all (h, w) float32 of the network's input size.

    Attributes:
        first: Grad-CAM of the first class, 0...1.
        second: Grad-CAM of the second class, 0...1.
        first_only: Finer-CAM of the first class against the second, 0...1.
        second_only: Finer-CAM of the second class against the first, 0...1.
        difference: Class activation map of logit_first − logit_second, −1...1: positive for the first class.
    """

    first: np.ndarray = field(repr=False)
    second: np.ndarray = field(repr=False)
    first_only: np.ndarray = field(repr=False)
    second_only: np.ndarray = field(repr=False)
    difference: np.ndarray = field(repr=False)


def contrast(
    model: Classifier, seen: np.ndarray, first: int, second: int, strength: float = 0.6, layer: str | None = None
) -> Contrast:
    """Return the class activation maps of two classes, and of their differences.

    Finer-CAM is the Grad-CAM of logit_first − γ · logit_second: evidence that both classes share cancels. Zhang et al.
    (2025), https://arxiv.org/abs/2501.11309. The signed difference is the class activation map at γ = 1 without the
    ReLU, so that exchanging the classes reverses its sign. Each map is divided by its own maximum.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        first: Index of a class.
        second: Index of another class.
        strength: γ, from 0 (Grad-CAM) to 1.
        layer: One of `feature_maps.map_layers`; None for the last of `convolutional_layers`.

    Raises:
        ValueError: If the classes are the same, γ is out of its range, there is no such layer or class, or the image
            has another size.
    """
    _check_pair(model, seen, first, second)
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength γ goes from 0 to 1, not {strength}.")
    maps, gradient = class_gradients(model, seen, first, layer)
    other = class_gradients(model, seen, second, layer)[1]
    cams = [maps @ weights.mean(axis=(0, 1)) for weights in (gradient, other)]  # the gradient is linear in the logits

    def shown(cam: np.ndarray) -> np.ndarray:
        return _divided(enlarge(np.maximum(cam, 0), seen.shape[:2]))

    return Contrast(
        first=shown(cams[0]),
        second=shown(cams[1]),
        first_only=shown(cams[0] - strength * cams[1]),
        second_only=shown(cams[1] - strength * cams[0]),
        difference=_divided(enlarge(cams[0] - cams[1], seen.shape[:2])),
    )


@dataclass(frozen=True, eq=False)
class ChannelEvidence:
    """The difference of two logits as a sum over the features of the last layer.

    Attributes:
        features: (F,) float32, input of the last layer; after global average pooling one for each channel.
        weights: (F,) float32, weight of each feature for the first class minus that for the second.
        bias: Bias of the first class minus that of the second.
        maps: (H, W, F) float32, the feature maps whose means the features are; None if they are no means of maps.
    """

    features: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    bias: float
    maps: np.ndarray | None = field(repr=False)

    @property
    def contributions(self) -> np.ndarray:
        """Weight difference × feature (F,), positive for the first class; with the bias they sum to `difference`."""
        return self.weights * self.features

    @property
    def difference(self) -> float:
        """First logit minus the second."""
        return float(self.contributions.sum(dtype=np.float64)) + self.bias

    def strongest(self, count: int) -> np.ndarray:
        """Return the indices of the features with the largest contributions for either class, the largest first."""
        return np.argsort(-np.abs(self.contributions), kind="stable")[:count]


@gpu_memory.or_on_cpu
def channel_evidence(model: Classifier, seen: np.ndarray, first: int, second: int) -> ChannelEvidence | None:
    """Take the difference of two logits apart by the features of the last layer.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        first: Index of a class.
        second: Index of another class.

    Returns:
        The features and their weights; None if the last layer is neither dense nor a 1 × 1 convolution of one position.

    Raises:
        ValueError: If the classes are the same or do not exist, or the image has another size.
    """
    _check_pair(model, seen, first, second)
    run, layer = compiled(model, _compile, OUTPUT), last_layer(model.network)
    if run is None or layer is None:
        return None
    with model.lock:
        features, maps = run(model.scaled(seen[np.newaxis]))
        kernel, *bias = layer.get_weights()
    kernel = kernel.reshape(-1, kernel.shape[-1])  # (F, C), of a convolution too
    features, maps = features.ravel(), maps[0]
    are_means = maps.shape[-1:] == features.shape and np.allclose(maps.mean(axis=(0, 1)), features, 1e-3, 1e-4)
    return ChannelEvidence(
        features,
        kernel[:, first] - kernel[:, second],
        float(bias[0][first] - bias[0][second]) if bias else 0.0,
        maps if are_means else None,
    )


def last_layer(network: keras.Model) -> keras.layers.Layer | None:
    """Return the layer that computes the logits, if they are linear in its input; else None."""
    found = _head(network)
    return None if found is None else found[0]


def _head(network: keras.Model) -> tuple[keras.layers.Layer, keras.KerasTensor] | None:
    """Return the layer that computes the logits, and its input."""
    layers = frameworks.keras().layers
    tensor = network.outputs[0]
    while True:
        history = tensor._keras_history
        layer = history.operation
        if isinstance(layer, frameworks.keras().Model):
            return None  # nested in another network
        inputs = layer._inbound_nodes[history.node_index].input_tensors
        is_linear = getattr(getattr(layer, "activation", None), "__name__", "linear") == "linear"
        if isinstance(layer, layers.Dense) or (isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1)):
            is_vector = len(inputs[0].shape) == 2 or tuple(inputs[0].shape[1:-1]) == (1, 1)
            return (layer, inputs[0]) if is_linear and is_vector else None
        passes_on = type(layer).__name__ in _PASSES_ON or (isinstance(layer, layers.Activation) and is_linear)
        if not passes_on or len(inputs) != 1:
            return None
        tensor = inputs[0]


def _compile(network: keras.Model, _: str, device: str) -> Forward | None:
    """Compile the function from images to the input of the last layer and the last feature maps."""
    outputs = dict(network.output)
    logits = frameworks.keras().Model(network.input, outputs.pop(OUTPUT))
    head = _head(logits)
    if head is None:
        return None
    maps = [each for each in outputs.values() if len(each.shape) == 4 and tuple(each.shape[1:3]) != (1, 1)]
    return forward(frameworks.keras().Model(network.input, [head[1], maps[-1] if maps else head[1]]), device)


def _check_pair(model: Classifier, seen: np.ndarray, first: int, second: int) -> None:
    check_picture(model, seen)
    check_label(model, first)
    check_label(model, second)
    if first == second:
        raise ValueError("Two different classes are needed.")


def _divided(values: np.ndarray) -> np.ndarray:
    """Divide by the largest magnitude, if there is one."""
    largest = float(np.abs(values).max())
    return values / largest if largest > 0 else values
