"""Small pictures in a grid, each with some words under it: light, and as many beside each other as there is room."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

# As many columns as have the least width, but no more than so many.
_GRID = "display:grid;gap:14px 12px;align-items:start;grid-template-columns:repeat(auto-fill,minmax({least},1fr))"
_LEAST = "max({width}px, calc((100% - {gaps}px) / {columns}))"
_IMAGE = "width:100%;aspect-ratio:{ratio};object-fit:cover;border-radius:4px;display:block;image-rendering:{rendering}"


@dataclass(frozen=True)
class Card:
    """One picture and what is said of it.

    Attributes:
        source: Data URL.
        alt: What is to be seen, for those who cannot see it.
        title: First line, in bold.
        lines: Further lines.
    """

    source: str
    alt: str
    title: str
    lines: tuple[str, ...] = ()


def picture_cards(
    cards: Sequence[Card], *, width: int = 130, columns: int = 8, ratio: str = "4 / 3", pixelated: bool = False
) -> None:
    """Show cards.

    Args:
        cards: In order.
        width: Least width of a card in CSS pixels.
        columns: How many stand beside each other at most.
        ratio: Width to height of the pictures, as CSS writes it; what is beyond is cut off.
        pixelated: Show pixels as squares.
    """
    image = _IMAGE.format(ratio=ratio, rendering="pixelated" if pixelated else "auto")
    html = "".join(
        f'<figure style="margin:0"><img src="{card.source}" alt="{escape(card.alt)}" style="{image}">'
        '<figcaption style="font-size:13px;line-height:1.4;margin-top:5px">'
        f"<b>{escape(card.title)}</b>{''.join(f'<br>{escape(line)}' for line in card.lines)}</figcaption></figure>"
        for card in cards
    )
    least = _LEAST.format(width=width, gaps=12 * (columns - 1), columns=columns)
    st.html(f'<div style="{_GRID.format(least=least)}">{html}</div>')
