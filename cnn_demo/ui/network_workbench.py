"""Page 3's workbench: the bundled network from six sides, each in a tab; only the open one is computed."""

from collections.abc import Callable

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.network_confidence import confidence_view
from cnn_demo.ui.network_features import features_view
from cnn_demo.ui.network_fields import fields_view
from cnn_demo.ui.network_live import live_training_view
from cnn_demo.ui.network_playback import playback_view
from cnn_demo.ui.network_sharing import sharing_view
from cnn_demo.ui.network_walk import walk_view

# Tab to the view that fills it.
VIEWS: dict[str, Callable[..., None]] = {
    "Walk through": walk_view,
    "Receptive fields": fields_view,
    "Shared weights": sharing_view,
    "Features": features_view,
    "Training": playback_view,
    "Train one live": live_training_view,
    "Confidence": confidence_view,
}
WITHOUT_PHOTO = ("Training", "Train one live")


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open.

    A network that is not to be had costs the visitor that tab, in one sentence, and not the page.
    """
    tabs = st.tabs(list(VIEWS), key="view", bind="query-params", on_change="rerun")
    for (name, view), tab in zip(VIEWS.items(), tabs, strict=True):
        if tab.open:
            with tab:
                _fill(view, () if name in WITHOUT_PHOTO else (photo,))


def _fill(view: Callable[..., None], arguments: tuple) -> None:
    try:
        view(*arguments)
    except (ModelUnavailable, FileNotFoundError) as error:
        st.error(str(error), icon=":material/cloud_off:")
