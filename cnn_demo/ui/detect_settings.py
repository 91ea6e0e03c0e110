"""The default of every bound control of page 6: what *Try this* takes the controls back to."""

from typing import Any

from cnn_demo.ui import detect_compare, detect_grid, detect_models, detect_nms, detect_score, detect_state
from cnn_demo.ui.detect_workbench import VIEWS

DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    **detect_state.DEFAULTS,
    **detect_nms.DEFAULTS,
    **detect_grid.DEFAULTS,
    **detect_compare.DEFAULTS,
    **detect_score.DEFAULTS,
    **detect_models.DEFAULTS,
}
