"""The default of every bound control of page 7: what *Try this* takes the controls back to."""

from typing import Any

from cnn_demo.ui import (
    segment_architectures,
    segment_inside,
    segment_models,
    segment_objects,
    segment_paint,
    segment_pixels,
    segment_state,
    segment_sure,
    segment_upsampling,
)
from cnn_demo.ui.segment_workbench import VIEWS

DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    **segment_state.DEFAULTS,
    **segment_pixels.DEFAULTS,
    **segment_sure.DEFAULTS,
    **segment_objects.DEFAULTS,
    **segment_inside.DEFAULTS,
    **segment_upsampling.DEFAULTS,
    **segment_paint.DEFAULTS,
    **segment_architectures.DEFAULTS,
    **segment_models.DEFAULTS,
}
