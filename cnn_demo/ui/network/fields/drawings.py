"""Images, figures and charts shared by the three receptive field views."""

from collections.abc import Sequence

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.convolution.receptive_field import MapGeometry, ReceptiveField
from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.images import Photo
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.widgets.charts import CHART_CONFIG, GREY, chart_colours

SHOWN_SIDE = 512  # side in pixels of the photo under the heatmap
CLOSE_UP_SIDE = 360
MAX_BARS = 64


def opened_unit(last: MapGeometry, size: tuple[int, int]) -> tuple[int, int]:
    """Return the unit (row, column) of a map that is centred closest to the selected pixel of an image."""
    down = float(st.session_state.get("field_down", 0.5))
    across = float(st.session_state.get("field_across", 0.5))
    row = last.fields[0].nearest(down * size[0] - 0.5, last.size[0])
    column = last.fields[1].nearest(across * size[1] - 0.5, last.size[1])
    return row, column


def open_position(row: int, column: int, size: tuple[int, int]) -> None:
    """Select a pixel; it is stored as fractions of height and width, so it is valid for images of any size."""
    st.session_state["field_down"] = (row + 0.5) / size[0]
    st.session_state["field_across"] = (column + 0.5) / size[1]


def seen(last: MapGeometry, unit: tuple[int, int], size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of an image in a unit's receptive field, without the padding."""
    return _within(last.fields[0].span(unit[0]), size[0]), _within(last.fields[1].span(unit[1]), size[1])


def _within(span: tuple[int, int], side: int) -> slice:
    """Clip the first and last pixel of a receptive field to an axis of length `side`; at least one pixel is left."""
    low, high = span
    return slice(max(0, min(low, side - 1)), max(1, min(high + 1, side)))


def middle_of(last: MapGeometry, unit: tuple[int, int]) -> tuple[float, float]:
    """Return the middle (row, column) of a unit's receptive field, in pixels of the image."""
    return last.fields[0].middle(unit[0]), last.fields[1].middle(unit[1])


def frames(last: MapGeometry, unit: tuple[int, int], half: int, size: tuple[int, int] | None = None) -> list[Mark]:
    """Return marks for the theoretical field and for the inner square with half of the influence.

    Args:
        last: The unit's map.
        unit: The unit's (row, column).
        half: Side length of the inner square; 0 for none.
        size: Image size (height, width) to clip the frames to; if a frame is clipped, the first mark is the middle of
            the field, so that it is visible and arrow keys start there.
    """
    (top, bottom), (left, right) = (last.fields[axis].span(unit[axis]) for axis in (0, 1))
    middle = middle_of(last, unit)
    marks = [Mark(top, left, bottom - top + 1, right - left + 1)]
    if 0 < half < bottom - top + 1:
        row, column = (each - (half - 1) / 2 for each in middle)
        marks.append(Mark(row, column, half, half))
    if size is None:
        return marks
    inside = [_clipped(mark, size) for mark in marks]
    if inside[0] == marks[0]:
        return inside
    row, column = (max(0, min(int(each), n - 1)) for each, n in zip(middle, size, strict=True))
    return [Mark(row, column, 1, 1), *inside]


def beyond(last: MapGeometry, unit: tuple[int, int], size: tuple[int, int]) -> str:
    """Return a sentence, with a trailing space, if the field extends beyond the image; else an empty text."""
    spans = (last.fields[axis].span(unit[axis]) for axis in (0, 1))
    leaves = any(low < 0 or high >= n for (low, high), n in zip(spans, size, strict=True))
    return "Its receptive field reaches beyond the border, into the padding. " if leaves else ""


def _clipped(mark: Mark, size: tuple[int, int]) -> Mark:
    top, left = max(mark.row, 0), max(mark.column, 0)
    bottom, right = min(mark.row + mark.height, size[0]), min(mark.column + mark.width, size[1])
    return Mark(top, left, max(bottom - top, 0), max(right - left, 0))


@photo_cache()
def large(photo: Photo, size: tuple[int, int]) -> np.ndarray:
    """Return the photo as a background for an image of (height, width), enlarged by a whole factor."""
    fold = max(1, SHOWN_SIDE // max(size))
    return cv2.resize(photo.pixels, (size[1] * fold, size[0] * fold), interpolation=cv2.INTER_AREA)


def heat_picture(pixels: np.ndarray, influence: np.ndarray, field: tuple[slice, slice] | None = None) -> np.ndarray:
    """Overlay the influence on an image: pixels without influence are grey, pixels outside the field dark.

    Args:
        pixels: The image, (H · n, W · n, 3) uint8.
        influence: Influence of each pixel, (H, W), not negative.
        field: Rows and columns of the unit's receptive field.

    Returns:
        (H · n, W · n, 3) uint8 RGB.
    """
    height, width = pixels.shape[:2]
    grey = cv2.cvtColor(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    base = cv2.addWeighted(grey, 0.6, pixels, 0.4, 0).astype(np.float32)
    # The square root, as influence falls so fast that only the middle would be visible.
    strength = np.sqrt(influence / (influence.max() or 1)).astype(np.float32)
    large = cv2.resize(strength, (width, height), interpolation=cv2.INTER_NEAREST)
    heat = cv2.applyColorMap(np.rint(large * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    if field is not None:
        light = np.full(influence.shape, 0.55, np.float32)
        light[field] = 1
        base *= cv2.resize(light, (width, height), interpolation=cv2.INTER_NEAREST)[..., None]
    weight = (0.9 * large**0.7)[..., None]
    return np.rint(base * (1 - weight) + heat * weight).astype(np.uint8)


def show_position(
    pixels: np.ndarray,
    size: tuple[int, int],
    marks: Sequence[Mark],
    *,
    key: str,
    alt: str,
    caption: str,
    offset: tuple[int, int] = (0, 0),
    clickable: tuple[int, int] | None = None,
    max_height: int = 380,
    step: int = 1,
) -> None:
    """Show an image on which a click selects another pixel.

    Args:
        pixels: The image, at any scale.
        size: Size (height, width) of the coordinate system of marks and clicks.
        marks: Frames drawn on the image.
        key: Widget key.
        alt: Alternative text.
        caption: Text below the image.
        offset: Top left pixel (row, column) of the photo, if it has a border.
        clickable: Size (height, width) of the photo; default: `size`.
        max_height: Maximum height in CSS pixels.
        step: Pixels per press of an arrow key: the distance between two units.
    """
    (top, left), area = offset, clickable or size

    def pick(row: int, column: int) -> None:
        inside_row = max(0, min(row - top, area[0] - 1))
        inside_column = max(0, min(column - left, area[1] - 1))
        open_position(inside_row, inside_column, area)

    picture(
        jpeg_url(pixels),
        size,
        key=key,
        alt=alt,
        caption=caption,
        marks=marks,
        on_pick=pick,
        max_height=max_height,
        step=(step, step),
        area=(slice(top, top + area[0]), slice(left, left + area[1])),
    )


def show_close_up(
    image: np.ndarray, influence: np.ndarray, last: MapGeometry, unit: tuple[int, int], half: int
) -> None:
    """Show an enlarged crop of the receptive field with the influence overlaid."""
    field = seen(last, unit, image.shape[:2])
    crop = image[field]
    fold = max(1, CLOSE_UP_SIDE // max(crop.shape[:2]))
    pixels = np.ascontiguousarray(crop.repeat(fold, axis=0).repeat(fold, axis=1))
    height, width = crop.shape[:2]
    marks = [
        _clipped(
            Mark(mark.row - field[0].start, mark.column - field[1].start, mark.height, mark.width), (height, width)
        )
        for mark in frames(last, unit, half)[1:]
    ]
    picture(
        jpeg_url(heat_picture(pixels, influence[field])),
        (height, width),
        key="field_close",
        alt="The receptive field, enlarged, with the influence of each pixel",
        caption=f"The receptive field, {width} × {height} pixels of the photo. The frame has 50% of the influence.",
        marks=marks,
        pixelated=True,
        max_height=380,
    )


def numbers(last: MapGeometry, unit: tuple[int, int], size: tuple[int, int], half: int) -> None:
    """Show the size of the field and of its effective part."""
    fields = last.fields
    area = 1
    for axis in (0, 1):
        low, high = fields[axis].span(unit[axis])
        area *= max(1, min(high, size[axis] - 1) - max(low, 0) + 1)
    grid = st.grid(2, min_column_width=160)
    grid.metric(
        "Receptive field",
        f"{fields[0].size:,} px",
        help="Side of the receptive field, in pixels of the picture on the left.",
    )
    grid.metric(
        "Effective receptive field",
        f"{half:,} px" if half else "none",
        help="Side of the smallest central square with 50% of the influence.",
    )
    if half:
        st.caption(
            f"The central {half} × {half} pixels influence the unit as much as all others together: "
            f"{min(1.0, half**2 / area):.0%} of the pixels in its receptive field."
        )


def profile(influence: np.ndarray, field: ReceptiveField, column: int, half: int, *, key: str) -> None:
    """Plot the influence across the field: the sum of each column of pixels."""
    low, high = field.span(column)
    low, high = max(low, 0), min(high, influence.shape[1] - 1)
    columns = np.arange(low, high + 1)
    fractions = influence.sum(axis=0)[low : high + 1] / (influence.sum() or 1)
    offsets = columns - field.middle(column)
    drawn = {"x": offsets, "y": fractions, "name": "measured", "hovertemplate": "%{x:+.0f} px: %{y:.1%}<extra></extra>"}
    bars = len(columns) <= MAX_BARS  # a line would hide the gaps in a dilated kernel
    figure = go.Figure(go.Bar(**drawn) if bars else go.Scatter(**drawn, mode="lines", fill="tozeroy"))
    figure.add_scatter(
        x=[offsets[0] - 0.5, offsets[-1] + 0.5],
        y=[1 / len(columns)] * 2,
        mode="lines",
        line={"dash": "dot", "color": GREY},
        name="uniform influence",
        hoverinfo="skip",
    )
    if half:
        figure.add_vrect(-half / 2, half / 2, fillcolor=GREY, opacity=0.15, line_width=0)
    figure.update_layout(
        height=300,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        legend={"orientation": "h", "y": 1.18, "x": 0},
        bargap=0.1,
        colorway=chart_colours(),
    )
    figure.update_xaxes(title="pixels from the centre", range=[offsets[0] - 0.5, offsets[-1] + 0.5])
    tick_format = ".0%" if fractions.max() > 0.04 else ".1%"
    figure.update_yaxes(title="fraction of the influence", tickformat=tick_format, rangemode="tozero")
    st.plotly_chart(
        figure,
        key=key,
        config=CHART_CONFIG,
        alt="Fraction of the influence by distance from the centre of the receptive field.",
    )
