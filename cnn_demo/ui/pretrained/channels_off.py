"""Page 4, switch channels off: the prediction of any network without some channels of a layer."""

from typing import Any

from cnn_demo.images import Photo
from cnn_demo.lessons.leads import SWITCH_CHANNELS_OFF
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.pretrained.one_network import one_network
from cnn_demo.ui.widgets.channel_switches.settings import Keys
from cnn_demo.ui.widgets.channel_switches.view import channel_switches

KEYS = Keys("off")
DEFAULTS: dict[str, Any] = KEYS.defaults


@fragment
def channels_off_view(photo: Photo) -> None:
    """Let the visitor switch off channels of a layer, and show how the prediction follows.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details, model = one_network("channels_off", SWITCH_CHANNELS_OFF)
    channel_switches(photo, model, (panel, stage, details), KEYS)
