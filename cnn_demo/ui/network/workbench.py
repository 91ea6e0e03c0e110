"""Workbench of page 3: eight tabs on the bundled network; only the open tab is computed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cnn_demo.images import Photo
from cnn_demo.ui.network import (
    calibration,
    channel_patches,
    channels_off,
    live_training,
    training_playback,
    weight_sharing,
)
from cnn_demo.ui.network.calibration import confidence_view
from cnn_demo.ui.network.channel_patches import features_view
from cnn_demo.ui.network.channels_off import channels_off_view
from cnn_demo.ui.network.fields import stack_view
from cnn_demo.ui.network.fields.stack_view import fields_view
from cnn_demo.ui.network.live_training import live_training_view
from cnn_demo.ui.network.training_playback import playback_view
from cnn_demo.ui.network.walk import state
from cnn_demo.ui.network.walk.view import walk_view
from cnn_demo.ui.network.weight_sharing import sharing_view
from cnn_demo.ui.page.tabs import fill_open_tab

# Tab to the view that fills it.
VIEWS: dict[str, Callable[..., None]] = {
    "Activations": walk_view,
    "Switch channels off": channels_off_view,
    "Receptive fields": fields_view,
    "Weight sharing": sharing_view,
    "Features": features_view,
    "Training": playback_view,
    "Train your own": live_training_view,
    "Confidence": confidence_view,
}
WITHOUT_PHOTO = ("Training", "Train your own")

# The default of every bound control: the values to which *Try this* resets the controls.
DEFAULTS: dict[str, Any] = {
    "view": next(iter(VIEWS)),
    **state.DEFAULTS,
    **channels_off.DEFAULTS,
    **stack_view.DEFAULTS,
    **weight_sharing.DEFAULTS,
    **channel_patches.DEFAULTS,
    **training_playback.DEFAULTS,
    **live_training.DEFAULTS,
    **calibration.DEFAULTS,
}


def workbench(photo: Photo) -> None:
    """Show the tabs and the view of the open one."""
    views = {name: view if name in WITHOUT_PHOTO else partial(view, photo) for name, view in VIEWS.items()}
    fill_open_tab("view", views)
