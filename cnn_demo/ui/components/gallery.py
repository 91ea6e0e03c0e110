"""A row of clickable thumbnails, one of which is chosen."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from cnn_demo.ui.components import declare

_mount = declare("gallery")
HEIGHT = 64  # CSS pixels, reserved before the pictures are there: 56 of gallery.css, and its padding


@dataclass(frozen=True)
class Thumbnail:
    """One entry of a gallery.

    Attributes:
        key: Argument passed to `on_pick`.
        title: Label under the picture.
        src: Data URL of the picture, about 160 pixels wide.
        alt: Text alternative.
    """

    key: str
    title: str
    src: str
    alt: str


def gallery(
    items: Sequence[Thumbnail], chosen: str | None, *, key: str, label: str, on_pick: Callable[[str], None]
) -> None:
    """Show thumbnails; call `on_pick(key)` when the visitor chooses one.

    Args:
        items: The thumbnails, in order.
        chosen: Key of the chosen one, or None.
        key: Widget key, unique on the page.
        label: Description of the row for screen readers.
        on_pick: Callback; only keys of `items` reach it.
    """

    def picked() -> None:
        choice = st.session_state[key].pick
        if choice in {item.key for item in items}:
            on_pick(choice)

    _mount(
        key=key,
        height=HEIGHT,
        data={"items": [asdict(item) for item in items], "chosen": chosen, "label": label},
        on_pick_change=picked,
    )
