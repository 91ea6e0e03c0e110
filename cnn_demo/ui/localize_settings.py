"""The default of every bound control of page 5: what *Try this* takes the controls back to."""

from typing import Any

from cnn_demo.ui import localize_boxes, localize_learned, localize_state, localize_truth, localize_without
from cnn_demo.ui.localize_workbench import VIEWS

DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    **localize_state.DEFAULTS,
    **localize_truth.DEFAULTS,
    **localize_boxes.DEFAULTS,
    **localize_without.DEFAULTS,
    **localize_learned.DEFAULTS,
}
