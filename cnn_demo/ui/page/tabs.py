"""Tabs of which only the open one is computed, shared by the workbenches of the pages with networks."""

from collections.abc import Callable, Mapping

import streamlit as st

from cnn_demo.ui.page.barrier import errors_shown
from cnn_demo.ui.page.fragments import end_run


def fill_open_tab(key: str, views: Mapping[str, Callable[[], None]]) -> None:
    """Show the tabs, and fill the one that is open.

    If something fails, that tab shows it in one sentence, and the page still works.

    Args:
        key: Widget key, and the name in the link.
        views: Function that fills each tab, by the tab's name.
    """
    tabs = st.tabs(list(views), key=key, bind="query-params", on_change="rerun")
    for view, tab in zip(views.values(), tabs, strict=True):
        if tab.open:
            with tab, errors_shown():
                view()
    end_run()
