"""Files to take along: a row of buttons, each of which makes its file when it is clicked."""

from collections.abc import Callable, Mapping

import streamlit as st

from cnn_demo.images import Photo

File = tuple[Callable[[], bytes | str], str, str]  # what makes its content, its name, its type


def file_buttons(key: str, files: Mapping[str, File], explained: Mapping[str, str] | None = None) -> None:
    """Show a button for each file.

    Args:
        key: Beginning of the widget keys; the button's label follows.
        files: Label to file.
        explained: Label to what the file is good for, where that is not plain.
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
    """Return the photo's name without what says its type."""
    return photo.name.rpartition(".")[0] or photo.name
