"""Fragments of a page, and what happens at the end of every run."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnn_demo.models import gpu_memory
from cnn_demo.ui.page.barrier import errors_shown
from cnn_demo.ui.page.experiments import left_experiment
from cnn_demo.ui.page.link import complete_link

P = ParamSpec("P")


def fragment(view: Callable[P, None], run_every: float | None = None) -> Callable[P, None]:
    """Make a view a fragment, as `st.fragment` does, that shows its errors and ends its own runs as a page does.

    Args:
        view: Function that draws the view.
        run_every: Seconds after which it runs again by itself; None for never.
    """

    @wraps(view)
    def whole(*args: P.args, **kwargs: P.kwargs) -> None:
        with errors_shown():  # inside: a fragment reruns without the tab and the page around it
            view(*args, **kwargs)
        context = get_script_run_ctx()
        if context is not None and context.fragment_ids_this_run:
            end_run()

    return st.fragment(whole, run_every=run_every)


def end_run() -> None:
    """Complete the link, and run the page again if its controls have left the setting of the experiment that it shows.

    A page calls it when all controls have been drawn, for only then does the session have the values of a link.
    """
    complete_link()
    if gpu_memory.fell_back():
        st.toast(gpu_memory.SENTENCE, icon=":material/memory:")
    if left_experiment():
        st.rerun()
