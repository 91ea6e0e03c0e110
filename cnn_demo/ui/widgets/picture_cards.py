"""Responsive grid of small pictures with captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

# As many columns as fit at the minimum width, up to a maximum.
_GRID = "display:grid;gap:14px 12px;align-items:start;grid-template-columns:repeat(auto-fill,minmax({min_width},1fr))"
_MIN_WIDTH = "max({width}px, calc((100% - {gaps}px) / {columns}))"
_IMAGE = "width:100%;aspect-ratio:{ratio};object-fit:{fit};border-radius:4px;display:block;image-rendering:{rendering}"


@dataclass(frozen=True)
class Card:
    """One picture and its caption.

    Attributes:
        source: Data URL.
        alt: Text alternative for the picture.
        title: First line, in bold.
        lines: Further lines.
    """

    source: str
    alt: str
    title: str
    lines: tuple[str, ...] = ()


def picture_cards(
    cards: Sequence[Card],
    *,
    width: int = 130,
    columns: int = 8,
    ratio: str = "4 / 3",
    pixelated: bool = False,
    whole: bool = False,
) -> None:
    """Show cards.

    Args:
        cards: The cards, in order.
        width: Minimum width of a card in CSS pixels.
        columns: Maximum number of cards in a row.
        ratio: Width to height of the pictures, in CSS notation; pictures are cropped to it.
        pixelated: Show pixels as squares.
        whole: Do not crop the pictures: keep room beside or above those of another ratio.
    """
    image = _IMAGE.format(
        ratio=ratio, fit="contain" if whole else "cover", rendering="pixelated" if pixelated else "auto"
    )
    html = "".join(
        f'<figure style="margin:0"><img src="{card.source}" alt="{escape(card.alt)}" style="{image}">'
        '<figcaption style="font-size:13px;line-height:1.4;margin-top:5px">'
        f"<b>{escape(card.title)}</b>{''.join(f'<br>{escape(line)}' for line in card.lines)}</figcaption></figure>"
        for card in cards
    )
    min_width = _MIN_WIDTH.format(width=width, gaps=12 * (columns - 1), columns=columns)
    st.html(f'<div class="cards" style="{_GRID.format(min_width=min_width)}">{html}</div>')
