"""Page 6, models: every detector in one table, and those that are not here to fetch."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, list_models
from cnn_demo.ui import pretrained_download
from cnn_demo.ui.pretrained_models import PLACES, where_weights_are

DEFAULTS: dict[str, Any] = dict(pretrained_download.DEFAULTS)


def models_view(photo: Photo) -> None:
    """Show all detectors, and offer those that are not here."""
    specs = list_models("detection")
    where = where_weights_are(specs)
    here = sum(place in PLACES.values() for place in where.values())
    st.markdown(
        f"**{here} of {len(specs)}** networks are on this machine and work without internet. Click a column's head to "
        "sort by it."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        models_table(specs, where),
        key="detectors_table",
        hide_index=True,
        height=420,
        alt="All detectors with their mean average precision and size.",
        placeholder="",
        column_config={
            "mAP50-95": number(
                format="%.1f %%", help="Mean average precision on COCO, over IoU 0.5 to 0.95; as published."
            ),
            "Megabytes": number(format="%.1f", help="Size of the weights file."),
            "Million parameters": number(format="%.1f", help="How many numbers it has learned."),
            "Image size": number(format="%d px", help="At which the figure was measured."),
            "Weights": st.column_config.TextColumn(help="Where the network's weights are."),
            "Paper": st.column_config.LinkColumn(display_text=r"https://(.+?)/?$", help="Where it is described."),
        },
    )
    pretrained_download.offer([spec for spec in specs if where[spec.key] == "to download"])


def models_table(specs: Sequence[ModelSpec], where: dict[str, str]) -> pd.DataFrame:
    """Make the table of detectors; percentages, and none where nothing is published.

    Args:
        specs: Its rows.
        where: Model key to where its weights are.
    """
    return pd.DataFrame(
        {
            "Network": [spec.title for spec in specs],
            "mAP50-95": [100 * spec.metric.value if spec.metric else None for spec in specs],
            "How it works": [spec.architecture for spec in specs],
            "Megabytes": [spec.bytes / 1e6 for spec in specs],
            "Million parameters": [spec.parameters / 1e6 for spec in specs],
            "Image size": [spec.input_size[0] for spec in specs],
            "Weights": [where[spec.key] for spec in specs],
            "Licence": [spec.licence for spec in specs],
            "Paper": [spec.paper for spec in specs],
        }
    ).astype({"mAP50-95": float})
