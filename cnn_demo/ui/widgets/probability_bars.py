"""Bars of a classifier's probabilities: a table, which is light and accessible to screen readers."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from cnn_demo.results import percent

_BAR = "display:block;height:14px;border-radius:3px;min-width:1px;background:{colour};width:{width:.2f}%"
_CELL = "padding:3px 8px 3px 0;border:0;vertical-align:middle"
BEST, OTHERS = "var(--st-primary-color, #4a7ae0)", "rgba(128, 140, 165, 0.65)"  # colours of bars
TABLE = "width:100%;border-collapse:collapse;border:0;font-size:14px"


def probability_bars(labels: Sequence[str], probabilities: np.ndarray, *, caption: str, ordered: bool = True) -> None:
    """Show one bar for each class.

    Args:
        labels: Names of the classes.
        probabilities: (C,), in 0..1.
        caption: Description for screen readers; not shown.
        ordered: The most probable class first; else in the order given.
    """
    best = int(np.argmax(probabilities))
    order = np.argsort(-probabilities, kind="stable") if ordered else range(len(labels))
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};text-align:left;white-space:nowrap;width:1%;'
        f'font-weight:{600 if index == best else 400}">{escape(labels[index])}</th>'
        f'<td style="{_CELL}"><span style="{_bar(probabilities[index], index == best)}"></span></td>'
        f'<td style="{_CELL};text-align:right;white-space:nowrap;width:1%;font-variant-numeric:tabular-nums;'
        f'font-weight:{600 if index == best else 400}">{percent(float(probabilities[index]))}</td></tr>'
        for index in order
    )
    st.html(f'<table style="{TABLE}" aria-label="{escape(caption)}">{rows}</table>')


def _bar(probability: float, best: bool) -> str:
    return _BAR.format(colour=BEST if best else OTHERS, width=100 * float(probability))
