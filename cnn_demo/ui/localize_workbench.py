"""Page 5's workbench: find it, draw the truth, play with boxes, do without a head, see it learn; only the open tab."""

from collections.abc import Callable

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.localize_boxes import boxes_view
from cnn_demo.ui.localize_find import find_view
from cnn_demo.ui.localize_learned import learned_view
from cnn_demo.ui.localize_truth import truth_view
from cnn_demo.ui.localize_without import without_view

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Find it": find_view,
    "Draw the truth": truth_view,
    "Two boxes": boxes_view,
    "Without a box head": without_view,
    "How it learned": learned_view,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open.

    A network that is not to be had costs the visitor that tab, in one sentence, and not the page.
    """
    tabs = st.tabs(list(VIEWS), key="task", bind="query-params", on_change="rerun")
    for view, tab in zip(VIEWS.values(), tabs, strict=True):
        if tab.open:
            with tab:
                try:
                    view(photo)
                except (ModelUnavailable, FileNotFoundError) as error:
                    st.error(str(error), icon=":material/cloud_off:")
