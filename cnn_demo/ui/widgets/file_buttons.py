"""Download buttons, each of which makes its file when it is clicked."""

from collections.abc import Callable, Mapping

import streamlit as st

from cnn_demo.exports.names import safe_stem
from cnn_demo.images import Photo

File = tuple[Callable[[], bytes | str], str, str]  # function that makes its content, name, media type


def file_buttons(key: str, files: Mapping[str, File], explained: Mapping[str, str] | None = None) -> None:
    """Show a button for each file.

    Args:
        key: Beginning of the widget keys; the button's label follows.
        files: Label to file.
        explained: Use of a file by its label, if it is not obvious.
    """
    with st.container(horizontal=True, gap="small"):
        for label, (make, name, kind) in files.items():
            st.download_button(
                label,
                make,
                name,
                kind,
                key=f"{key}_{label}",
                icon=":material/download:",
                on_click="ignore",
                help=(explained or {}).get(label),
            )


def stem_of(photo: Photo) -> str:
    """Return the photo's name without its extension, as the name of a file."""
    return safe_stem(photo.file_name)
