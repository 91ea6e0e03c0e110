"""Page 4's workbench: classify, ask why, look at feature maps, teach, choose models; only the open tab is computed."""

from collections.abc import Callable

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.pretrained_classify import classify_view
from cnn_demo.ui.pretrained_maps import maps_view
from cnn_demo.ui.pretrained_models import models_view
from cnn_demo.ui.pretrained_teach import teach_view
from cnn_demo.ui.pretrained_why import why_view

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Classify": classify_view,
    "Why": why_view,
    "Feature maps": maps_view,
    "Teach it": teach_view,
    "Models": models_view,
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
