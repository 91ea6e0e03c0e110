"""Tabs of which only the open one is computed: what the workbenches of the pages with networks share."""

from collections.abc import Callable, Mapping

import streamlit as st

from cnn_demo.models import ModelUnavailable


def fill_open_tab(key: str, views: Mapping[str, Callable[[], None]]) -> None:
    """Show the tabs, and fill the one that is open.

    A network that is not to be had costs the visitor that tab, in one sentence, and not the page.

    Args:
        key: Widget key, and the name in the link.
        views: Tab to what fills it.
    """
    tabs = st.tabs(list(views), key=key, bind="query-params", on_change="rerun")
    for view, tab in zip(views.values(), tabs, strict=True):
        if tab.open:
            with tab:
                try:
                    view()
                except (ModelUnavailable, FileNotFoundError) as error:
                    st.error(str(error), icon=":material/cloud_off:")
