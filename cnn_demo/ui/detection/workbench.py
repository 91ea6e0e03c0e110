"""Page 6's workbench: detections, explanations, NMS, the origins of boxes, tiles, comparison, scores and video."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cnn_demo.images import Photo
from cnn_demo.ui.detection import box_origins, compare, cover, explain, models, nms, score, state, tiles
from cnn_demo.ui.detection.box_origins import grid_view
from cnn_demo.ui.detection.compare import compare_view
from cnn_demo.ui.detection.cover import cover_view
from cnn_demo.ui.detection.detections import find_view
from cnn_demo.ui.detection.explain import explain_view
from cnn_demo.ui.detection.models import models_view
from cnn_demo.ui.detection.nms import nms_view
from cnn_demo.ui.detection.score import score_view
from cnn_demo.ui.detection.tiles import tiles_view
from cnn_demo.ui.detection.video import video_view
from cnn_demo.ui.page.tabs import fill_open_tab

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Detect": find_view,
    "Explain": explain_view,
    "Non-maximum suppression": nms_view,
    "Cells and proposals": grid_view,
    "Cover it": cover_view,
    "Tiles": tiles_view,
    "Compare": compare_view,
    "Evaluate": score_view,
    "Video": video_view,
    "Models": models_view,
}

# The default of every bound control, which *Try this* restores.
DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    **state.DEFAULTS,
    **explain.DEFAULTS,
    **nms.DEFAULTS,
    **box_origins.DEFAULTS,
    **cover.DEFAULTS,
    **tiles.DEFAULTS,
    **compare.DEFAULTS,
    **score.DEFAULTS,
    **models.DEFAULTS,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
