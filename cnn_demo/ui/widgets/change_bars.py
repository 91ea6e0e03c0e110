"""Bars of probabilities before and after a change of the network or of the photo: a table, for screen readers too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from cnn_demo.results import percent
from cnn_demo.ui.widgets.probability_bars import BEST, OTHERS, TABLE

_BAR = "display:block;height:8px;border-radius:3px;min-width:1px;margin:2px 0;background:{colour};width:{width:.2f}%"
_CELL = "padding:3px 6px 3px 0;border:0;vertical-align:middle"
_NUMBER = f"{_CELL};text-align:right;white-space:nowrap;width:1%;font-variant-numeric:tabular-nums"
_SWATCH = '<span style="display:inline-block;width:9px;height:9px;border-radius:2px;background:{}"></span> '
Probabilities = Sequence[float] | np.ndarray


def changed_classes(before: np.ndarray, after: np.ndarray, count: int = 5, first: int | None = None) -> list[int]:
    """Return the indices of the classes to show: the first, then those whose larger probability is largest.

    The most probable class before and the one after are always among them.

    Args:
        before: (C,) probabilities before the change.
        after: (C,) probabilities after it.
        count: Number of classes, at least 3.
        first: Class of the first row; by default the most probable one before the change.
    """
    first = int(before.argmax()) if first is None else first
    order = np.argsort(-np.maximum(before, after), kind="stable")
    chosen = list(dict.fromkeys([first, int(before.argmax()), int(after.argmax()), *order.tolist()]))[:count]
    return [first, *sorted(set(chosen) - {first}, key=lambda k: (-max(before[k], after[k]), k))]


def change_bars(labels: Sequence[str], before: Probabilities, after: Probabilities, *, caption: str) -> None:
    """Show a row with two bars for each class or box, in the order given.

    Args:
        labels: Names of the rows.
        before: Probability of each row before the change, 0 to 1.
        after: Its probability after the change.
        caption: Description for screen readers; not shown.
    """
    rows = "".join(_row(*row, best=row[2] == max(after)) for row in zip(labels, before, after, strict=True))
    head = (
        f'<tr style="font-size:12px"><td style="{_CELL}"></td><td style="{_CELL}"></td>'
        f'<th scope="col" style="{_NUMBER};font-weight:400">{_SWATCH.format(OTHERS)}before</th>'
        f'<th scope="col" style="{_NUMBER};font-weight:600">{_SWATCH.format(BEST)}after</th></tr>'
    )
    st.html(f'<table style="{TABLE}" aria-label="{escape(caption)}">{head}{rows}</table>')


def _row(label: str, before: float, after: float, *, best: bool) -> str:
    bars = "".join(
        f'<span style="{_BAR.format(colour=colour, width=100 * value)}"></span>'
        for colour, value in ((OTHERS, before), (BEST, after))
    )
    weight = 600 if best else 400
    was, value = (escape(percent(float(each))) for each in (before, after))
    return (
        f'<tr><th scope="row" style="{_CELL};text-align:left;font-weight:{weight};width:38%;overflow-wrap:anywhere">'
        f'{escape(label)}</th><td style="{_CELL}">{bars}</td><td style="{_NUMBER}">{was}</td>'
        f'<td style="{_NUMBER};font-weight:600">{value}</td></tr>'
    )
