"""A whole network as one row: stacks of its real feature maps, the ways around its blocks, and the answer."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from cnn_demo.ui.components import declare, picked_index

_mount = declare("strip")


@dataclass(frozen=True)
class Stop:
    """One stop of the row.

    Attributes:
        title: What is done there, such as "3×3 → ReLU".
        note: Line under it, such as "16 × 16 × 64".
        group: What it is part of, such as "Block 2"; neighbours of one group are drawn together. May be empty.
        src: Data URL of its sheets, one below the other, the front one first.
        sheets: How many there are.
        size: (height, width) of one sheet.
        alt: What it is, for those who cannot see it.
    """

    title: str
    note: str
    group: str
    src: str
    sheets: int
    size: tuple[int, int]
    alt: str


@dataclass(frozen=True)
class Arc:
    """A way around: from one stop to a later one, and what happens on it (may be empty)."""

    start: int
    end: int
    title: str


def strip(
    stops: Sequence[Stop],
    arcs: Sequence[Arc],
    bars: Sequence[tuple[str, float]],
    chosen: int,
    *,
    key: str,
    label: str,
    on_pick: Callable[[int], None],
) -> None:
    """Draw the network; call `on_pick(index)` when the visitor opens a stop.

    Args:
        stops: In the order of computation.
        arcs: Ways around.
        bars: (label, probability) of every class, drawn at the end.
        chosen: Index of the open stop.
        key: Widget key, unique on the page.
        label: What the row shows, read out by screen readers.
        on_pick: Callback; only indices of `stops` reach it.
    """
    _mount(
        key=key,
        data={
            "stops": [asdict(stop) for stop in stops],
            "arcs": [asdict(arc) for arc in arcs],
            "bars": [{"label": name, "share": share} for name, share in bars],
            "chosen": chosen,
            "label": label,
        },
        on_pick_change=picked_index(key, len(stops), on_pick),
    )
