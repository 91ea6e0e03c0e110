"""Page 3's workbench: the bundled network from six sides, each in a tab; only the open one is computed."""

from collections.abc import Callable
from importlib import import_module

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import ModelUnavailable

# Tab to the view in cnn_demo/ui that fills it.
VIEWS = {
    "Walk through": "network_walk:walk_view",
    "Receptive fields": "network_fields:fields_view",
    "Shared weights": "network_sharing:sharing_view",
    "Features": "network_features:features_view",
    "Training": "network_playback:playback_view",
    "Train one live": "network_live:live_training_view",
    "Confidence": "network_confidence:confidence_view",
}
WITHOUT_PHOTO = ("Training", "Train one live")


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open.

    A network that is not to be had costs the visitor that tab, in one sentence, and not the page.
    """
    tabs = st.tabs(list(VIEWS), key="view", bind="query-params", on_change="rerun")
    for name, tab in zip(VIEWS, tabs, strict=True):
        if tab.open:
            with tab:
                _fill(name, photo)


def _fill(name: str, photo: Photo) -> None:
    view = _view(name)
    try:
        if name in WITHOUT_PHOTO:
            view()
        else:
            view(photo)
    except (ModelUnavailable, FileNotFoundError) as error:
        st.error(str(error), icon=":material/cloud_off:")


def _view(name: str) -> Callable[..., None]:
    """Import a view when its tab is first opened, so that no tab waits for what another one needs."""
    module, _, function = VIEWS[name].partition(":")
    return getattr(import_module(f"cnn_demo.ui.{module}"), function)
