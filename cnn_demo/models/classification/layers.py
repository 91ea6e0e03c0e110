"""Framework-free descriptions of the layers of a Keras network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.convolution import ConvSpec, ReceptiveField, joined_field, multiply_adds, padding_amounts, receptive_field
from cnn_demo.convolution.receptive_field import IMAGE

if TYPE_CHECKING:
    import keras

_KINDS = {
    "InputLayer": "input",
    "Conv2D": "convolution",
    "ReLU": "activation",
    "Add": "add",
    "GlobalAveragePooling2D": "pool",
    "Dense": "dense",
}


@dataclass(frozen=True, eq=False)
class NetworkLayer:
    """One layer of a network.

    Attributes:
        name: Unique name in the network.
        kind: "input", "convolution", "activation", "add", "pool" or "dense".
        title: Short description.
        inputs: Names of its input layers.
        shape: Output shape for one image, (H, W, C) or (C,).
        kernel: Kernel: (kh, kw, C, F) for a convolution, (C, F) for a dense layer, otherwise None.
        bias: (F,) bias, or None.
        stride: Stride of a convolution; 1 for other layers.
        parameters: Number of parameters.
        multiply_adds: Number of multiply-adds for one image.
        field: Receptive field of a unit along one axis; the whole image after global pooling.
    """

    name: str
    kind: str
    title: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    kernel: np.ndarray | None = field(repr=False)
    bias: np.ndarray | None = field(repr=False)
    stride: int
    parameters: int
    multiply_adds: int
    field: ReceptiveField

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the kernel and the bias.

        Raises:
            ValueError: If it is neither a convolution nor a dense layer.
        """
        if self.kernel is None or self.bias is None:
            raise ValueError(f"The layer {self.name!r} has no weights.")
        return self.kernel, self.bias


def network_layers(network: keras.Model) -> tuple[NetworkLayer, ...]:
    """List the layers of a sequential or residual network in computation order, the input first.

    Args:
        network: A functional Keras model of input, Conv2D, ReLU, Add, GlobalAveragePooling2D and Dense layers, with
            square kernels, "same" padding and a fixed input size.

    Raises:
        ValueError: If it has a layer of another type.
    """
    layers: dict[str, NetworkLayer] = {}
    for layer in network.layers:
        kind = _KINDS.get(type(layer).__name__)
        if kind is None:
            raise ValueError(f"The layer {layer.name!r} is a {type(layer).__name__}, which is not supported here.")
        sources = () if kind == "input" else _as_list(layer.input)
        inputs = tuple(tensor._keras_history.operation.name for tensor in sources)
        layers[layer.name] = _layer_summary(layer, kind, inputs, [layers[name] for name in inputs])
    return tuple(layers.values())


def _as_list(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _layer_summary(
    layer: keras.layers.Layer, kind: str, inputs: tuple[str, ...], before: list[NetworkLayer]
) -> NetworkLayer:
    shape = tuple(int(n) for n in _as_list(layer.output)[0].shape[1:])
    weights = [np.asarray(value) for value in layer.get_weights()]
    kernel, bias = weights if weights else (None, None)
    stride = int(layer.strides[0]) if kind == "convolution" else 1
    cost = 0
    if kernel is not None and kind == "convolution":
        height, width, _ = before[0].shape
        rows, columns, channels, filters = kernel.shape
        cost = multiply_adds((height, width), (rows, columns), ConvSpec(stride=stride), channels, filters)
    elif kernel is not None:
        cost = kernel.size
    return NetworkLayer(
        name=layer.name,
        kind=kind,
        title=_title(kind, kernel, stride, shape),
        inputs=inputs,
        shape=shape,
        kernel=kernel,
        bias=bias,
        stride=stride,
        parameters=sum(value.size for value in weights),
        multiply_adds=int(cost),
        field=_field(kind, kernel, stride, before),
    )


def _title(kind: str, kernel: np.ndarray | None, stride: int, shape: tuple[int, ...]) -> str:
    if kernel is not None and kind == "convolution":
        return f"{kernel.shape[0]} × {kernel.shape[1]} convolution" + (f", stride {stride}" if stride > 1 else "")
    return {
        "input": "Input",
        "activation": "ReLU",
        "add": "Sum of both branches",
        "pool": "Global average",
        "dense": f"Dense: {shape[-1]} logits",
    }[kind]


def _field(kind: str, kernel: np.ndarray | None, stride: int, before: list[NetworkLayer]) -> ReceptiveField:
    if kind == "input":
        return IMAGE
    if kind == "pool":  # the union of the receptive fields of all units of the feature map
        last = before[0]
        span = last.field.size + (last.shape[0] - 1) * last.field.jump
        return ReceptiveField(size=span, jump=span, start=last.field.start + (last.shape[0] - 1) * last.field.jump / 2)
    if kernel is not None and kind == "convolution":
        height, width, _ = before[0].shape
        (top, _), _ = padding_amounts((height, width), kernel.shape[:2], ConvSpec(stride=stride))
        return receptive_field([(kernel.shape[0], stride, 1, top)], before[0].field)
    return joined_field(*(layer.field for layer in before))
