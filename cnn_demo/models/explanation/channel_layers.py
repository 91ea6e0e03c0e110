"""The layers of a network whose channels can be switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnn_demo.models.explanation.contrast import last_layer
from cnn_demo.models.explanation.feature_maps import layers_by_name

if TYPE_CHECKING:
    import keras

_VECTORS = ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "Dense", "Conv2D")  # layers of one value for each channel


def channel_layers(network: keras.Model) -> tuple[str, ...]:
    """Return the names of the layers whose channels can be switched off, in the order of computation.

    These are the layers with feature maps, the averages of maps, and dense layers before the last one.
    """
    ends = _ends(network)
    return tuple(name for name, layer in layers_by_name(network) if not _problem(name, layer, ends))


def check_channel_layer(network: keras.Model, name: str) -> None:
    """Raise ValueError, with the reason, if no channels of a layer can be switched off."""
    layers = dict(layers_by_name(network))
    if name not in layers:
        if any(layer.name == name for layer in network.layers):
            raise ValueError(f"“{name}” is the photo itself. Choose a later layer: its channels can be switched off.")
        raise ValueError(
            f"There is no layer “{name}” with channels: choose one of {', '.join(channel_layers(network))}."
        )
    if problem := _problem(name, layers[name], _ends(network)):
        raise ValueError(problem)


def _ends(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers that give the logits: the last one with weights, and those that pass its output on."""
    last = last_layer(network)
    tensor = network.outputs[0]
    found = [tensor._keras_history.operation]
    while last is not None and found[-1] is not last:
        history = tensor._keras_history
        (tensor,) = history.operation._inbound_nodes[history.node_index].input_tensors
        found.append(tensor._keras_history.operation)
    return found


def _problem(name: str, layer: keras.layers.Layer, ends: list[keras.layers.Layer]) -> str:
    """Return why no channels of a layer can be switched off; empty if they can."""
    if any(layer is end for end in ends):
        return f"“{name}” gives the logits, one for each class: no layer after it can respond. Choose an earlier layer."
    shape = getattr(layer.output, "shape", ())  # a list for layers with several outputs
    kind = type(layer).__name__
    if (len(shape) == 4 and tuple(shape[1:3]) != (1, 1)) or (len(shape) in (2, 4) and kind in _VECTORS):
        return ""
    return f"“{name}” has no channels: a {kind} layer gives its values in one row. Choose the layer before it."
