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


def change_bars(
    labels: Sequence[str], before: np.ndarray, after: np.ndarray, *, caption: str, count: int = 5, first: int = 0
) -> None:
    """Show the most probable classes before and after, with two bars each.

    Args:
        labels: Names of the classes.
        before: (C,) probabilities before the change.
        after: (C,) probabilities after it.
        caption: Description for screen readers; not shown.
        count: Number of classes.
        first: Index of the class in the first row.
    """
    rows = "".join(
        _row(labels[k], float(before[k]), float(after[k])) for k in shown_classes(before, after, count, first)
    )
    head = (
        f'<tr style="font-size:12px"><td style="{_CELL}"></td><td style="{_CELL}"></td>'
        f'<th scope="col" style="{_CELL};text-align:right;font-weight:400">before</th>'
        f'<th scope="col" style="{_CELL};text-align:right;font-weight:600">after</th></tr>'
    )
    st.html(f'<table style="{TABLE}" aria-label="{escape(caption)}">{head}{rows}</table>')


def shown_classes(before: np.ndarray, after: np.ndarray, count: int, first: int) -> list[int]:
    """Return the indices of the classes shown: the first, then those whose larger probability is largest."""
    order = np.argsort(-np.maximum(before, after), kind="stable")
    chosen = list(dict.fromkeys([first, int(before.argmax()), int(after.argmax()), *order.tolist()]))[:count]
    return [first, *sorted(set(chosen) - {first}, key=lambda k: (-max(before[k], after[k]), k))]


def _row(label: str, before: float, after: float) -> str:
    number = f"{_CELL};text-align:right;white-space:nowrap;width:1%;font-variant-numeric:tabular-nums"
    bars = "".join(
        f'<span style="{_BAR.format(colour=colour, width=100 * value)}"></span>'
        for colour, value in ((OTHERS, before), (BEST, after))
    )
    return (
        f'<tr><th scope="row" style="{_CELL};text-align:left;font-weight:400;width:38%;overflow-wrap:anywhere">'
        f'{escape(label)}</th><td style="{_CELL}">{bars}</td>'
        f'<td style="{number}">{percent(before)}</td><td style="{number};font-weight:600">{percent(after)}</td></tr>'
    )
