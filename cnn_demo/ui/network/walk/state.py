"""What the visitor has opened on the walk through the network: a layer, a channel of it, a pixel of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.ui.network.walk.stages import strongest

MODEL = "cifar10_cnn"
LAYER, CHANNEL, ROW, COLUMN = "unit_layer", "unit_channel", "unit_row", "unit_column"
INPUT = "unit_input"  # which input channel of the opened pixel's sum is written out
FIT, BRIGHTNESS, ORDER = "fit", "brightness", "channel_order"
EACH, COMMON = "Each its own", "Common"
STRONGEST, NETWORK = "Strongest first", "As in the network"

# Widget key (which is also the name in the link) to default value; None is chosen by the page: the strongest there is.
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
    """What is open.

    Attributes:
        layer: The layer.
        channel: A channel of it.
        row: Of the opened pixel; 0 for a layer without maps.
        column: Likewise.
    """

    layer: NetworkLayer
    channel: int
    row: int
    column: int

    @property
    def unit(self) -> tuple[int, ...]:
        """The indices of the opened number."""
        return (self.row, self.column, self.channel) if len(self.layer.shape) == 3 else (self.channel,)


def default_channel(values: np.ndarray) -> int:
    """The channel that is open where none was chosen: the strongest."""
    return int(strongest(values)[0])


def default_pixel(plane: np.ndarray) -> tuple[int, int]:
    """The pixel that is open where none was chosen: the largest magnitude of a map (H, W)."""
    row, column = np.unravel_index(int(np.abs(plane).argmax()), plane.shape)
    return int(row), int(column)


def read_selection(state: Mapping[str, Any], layer: NetworkLayer, values: np.ndarray) -> Selection:
    """Read what is open in `layer`, whose numbers are `values`; what lies outside is moved to the border."""
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
    """Open a layer; channel and pixel stay open where it has the shape of the one `before`, else none is chosen."""
    st.session_state[LAYER] = layer.name
    if before is None or before.shape != layer.shape:
        _choose(None, None, None)


def open_unit(layer: NetworkLayer, channel: int, row: int | None = None, column: int | None = None) -> None:
    """Open one number of a layer; where row or column lies in the padding, the pixel next to it."""
    st.session_state[LAYER] = layer.name
    sides = layer.shape if len(layer.shape) == 3 else (1, 1)
    _choose(channel, _within(row, sides[0]), _within(column, sides[1]))


def _choose(channel: int | None, row: int | None, column: int | None) -> None:
    st.session_state.update({CHANNEL: channel, ROW: row, COLUMN: column, INPUT: None})
