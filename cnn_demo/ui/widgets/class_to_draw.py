"""The class of the next shape that a visitor draws or paints on a photo."""

from collections.abc import Sequence

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.ui.page.session import SESSION


def class_to_draw(label: str, names: Sequence[str], photo: Photo, *, key: str, help: str) -> str:
    """Let the visitor choose a class; each photo begins with the first, which is the likeliest on it.

    Args:
        label: Label of the control.
        names: Names of the classes, the likeliest on the photo first.
        photo: The photo that is drawn on.
        key: Widget key.
        help: Help text.
    """
    begun = f"{key}_photo"
    if SESSION.get(begun) != photo.key or SESSION.get(key) not in names:
        SESSION[key] = names[0]
    SESSION[begun] = photo.key
    return st.selectbox(label, names, key=key, help=help)
