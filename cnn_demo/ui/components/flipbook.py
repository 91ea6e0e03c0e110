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
        values: One number for each finished epoch, the first for epoch 1; with `steps`, one for each of them.
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
        log: Whether the vertical axis is logarithmic, from the smallest value to the largest.
    """

    title: str
    lines: tuple[Line, ...]
    percent: bool = False
    log: bool = False


@dataclass(frozen=True)
class Film:
    """Frames that the scrub bar moves, or one picture that stays beside them.

    Attributes:
        frames: One picture, or one for each position: (H, W) or (H, W, 3) uint8 of one shape.
        alt: Text alternative; the position is appended if there are several.
        title: Line above it.
        photographs: The frames are photos: they are sent as JPEG, which is a tenth of the size, and drawn smooth.
    """

    frames: Sequence[np.ndarray]
    alt: str
    title: str = ""
    photographs: bool = False


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
    frame_epochs = range(len(frames)) if frame_epochs is None else frame_epochs
    last = frame_epochs[-1]
    _mount(
        key=key,
        data={
            "films": [_film(Film(frames, alt, photographs=photographs))],
            "columns": "minmax(0, 1fr)",
            "frameEpochs": [*frame_epochs],
            "steps": None,
            "maxWidth": max_width,
            "charts": [_chart(chart) for chart in charts],
            "last": last,
            "end": max(last, epochs or 1),
            "caption": caption,
            "label": "Epoch",
            "play": 0,
        },
    )


def flipbook_of_steps(
    films: Sequence[Film],
    charts: Sequence[Chart],
    steps: Sequence[int],
    *,
    key: str,
    widths: Sequence[int],
    caption: str = "",
    play: int = 0,
) -> None:
    """Show several films at once, and curves over the steps of a descent on a logarithmic axis.

    Args:
        films: Films in rows, each with one frame for each of `steps`, or one that stays.
        charts: Curves with a value for each of `steps`.
        steps: Steps that were kept, ascending from 0.
        key: Widget key, unique on the page.
        widths: Greatest width of each column of films, in CSS pixels.
        caption: Text under the films.
        play: Number of the request to play from the beginning, another one for each; 0 for none.

    Raises:
        ValueError: If the frames of a film differ in shape, or there is none.
    """
    last = len(steps) - 1
    _mount(
        key=key,
        data={
            "films": [_film(film) for film in films],
            "columns": " ".join(f"minmax(0, {width}fr)" for width in widths),
            "frameEpochs": [*range(len(steps))],
            "steps": [*steps],
            "maxWidth": sum(widths) + 16 * (len(widths) - 1),
            "charts": [_chart(chart) for chart in charts],
            "last": last,
            "end": last,
            "caption": caption,
            "label": "Step",
            "play": play,
        },
    )


def _film(film: Film) -> dict[str, object]:
    if len({frame.shape for frame in film.frames}) != 1:
        raise ValueError("A flipbook needs at least one frame, and frames of one shape.")
    sprite = np.concatenate(film.frames)
    height, width = film.frames[0].shape[:2]
    return {
        "title": film.title,
        "sprite": jpeg_url(sprite) if film.photographs else png_url(sprite),
        "smooth": film.photographs,
        "frames": len(film.frames),
        "height": height,
        "width": width,
        "alt": film.alt,
    }


def _chart(chart: Chart) -> dict[str, object]:
    """Return a chart's data; values have four decimals, on a logarithmic axis four digits."""

    def rounded(value: float) -> float:
        return float(f"{value:.4g}") if chart.log else round(value, 4)

    lines = [{"name": line.name, "values": [rounded(value) for value in line.values]} for line in chart.lines]
    return {"title": chart.title, "lines": lines, "percent": chart.percent, "log": chart.log}
