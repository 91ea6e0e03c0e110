"""Page 4's workbench: classify, ask why, look at feature maps, teach, choose models; only the open tab is computed."""

from collections.abc import Callable
from functools import partial

from cnn_demo.images import Photo
from cnn_demo.ui.open_tab import fill_open_tab
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
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
