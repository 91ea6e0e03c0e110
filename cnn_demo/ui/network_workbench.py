"""Page 3's workbench: the bundled network from six sides, each in a tab; only the open one is computed."""

from collections.abc import Callable
from functools import partial

from cnn_demo.images import Photo
from cnn_demo.ui.network_confidence import confidence_view
from cnn_demo.ui.network_features import features_view
from cnn_demo.ui.network_fields import fields_view
from cnn_demo.ui.network_live import live_training_view
from cnn_demo.ui.network_playback import playback_view
from cnn_demo.ui.network_sharing import sharing_view
from cnn_demo.ui.network_walk import walk_view
from cnn_demo.ui.open_tab import fill_open_tab

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
    """Show the tabs, and fill the one that is open."""
    views = {name: view if name in WITHOUT_PHOTO else partial(view, photo) for name, view in VIEWS.items()}
    fill_open_tab("view", views)
