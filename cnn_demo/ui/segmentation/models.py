"""Page 7, models: a table of all segmentation networks, and downloads of those not available locally."""

from typing import Any

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import list_models
from cnn_demo.models.catalogue.segmentation_models import MASK_METRIC
from cnn_demo.models.catalogue.specs import Task
from cnn_demo.ui.widgets import model_downloads
from cnn_demo.ui.widgets.model_table import figures, models_overview

DEFAULTS: dict[str, Any] = dict(model_downloads.DEFAULTS)
ANSWERS: dict[Task, str] = {
    "semantic-segmentation": "a class for every pixel",
    "instance-segmentation": "a mask for every object",
}
SEMANTIC_METRIC = "mean IoU"


def models_view(photo: Photo) -> None:
    """Show all segmenters of both kinds, and offer those that are not here."""
    specs = [spec for task in ANSWERS for spec in list_models(task)]
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    models_overview(
        specs,
        {
            "Prediction": [ANSWERS[spec.task] for spec in specs],
            "Classes": [len(spec.labels) for spec in specs],
            "Mean IoU": figures(specs, SEMANTIC_METRIC),
            "Mask mAP50-95": figures(specs, MASK_METRIC),
        },
        {
            "Prediction": text(help="Semantic segmentation labels pixels; instance segmentation finds objects."),
            "Mean IoU": number(
                format="%.1f%%",
                help="Intersection of prediction and ground truth divided by their union, averaged over the classes. "
                "Figures can be compared only if they were measured on the same photos.",
            ),
            "Mask mAP50-95": number(
                format="%.1f%%", help="Mean average precision of the masks on COCO, over IoU 0.5 to 0.95."
            ),
            "Dataset": text(help="150 classes are a harder task than 20."),
        },
        key="segmenters_table",
        alt="All networks for segmentation with their figures and sizes.",
    )
