"""Answers that take long: computed once for all visitors, with a progress bar for the one who waits."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

Answer = TypeVar("Answer")


@dataclass(eq=False)
class _Slot:
    """Room for one answer: the first visitor who asks computes it, others wait for it."""

    lock: Lock = field(default_factory=Lock)
    answer: object = None


@st.cache_resource(max_entries=96, show_spinner=False)
def _slot(name: tuple[Hashable, ...]) -> _Slot:
    return _Slot()


def computed(
    name: tuple[Hashable, ...],
    title: str,
    place: DeltaGenerator,
    compute: Callable[[Callable[[float], None]], Answer],
) -> Answer:
    """Return what was computed under this name; compute it where that was not done yet.

    A function that Streamlit caches must not draw outside itself: what is cached is the room for the answer.

    Args:
        name: What the answer depends on, photos and networks by their keys.
        title: Line above the progress bar.
        place: From `st.empty`; holds the bar while it is computed, and nothing afterwards.
        compute: Is given what it may tell the share that is done (0..1); its answer is never None.
    """
    slot = _slot(name)
    with slot.lock:
        if slot.answer is None:
            bar = place.progress(0.0, title)
            slot.answer = compute(lambda share: bar.progress(min(share, 1.0), title))
            place.empty()
    return slot.answer
