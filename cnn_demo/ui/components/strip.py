"""A whole network as one row: stacks of its feature maps, its skip connections, and the prediction."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from cnn_demo.ui.components import declare, picked_index

_mount = declare("strip")


@dataclass(frozen=True)
class Stop:
    """One stop of the row.

    Attributes:
        title: Operation, such as "3×3 → ReLU".
        note: Line under it, such as "16 × 16 × 64".
        group: Name of its block, such as "Block 2"; neighbours of one group are drawn together. May be empty.
        src: Data URL of its sheets, one below the other, the front one first.
        sheets: Number of feature maps.
        size: (height, width) of one sheet.
        alt: Text alternative.
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
    """A skip connection from one stop to a later one, and its operation (may be empty)."""

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
        stops: The stops, in the order of computation.
        arcs: Ways around.
        bars: (label, probability) of every class, drawn at the end.
        chosen: Index of the open stop.
        key: Widget key, unique on the page.
        label: Description of the row for screen readers.
        on_pick: Callback; only indices of `stops` reach it.
    """
    _mount(
        key=key,
        data={
            "stops": [asdict(stop) for stop in stops],
            "arcs": [asdict(arc) for arc in arcs],
            "bars": [{"label": name, "probability": probability} for name, probability in bars],
            "chosen": chosen,
            "label": label,
        },
        on_pick_change=picked_index(key, len(stops), on_pick),
    )
