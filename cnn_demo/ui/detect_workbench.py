"""Page 6's workbench: find them all, see what NMS throws away and where boxes come from, compare, score; a film."""

from collections.abc import Callable
from functools import partial

from cnn_demo.images import Photo
from cnn_demo.ui.detect_compare import compare_view
from cnn_demo.ui.detect_find import find_view
from cnn_demo.ui.detect_grid import grid_view
from cnn_demo.ui.detect_models import models_view
from cnn_demo.ui.detect_nms import nms_view
from cnn_demo.ui.detect_score import score_view
from cnn_demo.ui.detect_video import video_view
from cnn_demo.ui.open_tab import fill_open_tab

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Find them": find_view,
    "What NMS throws away": nms_view,
    "Where boxes come from": grid_view,
    "Side by side": compare_view,
    "Score it": score_view,
    "Film": video_view,
    "Models": models_view,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
