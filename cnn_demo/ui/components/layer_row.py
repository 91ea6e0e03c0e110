"""Layers in a row, drawn at one scale: height and width of the maps as they are, one plate for each map behind."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from cnn_demo.ui.components import declare, picked_index

_mount = declare("layer_row")


@dataclass(frozen=True)
class Volume:
    """Feature maps of one layer.

    Attributes:
        title: Line under the drawing, such as "2 · Max".
        shape: (H, W, C).
        src: Data URL of its front map.
        alt: Text alternative.
    """

    title: str
    shape: tuple[int, int, int]
    src: str
    alt: str


def layer_row(
    volumes: Sequence[Volume],
    chosen: int | None,
    *,
    key: str,
    label: str,
    problem: str = "",
    on_pick: Callable[[int], None],
) -> None:
    """Draw the volumes to scale; call `on_pick(index)` when the visitor chooses one.

    Args:
        volumes: The photo, and the layers after it.
        chosen: Index of the chosen one, or None.
        key: Widget key, unique on the page.
        label: Description of the row for screen readers.
        problem: Title of a layer that has no maps, drawn as an empty box at the end.
        on_pick: Callback; only indices of `volumes` reach it.
    """
    data = {"volumes": [asdict(volume) for volume in volumes], "chosen": chosen, "label": label, "problem": problem}
    _mount(key=key, data=data, on_pick_change=picked_index(key, len(volumes), on_pick))
