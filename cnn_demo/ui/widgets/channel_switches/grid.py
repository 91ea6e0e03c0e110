"""The maps of a layer as switches, in the order of what the prediction loses without each."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import streamlit as st

from cnn_demo.drawing.heatmaps import small_maps
from cnn_demo.drawing.pictures import below_each_other
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.channel_ablation import CutNetwork, Losses
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.widgets.channel_switches.settings import Keys, choose_channels

FEW = 48  # maps shown, and with them those that are chosen
MOST = 96


def switch_grid(
    photo: Photo, model: Classifier, cut: CutNetwork, losses: Losses, chosen: Collection[int], keys: Keys
) -> None:
    """Show the maps; a click chooses one, or no longer.

    Args:
        photo: The visitor's photo.
        model: The classifier that was cut.
        cut: The network up to the layer.
        losses: Loss of each channel.
        chosen: The chosen channels.
        keys: Keys of the controls.
    """
    shown = shown_channels(losses.order(), chosen)
    url, size = _maps_url(photo, model, cut, tuple(shown))

    tiles(
        url,
        [_tile(channel, losses) for channel in shown],
        size,
        key=f"{keys.prefix}_grid",
        label=f"Channels of {cut.layer}: checked ones are unchanged",
        width=56,
        max_height=400,
        pixelated=max(cut.maps.shape[:2]) <= 64,
        off=chosen,
        on_switch=lambda off: choose_channels(keys, (set(chosen) - set(shown)) | off),
    )
    part = f"{len(shown)} of {cut.channels:,} channels" if len(shown) < cut.channels else f"{cut.channels} channels"
    way = "measured" if losses.measured else "estimated"
    st.caption(
        f"{part}, the most important first, each with its index and the change of the class’s probability without "
        f"it, in percentage points ({way}). **Click one to choose it.**"
    )


def shown_channels(order: np.ndarray, chosen: Collection[int]) -> list[int]:
    """Return the channels of the grid: the first ones, then the chosen ones among the others."""
    first = order[:FEW].tolist()
    return (first + sorted(set(chosen) - set(first)))[:MOST]


def points_text(points: float) -> str:
    """Write a loss in percentage points with a sign, negative for a loss of the class.

    >>> points_text(0.0312), points_text(-0.0012), points_text(0.00004)
    ('−3.1', '+0.1', '0.0')
    """
    rounded = f"{-100 * points:+.1f}".replace("-", "−")
    return "0.0" if rounded in ("−0.0", "+0.0") else rounded


def _tile(channel: int, losses: Losses) -> Tile:
    if not np.isfinite(losses.values[channel]):
        return Tile(channel, f"Channel {channel}, not measured", str(channel))
    points = points_text(float(losses.points[channel]))
    return Tile(channel, f"Channel {channel}: {points} percentage points without it", f"{channel}: {points}")


@photo_cache(names={CutNetwork: lambda cut: cut.layer})
def _maps_url(photo: Photo, model: Classifier, cut: CutNetwork, shown: tuple[int, ...]) -> tuple[str, tuple[int, int]]:
    """Return an image URL of the shown maps, stacked vertically, and the (height, width) of each."""
    maps = cut.maps if cut.maps.ndim == 3 else cut.maps.reshape(1, 1, -1)
    pictures = small_maps(maps, shown)
    return below_each_other(pictures), pictures.shape[1:3]
