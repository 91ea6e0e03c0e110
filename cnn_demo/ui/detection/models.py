"""Page 6, models: a table of all detectors, and downloads of those not available locally."""

from typing import Any

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import list_models
from cnn_demo.ui.widgets import model_downloads
from cnn_demo.ui.widgets.model_table import figures, models_overview

DEFAULTS: dict[str, Any] = dict(model_downloads.DEFAULTS)


def models_view(photo: Photo) -> None:
    """Show all detectors, and offer those that are not here."""
    specs = list_models("detection")
    name = "mAP50-95"
    helped = "Mean average precision over IoU 0.5 to 0.95, on COCO, as published."
    models_overview(
        specs,
        {name: figures(specs, name)},
        {name: st.column_config.NumberColumn(format="%.1f%%", help=helped)},
        key="detectors_table",
        alt="All detectors with their mean average precision and size.",
    )
