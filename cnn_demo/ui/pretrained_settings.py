"""The default of every bound control of page 4: what *Try this* takes the controls back to."""

from typing import Any

from cnn_demo.ui import pretrained_classify, pretrained_maps, pretrained_models, pretrained_why, teach_state
from cnn_demo.ui.pretrained_workbench import VIEWS

DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    pretrained_why.MODEL: None,  # for all views that look into one network; None: the preferred one that is here
    **pretrained_classify.DEFAULTS,
    **pretrained_why.DEFAULTS,
    **pretrained_maps.DEFAULTS,
    **teach_state.DEFAULTS,
    **pretrained_models.DEFAULTS,
}
