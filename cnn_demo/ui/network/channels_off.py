"""Page 3, switch channels off: the prediction of the bundled network without some channels of a layer."""

from typing import Any

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.lessons.leads import SWITCH_CHANNELS_OFF
from cnn_demo.models import load_classifier
from cnn_demo.ui.network.walk.stages import layer_label
from cnn_demo.ui.network.walk.state import MODEL
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.channel_switches.settings import Keys
from cnn_demo.ui.widgets.channel_switches.view import channel_switches

KEYS = Keys("channels_off")
DEFAULTS: dict[str, Any] = KEYS.defaults


@fragment
def channels_off_view(photo: Photo) -> None:
    """Let the visitor switch off channels of a layer, and show how the prediction follows.

    Args:
        photo: The visitor's photo, of any size.

    Raises:
        ModelUnavailable: If the network's weights are not available locally.
    """
    with st.spinner("Loading the network…"):
        model = load_classifier(MODEL)
    containers = controls_picture_and_details("channels_off", SWITCH_CHANNELS_OFF)
    channel_switches(photo, model, containers, KEYS, layer_label)
