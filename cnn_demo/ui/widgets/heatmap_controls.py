"""Opacity slider, legend and picture of a heatmap over a photo."""

import numpy as np
import streamlit as st

from cnn_demo.drawing.heatmaps import heat_colours
from cnn_demo.drawing.pictures import jpeg_url, png_url, signed_colours

SMALL = 100  # longer side in pixels; smaller pictures are shown as squares and sent without loss
_LEGEND = (
    '<div style="display:flex;align-items:center;gap:8px;font-size:14px;min-height:40px;white-space:nowrap" '
    'role="group" aria-label="Legend"><span>{low}</span><img src="{source}" alt="{alt}" '
    'style="width:120px;min-width:30px;height:12px;border-radius:3px"><span>{high}</span></div>'
)


def picture_url(pixels: np.ndarray) -> str:
    """Return a picture (h, w, 3) uint8 as a data URL; small ones as PNG, without JPEG artifacts."""
    return png_url(pixels) if is_small(pixels) else jpeg_url(pixels)


def is_small(pixels: np.ndarray) -> bool:
    """Whether the pixels of a picture are shown as squares."""
    return max(pixels.shape[:2]) < SMALL


def opacity_slider(key: str, default: int, label: str = "Opacity of the heatmap") -> float:
    """Show the slider; returns 0 (the photo alone) to 1 (the map alone).

    Args:
        key: Widget key, and the name in the link.
        default: Default opacity in percent.
        label: Label of the slider.
    """
    return st.slider(label, 0, 100, default, 5, format="%d%%", key=key, bind="query-params") / 100


def legend(low: str, high: str, *, signed: bool = False) -> None:
    """Show a bar of all colours between two words.

    Args:
        low: Meaning of the first colour.
        high: Meaning of the last colour.
        signed: Blue over white to red, and not black over red to yellow.
    """
    steps = np.linspace(-1 if signed else 0, 1, 64)[None]
    colours = signed_colours(steps) if signed else heat_colours(steps)
    alt = "From blue over white to red" if signed else "From black over red to yellow"
    st.html(_LEGEND.format(low=low, high=high, source=png_url(colours), alt=alt))
