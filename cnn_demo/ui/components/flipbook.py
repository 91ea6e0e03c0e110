"""Frames and curves over the epochs of a training, moved by one scrub bar that follows the finger.

A Streamlit slider reruns only when it is released, so this one runs in the browser: all frames are sent at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
    frame_epochs: Sequence[int] | None = None,
    epochs: int | None = None,
    max_width: int = 460,
    photographs: bool = False,
) -> None:
    """Show frames and curves with a scrub bar, which begins at the last epoch and stays there while frames are added.

    Args:
        frames: One picture for each epoch or for those of `frame_epochs`, the first before training: (H, W) or
            (H, W, 3) uint8 of one shape.
        charts: Curves with a value for each epoch from 1; four decimals are sent.
        key: Widget key, unique on the page.
        alt: Text alternative for the frames; the epoch is appended.
        caption: Text under the frames.
        frame_epochs: Epoch of each frame, ascending from 0, if only some epochs have a frame; an epoch without one
            shows the frame before it. Default: all epochs have one.
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
    frame_epochs = range(len(frames)) if frame_epochs is None else frame_epochs
    last = frame_epochs[-1]
    _mount(
        key=key,
        data={
            "sprite": jpeg_url(sprite) if photographs else png_url(sprite),
            "smooth": photographs,
            "frameEpochs": [*frame_epochs],
            "height": height,
            "width": width,
            "maxWidth": max_width,
            "charts": [
                {
                    "title": chart.title,
                    "lines": [{"name": line.name, "values": _rounded(line.values)} for line in chart.lines],
                    "percent": chart.percent,
                }
                for chart in charts
            ],
            "last": last,
            "end": max(last, epochs or 1),
            "alt": alt,
            "caption": caption,
            "label": "Epoch",
        },
    )


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]
