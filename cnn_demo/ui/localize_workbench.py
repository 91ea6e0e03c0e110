"""Page 5's workbench: find it, draw the truth, play with boxes, do without a head, see it learn; only the open tab."""

from collections.abc import Callable
from functools import partial

from cnn_demo.images import Photo
from cnn_demo.ui.localize_boxes import boxes_view
from cnn_demo.ui.localize_find import find_view
from cnn_demo.ui.localize_learned import learned_view
from cnn_demo.ui.localize_truth import truth_view
from cnn_demo.ui.localize_without import without_view
from cnn_demo.ui.open_tab import fill_open_tab

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Find it": find_view,
    "Draw the truth": truth_view,
    "Two boxes": boxes_view,
    "Without a box head": without_view,
    "How it learned": learned_view,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
