"""Tree of the units that one unit depends on, along one row of the photo, with the number of paths to each pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_demo.convolution.effective_field import Step, path_counts
from cnn_demo.convolution.receptive_field import receptive_fields
from cnn_demo.ui.components import declare

_mount = declare("field_tree")

MAX_LINES = 3500  # more cannot be distinguished, and make the browser slow
MAX_BARS = 240


def field_tree(layers: Sequence[Step], *, key: str) -> None:
    """Show the units that one unit of the last layer depends on, down to the pixels; a tap chooses another unit.

    Args:
        layers: The layers' (kernel, stride, dilation), from the image on.
        key: Widget key, unique on the page.
    """
    _mount(key=key, data=tree_data(layers))


def tree_data(layers: Sequence[Step]) -> dict[str, Any]:
    """Return the component's data: rows of units from the top, lines, and the number of paths to each pixel.

    Positions are in pixels from the middle of the receptive field.
    """
    fields = receptive_fields(layers)
    size = fields[-1].size
    rows = []
    for level in range(len(layers), -1, -1):
        reach = (size - fields[level].size) / 2
        row = {"label": _label(level), "reach": reach, "spacing": fields[level].jump, "offsets": []}
        if level:
            kernel, _, dilation = layers[level - 1]
            jump = fields[level - 1].jump
            row["offsets"] = [(tap - (kernel - 1) / 2) * dilation * jump for tap in range(kernel)]
        rows.append(row)
    drawn = _add_positions(rows)
    ways = path_counts(layers)
    fold = -(-size // MAX_BARS)  # pixels to a bar
    bars = np.add.reduceat(ways, np.arange(0, size, fold)) / ways.max()
    positions = (np.arange(len(bars)) * fold + (fold - 1) / 2) - (size - 1) / 2
    alt = f"A tree of {len(layers)} layers: one unit at the top, {size} pixels wide at the bottom."
    return {
        "rows": rows,
        "size": size,
        "drawn": drawn,
        "bars": {"positions": positions.tolist(), "ways": bars.tolist(), "width": fold},
        "alt": alt,
        "caption": _caption(size, float(ways.max()), drawn),
    }


def _label(level: int) -> str:
    return f"Layer {level}" if level else "Pixels"


def _add_positions(rows: list[dict]) -> bool:
    """Give every row the positions of its units; False if there are too many lines to draw."""
    positions = {0.0}
    lines = 0
    for row in rows:
        row["positions"] = sorted(positions)
        lines += len(positions) * len(row["offsets"])
        if lines > MAX_LINES:
            for each in rows:
                each["positions"] = each["offsets"] = []
            return False
        positions = {p + offset for p in positions for offset in row["offsets"]}
    return True


def _caption(size: int, maximum: float, drawn: bool) -> str:
    ways = (
        f"{maximum:,.0f}"
        if maximum < 1e7
        else f"{maximum / 10 ** int(np.log10(maximum)):.1f} · 10^{int(np.log10(maximum))}"
    )
    tap = (
        "Tap a unit, or use the arrow keys, to see its own receptive field."
        if drawn
        else "There are too many lines to draw each."
    )
    if maximum == 1:
        return f"Along one row of the photo, {size:,} pixels wide: one path leads to each pixel. {tap}"
    return (
        f"Along one row of the photo, {size:,} pixels wide: {ways} paths lead to the pixel with the most, one to the "
        f"outermost. {tap}"
    )
