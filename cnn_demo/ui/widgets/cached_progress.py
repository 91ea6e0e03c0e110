"""Cache of slow computations, shared by all visitors, with a progress bar."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

Result = TypeVar("Result")


@dataclass(eq=False)
class _Slot(Generic[Result]):
    """One cached result: the first visitor computes it, others wait for it."""

    lock: Lock = field(default_factory=Lock)
    result: Result | None = None


@st.cache_resource(max_entries=96, show_spinner=False)
def _slot(name: tuple[Hashable, ...]) -> _Slot[Any]:
    return _Slot()


def computed(
    name: tuple[Hashable, ...],
    title: str,
    container: DeltaGenerator,
    compute: Callable[[Callable[[float], None]], Result],
) -> Result:
    """Return the result cached under this name; compute it if there is none.

    A function that Streamlit caches must not draw outside itself, so a slot for the result is cached.

    Args:
        name: Everything the result depends on; photos and networks by their keys.
        title: Line above the progress bar.
        container: Container from `st.empty` for the progress bar; emptied afterwards.
        compute: Function that takes a callback for the fraction done (0..1); never returns None.
    """
    slot: _Slot[Result] = _slot(name)
    with slot.lock:
        if slot.result is not None:
            return slot.result
        bar = container.progress(0.0, title)

        def report(fraction: float) -> None:
            bar.progress(min(fraction, 1.0), title)

        slot.result = compute(report)
        container.empty()
        return slot.result
