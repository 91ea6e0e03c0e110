"""Page 4, teach it: what the session holds of it. No uploaded file is among it, only photos made small."""

from typing import Any

import streamlit as st

from cnn_demo.models.transfer.photo_set_builder import PhotoSetBuilder
from cnn_demo.models.transfer.photo_sets import PhotoSetError
from cnn_demo.models.transfer.session import Task

DRAW, SHOWN = "teach_draw", "teach_shown"
# Of the sample set the second draw is an ordinary one: with the first, random features do unusually badly.
DEFAULTS: dict[str, Any] = {DRAW: 2, SHOWN: "pretrained"}

DRAFT, BEFORE = "teach_draft", "teach_before"  # the classes, and those whose place they took
NEWS, REFUSED = "teach_news", "teach_refused"  # what was left out of them, and what could not be taken at all
JOB, WANTED, TAUGHT = "teach_job", "teach_wanted", "teach_taught"
LOADED, HEAD_REFUSED = "teach_head", "teach_head_refused"


def current_draft() -> PhotoSetBuilder:
    """Return the classes as they are now."""
    return st.session_state.setdefault(DRAFT, PhotoSetBuilder.begin())


def change(draft: PhotoSetBuilder, news: tuple[str, ...] = (), refused: str = "") -> None:
    """Put a draft in the place of the one before, and say what was left out of it or refused."""
    st.session_state.update({DRAFT: draft, NEWS: news, REFUSED: refused})


def replace_classes(draft: PhotoSetBuilder, news: tuple[str, ...] = ()) -> None:
    """Put a draft in the place of one that had photos which are lost by that; they can be taken back."""
    before = current_draft()
    if before.photos:
        st.session_state[BEFORE] = before
    change(draft, news)


def take_back() -> None:
    """Undo the last replacement."""
    before = st.session_state.pop(BEFORE, None)
    if before is not None:
        change(before)


def is_current(task: Task, model_key: str, draw: int) -> bool:
    """Whether a task is what would be learned now."""
    try:
        photos = current_draft().checked()
    except PhotoSetError:
        return False
    same = photos.labels == task.photos.labels and photos.photos == task.photos.photos
    return same and (photos.classes == task.photos.classes).all() and (model_key, draw) == (task.model_key, task.draw)
