"""Selection on the walk through the network: layer, channel and pixel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.ui.network.walk.stages import strongest

MODEL = "cifar10_cnn"
LAYER, CHANNEL, ROW, COLUMN = "unit_layer", "unit_channel", "unit_row", "unit_column"
INPUT = "unit_input"  # the input channel whose products are shown
FIT, BRIGHTNESS, ORDER = "fit", "brightness", "channel_order"
EACH, COMMON = "Per map", "Common"
STRONGEST, NETWORK = "Strongest first", "As in the network"

# Widget key (which is also the name in the link) to default value; None selects the strongest.
DEFAULTS: dict[str, Any] = {
    LAYER: "stem_relu",
    CHANNEL: None,
    ROW: None,
    COLUMN: None,
    FIT: "crop",
    BRIGHTNESS: EACH,
    ORDER: STRONGEST,
}


@dataclass(frozen=True)
class Selection:
    """The selected layer, channel and pixel.

    Attributes:
        layer: The selected layer.
        channel: Index of the selected channel.
        row: Row of the selected pixel; 0 for a layer without maps.
        column: Column of the selected pixel; 0 for a layer without maps.
    """

    layer: NetworkLayer
    channel: int
    row: int
    column: int

    @property
    def unit(self) -> tuple[int, ...]:
        """The indices of the selected activation."""
        return (self.row, self.column, self.channel) if len(self.layer.shape) == 3 else (self.channel,)


def default_channel(values: np.ndarray) -> int:
    """Return the default channel: the strongest."""
    return int(strongest(values)[0])


def default_pixel(plane: np.ndarray) -> tuple[int, int]:
    """Return the default pixel: the largest magnitude of a map (H, W)."""
    row, column = np.unravel_index(int(np.abs(plane).argmax()), plane.shape)
    return int(row), int(column)


def read_selection(state: Mapping[str, Any], layer: NetworkLayer, values: np.ndarray) -> Selection:
    """Read the selection in `layer`, whose activations are `values`; positions outside are clipped."""
    channel = _within(state.get(CHANNEL), layer.shape[-1])
    channel = default_channel(values) if channel is None else channel
    if len(layer.shape) == 1:
        return Selection(layer, channel, 0, 0)
    row, column = (_within(state.get(key), side) for key, side in zip((ROW, COLUMN), layer.shape, strict=False))
    best = default_pixel(values[..., channel])
    return Selection(layer, channel, best[0] if row is None else row, best[1] if column is None else column)


def _within(value: Any, size: int) -> int | None:
    return None if value is None else int(min(max(value, 0), size - 1))


def open_layer(layer: NetworkLayer, before: NetworkLayer | None = None) -> None:
    """Select a layer; channel and pixel are kept if it has the shape of the layer `before`, else reset."""
    st.session_state[LAYER] = layer.name
    if before is None or before.shape != layer.shape:
        _choose(None, None, None)


def open_unit(layer: NetworkLayer, channel: int, row: int | None = None, column: int | None = None) -> None:
    """Select an activation of a layer; a position in the padding is moved to the nearest pixel."""
    st.session_state[LAYER] = layer.name
    sides = layer.shape if len(layer.shape) == 3 else (1, 1)
    _choose(channel, _within(row, sides[0]), _within(column, sides[1]))


def _choose(channel: int | None, row: int | None, column: int | None) -> None:
    st.session_state.update({CHANNEL: channel, ROW: row, COLUMN: column, INPUT: None})
