"""A stack of layers as a short text, which fits into a link: `c8.3.1.same.1.relu.hand_pmax.2.2`.

Layers are divided by underscores. A convolution is c and its filters, size, stride, padding, dilation, activation and
source of weights, random ones with their seed (`random7`); a pooling is p and its kind, size and stride, or its kind
and `global`.
"""

import re
from collections.abc import Sequence

from cnn_demo.convolution.stack import MAX_LAYERS, ConvLayer, Layer, PoolLayer

_CONVOLUTION = re.compile(
    r"c(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(same|valid|\d{1,3})\.(\d{1,3})\.([a-z]+)\.([a-z]+)(\d{0,4})"
)
_POOLING = re.compile(r"p([a-z0-9]+)\.(?:(global)|(\d{1,3})\.(\d{1,3}))")
HOW = "a convolution is written like c8.3.1.same.1.relu.hand, a pooling like pmax.2.2 or pmax.global"


def parse_stack(text: str) -> tuple[Layer, ...]:
    """Read a stack.

    Args:
        text: A stack in the format of `format_stack`; spaces and case are ignored.

    Raises:
        ValueError: If the text is no valid stack; the message is one sentence with the remedy.
    """
    parts = re.sub(r"\s", "", text).lower().split("_")
    if not any(parts):
        raise ValueError(f"Please write at least one layer: {HOW}.")
    if len(parts) > MAX_LAYERS:
        raise ValueError(f"Please write at most {MAX_LAYERS} layers, not {len(parts)}.")
    return tuple(_parse_layer(part, number) for number, part in enumerate(parts, 1))


def _parse_layer(part: str, number: int) -> Layer:
    try:
        if match := _CONVOLUTION.fullmatch(part):
            filters, size, stride, padding, dilation, activation, source, seed = match.groups()
            padding = int(padding) if padding.isdigit() else padding
            numbers = int(filters), int(size), int(stride), padding, int(dilation)
            return ConvLayer(*numbers, activation, source, int(seed or 0))
        if match := _POOLING.fullmatch(part):
            kind, everywhere, size, stride = match.groups()
            return PoolLayer(kind, None) if everywhere else PoolLayer(kind, int(size), int(stride))
    except ValueError as error:
        raise ValueError(f"Please change layer {number}: {str(error).rstrip('.')}.") from None
    raise ValueError(f"Please change layer {number}, “{part[:40]}”: {HOW}.")


def format_stack(layers: Sequence[Layer]) -> str:
    """Write a stack as the text that `parse_stack` reads."""
    return "_".join(_format_layer(layer) for layer in layers)


def _format_layer(layer: Layer) -> str:
    if isinstance(layer, PoolLayer):
        return f"p{layer.kind}.global" if layer.size is None else f"p{layer.kind}.{layer.size}.{layer.stride}"
    numbers = f"c{layer.filters}.{layer.size}.{layer.stride}.{layer.padding}.{layer.dilation}"
    seed = str(layer.seed) if layer.source == "random" and layer.seed else ""
    return f"{numbers}.{layer.activation}.{layer.source}{seed}"
