"""Workbench of page 2: four tabs in a fragment; only the open tab is computed."""

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.ui.layers.invariance import forgiving_view
from cnn_demo.ui.layers.pooling import pooling_view
from cnn_demo.ui.layers.settings import DEFAULTS, VIEWS, read_stack, values_in_force
from cnn_demo.ui.layers.stack import stack_view
from cnn_demo.ui.layers.step_through import step_through_view
from cnn_demo.ui.page.barrier import errors_shown
from cnn_demo.ui.page.fragments import end_run, fragment
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.page.session import SESSION


@fragment
def workbench(photo: Photo) -> None:
    """Show the tabs and the view of the open one.

    Controls take their value from the link when they are first drawn, some of them after the view that depends on
    them: if that changes a value, the page reruns.

    Args:
        photo: The chosen photo.
    """
    sync_query_param("stack", DEFAULTS["stack"], lambda text: not read_stack({"stack": text})[1])
    state = values_in_force(SESSION)
    shows = dict(zip(VIEWS, (stack_view, pooling_view, step_through_view, forgiving_view), strict=True))
    tabs = st.tabs(VIEWS, key="tab", bind="query-params", on_change="rerun")
    for (_, show), tab in zip(shows.items(), tabs, strict=True):
        if tab.open:
            with tab, errors_shown():
                show(photo)
    if values_in_force(SESSION) != state:
        st.rerun()
    end_run()
