"""Table of all models of a page, and downloads of those not available locally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.machine import describe_machine
from cnn_demo.models import ModelSpec, gpu_memory
from cnn_demo.models.catalogue.specs import Metric
from cnn_demo.models.files.weights import local_weights
from cnn_demo.results import percent
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets import model_downloads

SOURCES = {"bundled": "bundled", "weights folder": "on this machine", "cache": "on this machine"}

MEASURED_HERE = "training/evaluate.py"  # source of a bundled network's figure
OWN = "Metric of a bundled model"
GPU_WEIGHTS, GPU_PHOTO = "GPU megabytes", "GPU megabytes for a photo"
SIDEWAYS = "**Scroll the table sideways** for sizes, licences and papers."


def models_overview(
    specs: Sequence[ModelSpec], columns: Mapping[str, Sequence], config: Mapping[str, Any], *, key: str, alt: str
) -> None:
    """Show the table of models, and beside it downloads of those not available locally.

    Args:
        specs: The table's rows.
        columns: The page's own columns, as in `models_table`.
        config: Streamlit's configuration of these columns.
        key: Widget key of the table.
        alt: Text alternative for the table.
    """
    panel, stage, details = controls_picture_and_details(key)
    where = where_weights_are(specs)
    with panel:
        model_downloads.offer([spec for spec in specs if where[spec.key] == "to download"])
    here = sum(source in SOURCES.values() for source in where.values())
    details.markdown(
        f"**{here} of {len(specs)}** models are on this machine and work offline. Click a column header to sort by it. "
        f"{SIDEWAYS}"
    )
    number = st.column_config.NumberColumn
    stage.dataframe(
        models_table(specs, where, columns),
        key=key,
        hide_index=True,
        height=350,
        alt=alt,
        placeholder="",
        column_config={
            **config,
            **gpu_config(),
            "Model": st.column_config.TextColumn(pinned=True),
            "Megabytes": number(format="%.1f", help="Size of the weights file."),
            "Million parameters": number(format="%.1f", help="Number of parameters."),
            "Image size": number(format="%d px", help="Image size at which the metric was measured."),
            "Weights": st.column_config.TextColumn(help="Location of the weights."),
            "Paper": st.column_config.LinkColumn(display_text=r"https://(.+?)/?$", help="The paper that describes it."),
            OWN: st.column_config.TextColumn(
                width=400,  # pixels, for “mAP50-95 44.8% on 322 validation photos of Pascal VOC”
                help=(
                    "Metric of a bundled network, measured by `training/evaluate.py` on photos that it was never "
                    "trained on. The photos and the classes differ from those of published metrics."
                ),
            ),
        },
    )


def models_table(specs: Sequence[ModelSpec], where: Mapping[str, str], columns: Mapping[str, Sequence]) -> pd.DataFrame:
    """Make the table of networks, those on this machine first.

    Args:
        specs: Rows of the table, in any order.
        where: Location of the weights by model key.
        columns: Values of each additional column, one per row, by header; shown after the model's name.
    """
    frame = pd.DataFrame(
        {
            "Model": [spec.title for spec in specs],
            **columns,
            "Dataset": [metric.dataset if (metric := published_metric(spec)) else None for spec in specs],
            OWN: [own_figure(spec) for spec in specs],
            "Architecture": [spec.architecture for spec in specs],
            "Megabytes": [spec.bytes / 1e6 for spec in specs],
            "Million parameters": [spec.parameters / 1e6 for spec in specs],
            **gpu_columns(specs),
            "Image size": [spec.input_size[0] for spec in specs],
            "Weights": [where[spec.key] for spec in specs],
            "Licence": [spec.licence for spec in specs],
            "Paper": [spec.paper for spec in specs],
        }
    )
    elsewhere = [where[spec.key] not in SOURCES.values() for spec in specs]
    return frame.iloc[np.argsort(elsewhere, kind="stable")].reset_index(drop=True)


def gpu_columns(specs: Sequence[ModelSpec]) -> dict[str, pd.Series]:
    """Return the columns of the memory on an NVIDIA GPU, in megabytes; none on other machines.

    NaN stands for a network that is not loaded, since it is measured when it is loaded.
    """
    if describe_machine().device != "cuda":
        return {}
    memory = gpu_memory.taken()
    taken = [memory.get(spec.key) for spec in specs]
    return {
        GPU_WEIGHTS: pd.Series([each.weights / 1e6 if each else None for each in taken], dtype=float),
        GPU_PHOTO: pd.Series(
            [each.prediction / 1e6 if each and each.prediction is not None else None for each in taken], dtype=float
        ),
    }


def gpu_config() -> dict[str, Any]:
    """Return Streamlit's configuration of `gpu_columns`."""
    number = st.column_config.NumberColumn
    return {
        GPU_WEIGHTS: number(
            format="%.1f", help="Memory that its weights take on the GPU, measured. Empty: not loaded at the moment."
        ),
        GPU_PHOTO: number(
            format="%.1f",
            help="Memory that its first prediction took in addition, at most. Empty: not loaded, or it did not fit.",
        ),
    }


def published_metric(spec: ModelSpec) -> Metric | None:
    """Return the figure that was measured on a public benchmark; None for those measured on photos of our own."""
    return None if spec.metric is None or spec.metric.source == MEASURED_HERE else spec.metric


def own_figure(spec: ModelSpec) -> str | None:
    """Return the metric of a bundled network with the photos that it was measured on; None for a published one."""
    if spec.metric is None or spec.metric.source != MEASURED_HERE:
        return None
    return f"{spec.metric.name} {percent(spec.metric.value)} on {spec.metric.dataset}"


def figures(specs: Sequence[ModelSpec], name: str) -> pd.Series:
    """Return a published metric of each network in percent, NaN if none of this name is published.

    Args:
        specs: The networks.
        name: Name of the metric, such as "mean IoU".
    """
    metrics = [published_metric(spec) for spec in specs]
    values = [100 * metric.value if metric is not None and metric.name == name else None for metric in metrics]
    return pd.Series(values, dtype=float)


def where_weights_are(specs: Sequence[ModelSpec]) -> dict[str, str]:
    """Where the weights of each model are, after one look at the disk."""
    sources = {file.name: SOURCES[file.source] for file in local_weights()}
    return {spec.key: sources.get(spec.weights, "to download" if spec.url else "not available") for spec in specs}
