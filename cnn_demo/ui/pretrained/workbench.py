"""Page 4's workbench: one tab for each view of a network; only the open tab is computed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cnn_demo.images import Photo
from cnn_demo.ui.page.tabs import fill_open_tab
from cnn_demo.ui.pretrained import channels_off, classify, cover, explanations, feature_maps, models, one_network, parts
from cnn_demo.ui.pretrained.channels_off import channels_off_view
from cnn_demo.ui.pretrained.classify import classify_view
from cnn_demo.ui.pretrained.contrast import question
from cnn_demo.ui.pretrained.contrast.view import contrast_view
from cnn_demo.ui.pretrained.cover import cover_view
from cnn_demo.ui.pretrained.explanations import why_view
from cnn_demo.ui.pretrained.feature_maps import maps_view
from cnn_demo.ui.pretrained.fool import settings
from cnn_demo.ui.pretrained.fool.view import fool_view
from cnn_demo.ui.pretrained.models import models_view
from cnn_demo.ui.pretrained.parts import parts_view
from cnn_demo.ui.pretrained.transfer import state
from cnn_demo.ui.pretrained.transfer.view import teach_view

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Classify": classify_view,
    "Explain": why_view,
    "Compare classes": contrast_view,
    "Cover it": cover_view,
    "Fool it": fool_view,
    "Feature maps": maps_view,
    "Parts": parts_view,
    "Switch channels off": channels_off_view,
    "Transfer learning": teach_view,
    "Models": models_view,
}

# The default of every bound control; *Try this* resets the controls to these.
DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    one_network.MODEL: None,  # shared by all views of one network; None: the preferred one available locally
    **classify.DEFAULTS,
    **explanations.DEFAULTS,
    **question.DEFAULTS,
    **cover.DEFAULTS,
    **feature_maps.DEFAULTS,
    **channels_off.DEFAULTS,
    **settings.DEFAULTS,
    **parts.DEFAULTS,
    **state.DEFAULTS,
    **models.DEFAULTS,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
