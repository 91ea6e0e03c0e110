"""Rows of pictures on page 2, which a narrow page shows two by two."""

from streamlit.delta_generator import DeltaGenerator

NARROWEST = 80  # CSS pixels; columns of Streamlit are cut off below 128


def pair(container: DeltaGenerator) -> list[DeltaGenerator]:
    """Return two cells side by side, at any width of the container."""
    grid = container.grid(2, min_column_width=NARROWEST)
    return [grid.cell(), grid.cell()]
