"""Page 4, switch channels off: the prediction of any network without some channels of a layer."""

from typing import Any

from cnn_demo.images import Photo
from cnn_demo.models import load_classifier
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.channel_switches.settings import Keys
from cnn_demo.ui.widgets.channel_switches.view import channel_switches
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model

MODEL = "model"
KEYS = Keys("off")
DEFAULTS: dict[str, Any] = KEYS.defaults


@fragment
def channels_off_view(photo: Photo) -> None:
    """Let the visitor switch off channels of a layer, and show how the prediction follows.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details = controls_picture_and_details("channels_off")
    with panel:
        spec = pick_model(MODEL, "Model")
    with stage:
        model = load_with_spinner(spec, load_classifier)
    channel_switches(photo, model, (panel, stage, details), KEYS)
