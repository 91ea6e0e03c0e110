"""Kept results of slow computations, with a progress bar."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from streamlit.delta_generator import DeltaGenerator

from cnn_demo.images import Photo
from cnn_demo.ui.page.caching import kept

Result = TypeVar("Result")


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
        compute: Function that takes a callback for the fraction done (0..1).
    """

    def run() -> Result:
        bar = container.progress(0.0, title)

        def report(fraction: float) -> None:
            bar.progress(min(fraction, 1.0), title)

        result = compute(report)
        container.empty()
        return result

    return kept(photos, name, run)
