"""The default of every bound control of page 3: what *Try this* takes the controls back to."""

from typing import Any

from cnn_demo.ui import (
    network_confidence,
    network_features,
    network_fields,
    network_live,
    network_playback,
    network_sharing,
    network_walk_state,
)
from cnn_demo.ui.network_workbench import VIEWS

DEFAULTS: dict[str, Any] = {
    "view": next(iter(VIEWS)),
    **network_walk_state.DEFAULTS,
    **network_fields.DEFAULTS,
    **network_sharing.DEFAULTS,
    **network_features.DEFAULTS,
    **network_playback.DEFAULTS,
    **network_live.DEFAULTS,
    **network_confidence.DEFAULTS,
}
