"""Feature maps as a grid of pictures, one of which can be opened."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from cnn_demo.ui.components import declare, picked_index

_mount = declare("map_grid")


@dataclass(frozen=True)
class MapTile:
    """One map of the grid.

    Attributes:
        title: Line under it.
        src: Data URL of the picture.
        alt: Text alternative.
    """

    title: str
    src: str
    alt: str


def map_grid(
    tiles: Sequence[MapTile],
    size: tuple[int, int],
    chosen: int,
    *,
    key: str,
    label: str,
    on_pick: Callable[[int], None],
) -> None:
    """Show the maps; call `on_pick(index)` when the visitor opens one.

    Args:
        tiles: The maps.
        size: (height, width) of each, for their shape.
        chosen: Index of the open one.
        key: Widget key, unique on the page.
        label: Description of the grid for screen readers.
        on_pick: Callback; only indices of `tiles` reach it.
    """
    data = {"tiles": [asdict(tile) for tile in tiles], "size": list(size), "chosen": chosen, "label": label}
    _mount(key=key, data=data, on_pick_change=picked_index(key, len(tiles), on_pick))
