"""Page 5's workbench: prediction, explanation, ground truth, box measures, no box head, training history."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cnn_demo.images import Photo
from cnn_demo.ui.localization import cover, explain, state, training_history, true_box, two_boxes, without_box_head
from cnn_demo.ui.localization.cover import cover_view
from cnn_demo.ui.localization.explain import explain_view
from cnn_demo.ui.localization.prediction import find_view
from cnn_demo.ui.localization.training_history import learned_view
from cnn_demo.ui.localization.true_box import truth_view
from cnn_demo.ui.localization.two_boxes import boxes_view
from cnn_demo.ui.localization.without_box_head import without_view
from cnn_demo.ui.page.tabs import fill_open_tab

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Localize": find_view,
    "Explain": explain_view,
    "Draw the ground truth": truth_view,
    "Cover it": cover_view,
    "Two boxes": boxes_view,
    "Without a box head": without_view,
    "Training": learned_view,
}

# The default of every bound control, which *Try this* restores.
DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    **state.DEFAULTS,
    **explain.DEFAULTS,
    **true_box.DEFAULTS,
    **cover.DEFAULTS,
    **two_boxes.DEFAULTS,
    **without_box_head.DEFAULTS,
    **training_history.DEFAULTS,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    state.link_truth(photo)
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
