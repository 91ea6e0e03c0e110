"""Many small pictures in a grid, all from one encoded picture: feature maps, kernels, patches of photos."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from cnn_demo.ui.components import declare

_mount = declare("tiles")


@dataclass(frozen=True)
class Tile:
    """One small picture.

    Attributes:
        key: Argument passed to `on_pick`.
        title: Title, shown on hover and read out by screen readers.
        caption: Line under it; may be empty.
    """

    key: int
    title: str
    caption: str = ""


def tiles(
    source: str,
    items: Sequence[Tile],
    size: tuple[int, int],
    *,
    key: str,
    label: str,
    chosen: int | None = None,
    on_pick: Callable[[int], None] | None = None,
    width: int = 52,
    max_height: int | None = None,
    pixelated: bool = True,
    off: Collection[int] | None = None,
    on_switch: Callable[[set[int]], None] | None = None,
) -> None:
    """Show the tiles; call `on_pick(key)` when the visitor picks one, or `on_switch(keys off)` when one is switched.

    Args:
        source: Data URL of one picture that has all tiles one below the other, in the order of `items`.
        items: The tiles.
        size: (height, width) of one tile in the encoded picture.
        key: Widget key, unique on the page.
        label: Description of the grid for screen readers.
        chosen: Key of the chosen tile, or None.
        on_pick: Callback; only keys of `items` reach it. Without it the tiles cannot be picked.
        width: Width of one tile, in CSS pixels.
        max_height: Greatest height of the grid, in CSS pixels; the rest is scrolled. None is no limit.
        pixelated: Show pixels as squares.
        off: Keys of the tiles that are switched off, if each tile is a switch.
        on_switch: Callback for switches; only keys of `items` reach it.
    """
    keys = {item.key for item in items}

    def picked() -> None:
        choice = st.session_state[key].pick
        if on_switch is not None and isinstance(choice, list):
            on_switch({each for each in choice if isinstance(each, int) and each in keys})
        elif on_pick is not None and isinstance(choice, int) and choice in keys:
            on_pick(choice)

    _mount(
        key=key,
        data={
            "src": source,
            "items": [asdict(item) for item in items],
            "height": size[0],
            "width": size[1],
            "label": label,
            "chosen": chosen,
            "clickable": on_pick is not None or on_switch is not None,
            "off": None if off is None else sorted(keys & set(off)),
            "tile": width,
            "maxHeight": max_height,
            "pixelated": pixelated,
        },
        on_pick_change=picked,
    )
