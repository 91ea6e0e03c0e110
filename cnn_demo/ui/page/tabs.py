"""Tabs of which only the open one is computed, shared by the workbenches of the pages with networks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.page.fragments import end_run
from cnn_demo.ui.page.markdown import plain


def fill_open_tab(key: str, views: Mapping[str, Callable[[], None]]) -> None:
    """Show the tabs, and fill the one that is open.

    If a network is not available, that tab shows the reason in one sentence, and the page still works.

    Args:
        key: Widget key, and the name in the link.
        views: Function that fills each tab, by the tab's name.
    """
    tabs = st.tabs(list(views), key=key, bind="query-params", on_change="rerun")
    for view, tab in zip(views.values(), tabs, strict=True):
        if tab.open:
            with tab, reasons_shown():
                view()
    end_run()


@contextmanager
def reasons_shown() -> Iterator[None]:
    """Show why a network is not available in one sentence; also for a fragment, which reruns without its tab."""
    try:
        yield
    except (ModelUnavailable, FileNotFoundError) as error:
        st.error(plain(str(error)), icon=":material/cloud_off:")
