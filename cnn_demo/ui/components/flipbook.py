"""Frames and curves over the epochs of a training, moved by one scrub bar that follows the finger.

A Streamlit slider reruns only when it is released, so this one runs in the browser: all frames are sent at once.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cnn_demo.drawing.pictures import jpeg_url, png_url
from cnn_demo.ui.components import declare

_mount = declare("flipbook")


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: Name in the chart's legend.
        values: One number for each finished epoch, the first for epoch 1.
    """

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """One chart beside the frames.

    Attributes:
        title: Title of the chart; the horizontal axis is always the epoch.
        lines: Curves, at most two.
        percent: Whether values are fractions, drawn from 0 to 100%; else the axis is from 0 to the largest value.
    """

    title: str
    lines: tuple[Line, ...]
    percent: bool = False


def flipbook(
    frames: Sequence[np.ndarray],
    charts: Sequence[Chart],
    *,
    key: str,
    alt: str,
    caption: str = "",
    epochs: int | None = None,
    max_width: int = 460,
    photographs: bool = False,
) -> None:
    """Show frames and curves with a scrub bar, which begins at the last epoch and stays there while frames are added.

    Args:
        frames: One picture for each epoch, the first before training: (H, W) or (H, W, 3) uint8 of one shape.
        charts: Curves with a value for each epoch but the first frame.
        key: Widget key, unique on the page.
        alt: Text alternative for the frames; the epoch is appended.
        caption: Text under the frames.
        epochs: Last epoch of the charts, for a training that is not finished; default: the last frame.
        max_width: Greatest width of a frame in CSS pixels.
        photographs: The frames are photos: they are sent as JPEG, which is a tenth of the size, and drawn smooth.

    Raises:
        ValueError: If the frames differ in shape, or there is none.
    """
    if len({frame.shape for frame in frames}) != 1:
        raise ValueError("A flipbook needs at least one frame, and frames of one shape.")
    height, width = frames[0].shape[:2]
    sprite = np.concatenate(frames)
    _mount(
        key=key,
        data={
            "sprite": jpeg_url(sprite) if photographs else png_url(sprite),
            "smooth": photographs,
            "frames": len(frames),
            "height": height,
            "width": width,
            "maxWidth": max_width,
            "charts": [asdict(chart) for chart in charts],
            "end": max(len(frames) - 1, epochs or 1),
            "alt": alt,
            "caption": caption,
            "label": "Epoch",
        },
    )
