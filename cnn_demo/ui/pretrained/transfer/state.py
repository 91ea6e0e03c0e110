"""Page 4, transfer learning: session state, which holds reduced photos but no uploaded files."""

from typing import Any

import streamlit as st

from cnn_demo.models.transfer.photo_set_builder import PhotoSetBuilder
from cnn_demo.models.transfer.photo_sets import PhotoSetError
from cnn_demo.models.transfer.session import Task

DRAW, SHOWN = "teach_draw", "teach_shown"
# The second draw of the sample set is typical; with the first, random features do unusually badly.
DEFAULTS: dict[str, Any] = {DRAW: 2, SHOWN: "pretrained"}

DRAFT, BEFORE = "teach_draft", "teach_before"  # the classes, and those they replaced
NEWS, REFUSED = "teach_news", "teach_refused"  # skipped files, and the message of a refused upload
JOB, WANTED, TAUGHT = "teach_job", "teach_wanted", "teach_taught"
LOADED, HEAD_REFUSED = "teach_head", "teach_head_refused"


def current_draft() -> PhotoSetBuilder:
    """Return the current classes."""
    return st.session_state.setdefault(DRAFT, PhotoSetBuilder.begin())


def change(draft: PhotoSetBuilder, messages: tuple[str, ...] = (), refused: str = "") -> None:
    """Replace the draft, and store messages about skipped or refused files."""
    st.session_state.update({DRAFT: draft, NEWS: messages, REFUSED: refused})


def replace_classes(draft: PhotoSetBuilder, messages: tuple[str, ...] = ()) -> None:
    """Replace a draft that may contain photos; the replacement can be undone."""
    before = current_draft()
    if before.photos:
        st.session_state[BEFORE] = before
    change(draft, messages)


def take_back() -> None:
    """Undo the last replacement."""
    before = st.session_state.pop(BEFORE, None)
    if before is not None:
        change(before)


def is_current(task: Task, model_key: str, draw: int) -> bool:
    """Return whether a task matches the current classes and settings."""
    try:
        photos = current_draft().checked()
    except PhotoSetError:
        return False
    same = photos.labels == task.photos.labels and photos.photos == task.photos.photos
    return same and (photos.classes == task.photos.classes).all() and (model_key, draw) == (task.model_key, task.draw)
