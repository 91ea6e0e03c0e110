"""A grid of values, coloured by value: a kernel, a window of the photo, their products.

A table, not a chart: screen readers can read it, and it is light. Four of them follow every move of a slider.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.drawing.pictures import signed_colours

_TABLE = "width:100%;table-layout:fixed;border-collapse:separate;border-spacing:1px;font-variant-numeric:tabular-nums"
_BORDER = "rgba(128,128,128,.45)"
_SMALL = 0.05  # a grid with smaller values only is written with three decimals
_LABEL = "font-weight:400;opacity:.65;font-size:10px;padding:0;border:0;text-align:center;overflow:hidden"


def number_grid(
    values: np.ndarray,
    *,
    title: str = "",
    note: str = "",
    alt: str,
    labels: tuple[list[int], list[int]] | None = None,
    brightness: bool = False,
    ink: bool = False,
    white: float = 1.0,
    numbers_up_to: int = 15,
) -> None:
    """Show a grid of values: red is positive, blue negative, white zero.

    Args:
        values: (rows, columns).
        title: Heading above the grid.
        note: A line under it.
        alt: Text alternative for the values.
        labels: (row labels, column labels); default: counted from 1.
        brightness: Whether the values are brightness, from black at 0 to white.
        ink: Whether the values are ink, from white at 0 to black at 1.
        white: Value of white.
        numbers_up_to: Largest side with written values; larger grids show colours only.
    """
    rows, columns = labels or (list(range(1, values.shape[0] + 1)), list(range(1, values.shape[1] + 1)))
    side = max(values.shape)
    shown = side <= numbers_up_to
    # Label columns are part of the table so that rows and labels stay aligned.
    table = pd.DataFrame(values, index=pd.Index(rows), columns=pd.Index(columns))
    size = {True: 12, side > 5: 11, side > 7: 10, side > 9: 9, side > 11: 8}[True] if shown else 0
    cell = f"padding:0;border:0;border-radius:2px;text-align:center;height:{max(16, min(34, 240 // side))}px;"
    cell += f"font-size:{size}px;overflow:hidden;white-space:nowrap"
    if brightness or ink:  # white cells would be lost on a white page, black ones on a dark one
        cell += f";box-shadow:0 0 0 1px {_BORDER}"
    shades = 1 - values if ink else values / white if brightness else values
    html = (
        table.style.format(_writer(values))
        .apply(lambda _: _colours(shades, brightness or ink), axis=None)
        .set_table_attributes(f'style="{_TABLE}" aria-label="{alt}"')
        .set_table_styles(
            [
                {"selector": "td", "props": cell},
                {"selector": "th", "props": _LABEL},
                {"selector": "th.blank", "props": "width:26px"},  # the first row sets the widths of all
            ]
        )
        .to_html()
    )
    st.html(f"{_line(title, 600)}{html}{_line(note, 400)}")


def _line(text: str, weight: int) -> str:
    return f'<div style="font-weight:{weight};font-size:14px;margin:2px 0 6px">{text}</div>' if text else ""


def short_number(value: float) -> str:
    """Write a number in about four characters: two decimals below ten, fewer above."""
    magnitude = abs(value)
    text = f"{value:.2f}" if magnitude < 10 else f"{value:.1f}" if magnitude < 100 else f"{value:.3g}"
    text = text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return ("0" if text in ("-0", "") else text).replace("-", "−")


def _writer(values: np.ndarray) -> Callable[[float], str]:
    """Return a function that writes each value of a grid with the same number of decimals; 0 has none."""
    short = short_number if np.abs(values).max(initial=0.0) >= _SMALL else _small_number

    def decimals(value: float) -> int:
        return len(short(value).partition(".")[2]) if abs(value) < 10 else 0

    most = max(map(decimals, values.ravel().tolist()), default=0)

    def write(value: float) -> str:
        text = short(value)
        if text == "0" or abs(value) >= 10 or not most:
            return text
        whole, _, digits = text.partition(".")
        return f"{whole}.{digits:0<{most}}"

    return write


def _small_number(value: float) -> str:
    """Write a number below 0.1 in as much space as `short_number` needs: three decimals, without the leading zero."""
    digits = f"{abs(value):.3f}".strip("0").rstrip(".")
    return f"{'−' if value < 0 else ''}{digits}" if digits else "0"


def _colours(values: np.ndarray, brightness: bool) -> np.ndarray:
    """The style of each cell: its colour, and black or white text, whichever reads better on it."""
    values = values.astype(np.float64)  # 127 divided by the smallest float32 is beyond float32
    if brightness:
        colours = np.repeat(np.clip(values * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    else:
        limit = float(np.abs(values).max(initial=0.0)) or 1.0
        colours = signed_colours(values / limit)
    # Relative luminance as WCAG 2 defines it; below 0.18 white has the higher contrast.
    light = np.where(colours <= 10, colours / 3294.6, ((colours / 255 + 0.055) / 1.055) ** 2.4)
    dark = light @ np.array([0.2126, 0.7152, 0.0722]) < 0.18
    styles = np.empty(values.shape, object)
    for index in np.ndindex(values.shape):
        red, green, blue = colours[index]
        styles[index] = f"background:rgb({red},{green},{blue});color:{'#fff' if dark[index] else '#111'}"
    return styles
