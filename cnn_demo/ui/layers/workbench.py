"""Page 2's workbench: three views, of which the open one is computed, in a fragment so that a slider reruns no more."""

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.ui.layers.invariance import forgiving_view
from cnn_demo.ui.layers.pooling import pooling_view
from cnn_demo.ui.layers.settings import DEFAULTS, VIEWS, values_in_force
from cnn_demo.ui.layers.stack import stack_view
from cnn_demo.ui.page.link import sync_query_param


@st.fragment
def workbench(photo: Photo) -> None:
    """Show the tabs, and what the open one is about.

    Controls take their value from the link when they are first drawn, some of them below what they change: where that
    changes a value, the page runs once more.

    Args:
        photo: The chosen photo.
    """
    sync_query_param("stack", DEFAULTS["stack"])
    state = values_in_force(st.session_state)
    shows = dict(zip(VIEWS, (stack_view, pooling_view, forgiving_view), strict=True))
    tabs = st.tabs(VIEWS, key="tab", bind="query-params", on_change="rerun")
    for (_, show), tab in zip(shows.items(), tabs, strict=True):
        if tab.open:
            with tab:
                show(photo)
    if values_in_force(st.session_state) != state:
        st.rerun()
