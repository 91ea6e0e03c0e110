"""Bars of probabilities with their change against the untouched photo: a table, as light as `probability_bars`."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from cnn_demo.results import percent
from cnn_demo.ui.widgets.probability_bars import BEST, OTHERS, TABLE

_CELL = "padding:3px 8px 3px 0;border:0;vertical-align:middle"
_NUMBER = f"{_CELL};text-align:right;white-space:nowrap;width:1%;font-variant-numeric:tabular-nums"
NOTE = "pp: percentage points against the untouched photo, whose probability is the thin line."


def shown_classes(before: np.ndarray, now: np.ndarray, count: int = 5) -> np.ndarray:
    """Return the indices of the classes to show, the most probable one now first.

    Args:
        before: (C,) probabilities for the untouched photo; its top class is always shown.
        now: (C,) probabilities for the edited photo.
        count: Number of classes.
    """
    order = np.argsort(-now, kind="stable")[:count]
    top = int(before.argmax())
    return order if top in order else np.append(order[:-1], top)


def changed_bars(labels: Sequence[str], before: np.ndarray, now: np.ndarray, *, caption: str) -> None:
    """Show one bar for each class, in the order given.

    Args:
        labels: Names of the classes.
        before: (C,) probabilities for the untouched photo, in 0..1.
        now: (C,) probabilities for the edited photo.
        caption: Description for screen readers; not shown.
    """
    best = int(np.argmax(now))
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};text-align:left;font-weight:{600 if index == best else 400}">'
        f'{escape(label)}</th><td style="{_CELL};width:40%">{_bar(before[index], now[index], index == best)}</td>'
        f'<td style="{_NUMBER};font-weight:{600 if index == best else 400}">{escape(percent(float(now[index])))}</td>'
        f'<td style="{_NUMBER}">{points(float(before[index]), float(now[index]))}</td></tr>'
        for index, label in enumerate(labels)
    )
    st.html(f'<table style="{TABLE}" aria-label="{escape(caption)}">{rows}</table>')


def points(before: float, now: float) -> str:
    """Write a change of a probability in percentage points, such as "−12.3 pp", or "±0 pp" if it rounds to 0."""
    change = round(100 * (now - before), 1)
    return f"{change:+.1f} pp".replace("-", "−") if change else "±0 pp"


def _bar(before: float, now: float, best: bool) -> str:
    colour = BEST if best else OTHERS
    return (
        '<span style="display:block;position:relative;height:14px">'
        f'<span style="display:block;height:14px;border-radius:3px;min-width:1px;background:{colour};'
        f'width:{100 * float(now):.2f}%"></span>'
        f'<span style="position:absolute;top:-2px;bottom:-2px;left:calc({100 * float(before):.2f}% - 1px);width:2px;'
        'background:currentColor"></span></span>'
    )
