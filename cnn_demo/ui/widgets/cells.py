"""Containers side by side that wrap as a whole where the page is narrow."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

PAIR_WIDTH = 280  # CSS pixels that a pair of cells, or one of two, has at least


def cells_in_pairs(count: int) -> list[DeltaGenerator]:
    """Return containers of equal width in one row, or two in each row where the page is narrow.

    Args:
        count: Number of containers, even.
    """
    grid = st.grid(count // 2, min_column_width=PAIR_WIDTH)
    return [cell for _ in range(count // 2) for cell in grid.cell().columns(2, wrap=False)]


def two_cells() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return two containers side by side, or below each other where the page is narrow."""
    grid = st.grid(2, min_column_width=PAIR_WIDTH, gap=("small", "large"))
    return grid.cell(), grid.cell()
