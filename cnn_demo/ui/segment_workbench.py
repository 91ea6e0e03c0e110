"""Page 7's workbench: a class for every pixel, how sure it is, instances, inside a U-Net, upsampling, painting."""

from collections.abc import Callable
from functools import partial

from cnn_demo.images import Photo
from cnn_demo.ui.open_tab import fill_open_tab
from cnn_demo.ui.segment_architectures import architectures_view
from cnn_demo.ui.segment_inside import inside_view
from cnn_demo.ui.segment_models import models_view
from cnn_demo.ui.segment_objects import objects_view
from cnn_demo.ui.segment_paint import paint_view
from cnn_demo.ui.segment_pixels import pixels_view
from cnn_demo.ui.segment_sure import sure_view
from cnn_demo.ui.segment_upsampling import upsampling_view

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Every pixel": pixels_view,
    "How sure": sure_view,
    "Semantic or instance": objects_view,
    "Inside a U-Net": inside_view,
    "Upsampling": upsampling_view,
    "Paint it yourself": paint_view,
    "Architectures": architectures_view,
    "Models": models_view,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
