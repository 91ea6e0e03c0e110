"""A network's layers grouped into stages, each of which ends with an activation."""

from collections.abc import Mapping, Sequence

import numpy as np

from cnn_demo.drawing.pictures import below_each_other
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.ui.components.strip import Arc, Stop
from cnn_demo.ui.network.pictures import channels_first, paint, palette_of

_ENDS = ("input", "activation", "pool", "dense")
_STEPS = {
    "conv1": "first convolution",
    "relu1": "first ReLU",
    "shortcut": "shortcut",
    "conv2": "second convolution",
    "add": "sum of both branches",
    "relu": "output",
}
_NAMES = {"image": "Input", "stem": "Stem · convolution", "pool": "Global average", "logits": "Logits"}
_SHEETS = {32: 4, 64: 6, 128: 9}  # number of channels to number of sheets drawn


def layer_label(name: str) -> str:
    """Return a layer's display name, such as "Block 2 · shortcut"; unique, as links contain it."""
    if name in _NAMES:
        return _NAMES[name]
    group = group_title(name)
    step = name.partition("_")[2]
    return f"{group} · {_STEPS[step]}" if group and step in _STEPS else name


def step_label(name: str) -> str:
    """Return a layer's display name within its group, such as "Shortcut"."""
    step = layer_label(name).partition(" · ")[2]
    return step[:1].upper() + step[1:]


def group_title(name: str) -> str:
    """Return the group of a layer, "Stem" or "Block 2"; empty if it belongs to none."""
    group = name.partition("_")[0]
    if group == "stem":
        return "Stem"
    return f"Block {group.removeprefix('block')}" if group.startswith("block") else ""


def group_layers(layers: Sequence[NetworkLayer]) -> tuple[tuple[NetworkLayer, ...], ...]:
    """Group the layers into stops, each of which ends with an activation, the input, pooling or a dense layer."""
    stops, waiting = [], []
    for layer in layers:
        waiting.append(layer)
        if layer.kind in _ENDS:
            stops.append(tuple(waiting))
            waiting = []
    return (*stops, tuple(waiting)) if waiting else tuple(stops)


def find_arcs(stops: Sequence[Sequence[NetworkLayer]]) -> tuple[Arc, ...]:
    """Find the skip connections: inputs of a layer from earlier than the previous stop."""
    home = {layer.name: index for index, stop in enumerate(stops) for layer in stop}
    arcs = []
    for index, stop in enumerate(stops):
        for layer in stop:
            for before in layer.inputs:
                if home[before] < index - 1:
                    arcs.append(Arc(home[before], index, operation(layer) if layer.kind == "convolution" else ""))
    return tuple(arcs)


def operation(layer: NetworkLayer) -> str:
    """Return a short description of a layer's operation, such as "3×3 ↓2"."""
    if layer.kernel is not None and layer.kind == "convolution":
        return f"{layer.kernel.shape[0]}×{layer.kernel.shape[1]}" + (f" ↓{layer.stride}" if layer.stride > 1 else "")
    return {"input": "input", "activation": "ReLU", "add": "+", "pool": "average", "dense": "dense"}[layer.kind]


def draw_stops(
    stops: Sequence[Sequence[NetworkLayer]], maps: Mapping[str, np.ndarray], seen: np.ndarray
) -> tuple[Stop, ...]:
    """Draw each stop with the strongest maps of its last layer, each at its own brightness.

    Args:
        stops: Groups of layers from `group_layers`.
        maps: Output of each layer, by name.
        seen: The network's input, (H, W, 3) uint8.
    """
    drawn = []
    for stop in stops:
        last = stop[-1]
        sheets, size = _sheets(last, maps[last.name], seen)
        by_arc = {layer.name for layer in stop if layer.name.endswith("shortcut")}
        does = [operation(layer) for layer in stop if layer.name not in by_arc]
        inside = ", ".join(layer_label(layer.name) for layer in stop)
        drawn.append(
            Stop(
                title=does[0] if len(does) == 1 else f"{does[0]}\n{' '.join(does[1:])}",
                note="×".join(map(str, last.shape)),
                group=group_title(last.name),
                src=below_each_other(sheets),
                sheets=len(sheets),
                size=size,
                alt=f"{inside}: {' × '.join(map(str, last.shape))}",
            )
        )
    return tuple(drawn)


def _sheets(layer: NetworkLayer, values: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    if layer.kind == "input":
        return seen[None], seen.shape[:2]
    if values.ndim == 1:
        return paint(values, palette_of(layer), float(np.abs(values).max()))[None, :, None], (values.size, 1)
    planes = channels_first(values)
    order = strongest(values)[: _SHEETS.get(len(planes), 5)]
    planes = planes[order]
    return paint(planes, palette_of(layer), np.abs(planes).max(axis=(1, 2), keepdims=True)), values.shape[:2]


def strongest(values: np.ndarray) -> np.ndarray:
    """Order channels of (H, W, C) by their largest magnitude, and of (C,) by value; the largest first."""
    return np.argsort(-(np.abs(values).max(axis=(0, 1)) if values.ndim == 3 else values), kind="stable")
