"""Page 7's workbench: classes, confidence, instances, U-Net internals, upsampling and painted masks."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cnn_demo.images import Photo
from cnn_demo.ui.page.tabs import fill_open_tab
from cnn_demo.ui.segmentation import (
    architectures,
    confidence,
    every_pixel,
    explain,
    models,
    paint_masks,
    semantic_or_instance,
    state,
    unet_internals,
    upsampling,
)
from cnn_demo.ui.segmentation.architectures import architectures_view
from cnn_demo.ui.segmentation.confidence import confidence_view
from cnn_demo.ui.segmentation.every_pixel import pixels_view
from cnn_demo.ui.segmentation.explain import explain_view
from cnn_demo.ui.segmentation.models import models_view
from cnn_demo.ui.segmentation.paint_masks import paint_view
from cnn_demo.ui.segmentation.semantic_or_instance import objects_view
from cnn_demo.ui.segmentation.unet_internals import inside_view
from cnn_demo.ui.segmentation.upsampling import upsampling_view

# Tab to the view that fills it.
VIEWS: dict[str, Callable[[Photo], None]] = {
    "Segment": pixels_view,
    "Confidence": confidence_view,
    "Explain": explain_view,
    "Semantic or instance": objects_view,
    "Inside a U-Net": inside_view,
    "Upsampling": upsampling_view,
    "Paint the ground truth": paint_view,
    "Architectures": architectures_view,
    "Models": models_view,
}

# The default of every bound control, which *Try this* restores.
DEFAULTS: dict[str, Any] = {
    "task": next(iter(VIEWS)),
    **state.DEFAULTS,
    **every_pixel.DEFAULTS,
    **confidence.DEFAULTS,
    **explain.DEFAULTS,
    **semantic_or_instance.DEFAULTS,
    **unet_internals.DEFAULTS,
    **upsampling.DEFAULTS,
    **paint_masks.DEFAULTS,
    **architectures.DEFAULTS,
    **models.DEFAULTS,
}


def workbench(photo: Photo) -> None:
    """Show the tabs, and fill the one that is open."""
    fill_open_tab("task", {name: partial(view, photo) for name, view in VIEWS.items()})
