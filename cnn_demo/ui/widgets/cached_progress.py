"""Kept results of slow computations, with a progress bar and a button that stops them."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.images import Photo
from cnn_demo.ui.page.caching import kept

Result = TypeVar("Result")
_STOPPED = "stopped_computations"  # in the session: kind of computation to the name of the stopped one


def computed(
    photos: Iterable[Photo],
    name: tuple[Hashable, ...],
    title: str,
    container: DeltaGenerator,
    compute: Callable[[Callable[[float], None]], Result],
) -> Result:
    """Return the result that is kept under this name, as `caching.kept` does; compute it if there is none.

    Args:
        photos: Those that the result depends on.
        name: Everything the result depends on; photos and networks by their keys.
        title: Line above the progress bar.
        container: Container from `st.empty` for the progress bar; emptied afterwards.
        compute: Function that runs a network, for which visitors queue. Its argument is a callback for the fraction
            done (0..1).

    Raises:
        Busy: If too many visitors are waiting for a network.
    """

    def run() -> Result:
        bar = container.progress(0.0, title)
        return _with_bar(compute, bar, title, container)

    return kept(photos, name, run, queued=True)


def stoppable(
    photos: Iterable[Photo],
    name: tuple[Hashable, ...],
    title: str,
    container: DeltaGenerator,
    compute: Callable[[Callable[[float], None]], Result],
) -> Result | None:
    """Return the result that is kept under this name; compute it if there is none, unless the visitor stops it.

    A click on *Stop* runs the view again, which ends the computation at its next report of progress.

    Args:
        photos: As for `computed`.
        name: As for `computed`; the first item, a text, names the computation, of which a view has one.
        title: Line above the progress bar.
        container: Container from `st.empty` for the progress bar and the button; emptied afterwards.
        compute: As for `computed`.

    Returns:
        None if the visitor has stopped it; the container then offers to start it again.
    """
    key = f"{name[0]}_run"
    if st.session_state.get(_STOPPED, {}).get(name[0]) == name:
        container.button("Continue", key=key, icon=":material/play_arrow:", on_click=_stop, args=(name[0], None))
        return None

    def run() -> Result:
        with container.container():
            bar = st.progress(0.0, title)
            st.button("Stop", key=key, icon=":material/stop:", on_click=_stop, args=(name[0], name))
        return _with_bar(compute, bar, title, container)

    return kept(photos, name, run, queued=True)


def _with_bar(
    compute: Callable[[Callable[[float], None]], Result], bar: DeltaGenerator, title: str, container: DeltaGenerator
) -> Result:
    """Compute, and report to a progress bar; afterwards its container is emptied, also if the computation fails."""

    def report(fraction: float) -> None:
        bar.progress(min(fraction, 1.0), title)

    try:
        result = compute(report)
    except Exception:
        container.empty()
        raise
    container.empty()
    return result


def _stop(kind: Hashable, name: tuple[Hashable, ...] | None) -> None:
    st.session_state.setdefault(_STOPPED, {})[kind] = name
