"""Table of all models of a page, and downloads of those not available locally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.models import ModelSpec
from cnn_demo.models.catalogue.specs import Metric
from cnn_demo.models.files.weights import local_weights
from cnn_demo.results import percent
from cnn_demo.ui.widgets import model_downloads

PLACES = {"bundled": "bundled", "weights folder": "on this machine", "cache": "on this machine"}

MEASURED_HERE = "training/evaluate.py"  # source of a bundled network's figure
OWN = "Figure of a bundled network"


def models_overview(
    specs: Sequence[ModelSpec], columns: Mapping[str, Sequence], config: Mapping[str, Any], *, key: str, alt: str
) -> None:
    """Show the networks, and offer those that are not here.

    Args:
        specs: The table's rows.
        columns: The page's own columns, as for `models_table`.
        config: Streamlit's configuration of these columns.
        key: Widget key of the table.
        alt: Text alternative for the table.
    """
    where = where_weights_are(specs)
    here = sum(place in PLACES.values() for place in where.values())
    st.markdown(
        f"**{here} of {len(specs)}** networks are on this machine and work without internet. Click a column's head to "
        "sort by it."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        models_table(specs, where, columns),
        key=key,
        hide_index=True,
        height=420,
        alt=alt,
        placeholder="",
        column_config={
            **config,
            "Megabytes": number(format="%.1f", help="Size of the weights file."),
            "Million parameters": number(format="%.1f", help="Number of trained weights."),
            "Image size": number(format="%d px", help="At which the figure was measured."),
            "Weights": st.column_config.TextColumn(help="Where the network's weights are."),
            "Paper": st.column_config.LinkColumn(display_text=r"https://(.+?)/?$", help="Where it is described."),
            OWN: st.column_config.TextColumn(
                help="Of bundled networks: measured by `training/evaluate.py` on photos that they were never trained "
                "on. These are other photos and other classes than those of published figures."
            ),
        },
    )
    model_downloads.offer([spec for spec in specs if where[spec.key] == "to download"])


def models_table(specs: Sequence[ModelSpec], where: Mapping[str, str], columns: Mapping[str, Sequence]) -> pd.DataFrame:
    """Make the table of networks, those on this machine first.

    Args:
        specs: Its rows, in any order.
        where: Location of the weights by model key.
        columns: Head to one value for each row; they stand behind the network's name.
    """
    frame = pd.DataFrame(
        {
            "Network": [spec.title for spec in specs],
            **columns,
            "Measured on": [metric.dataset if (metric := published_metric(spec)) else None for spec in specs],
            OWN: [own_figure(spec) for spec in specs],
            "How it works": [spec.architecture for spec in specs],
            "Megabytes": [spec.bytes / 1e6 for spec in specs],
            "Million parameters": [spec.parameters / 1e6 for spec in specs],
            "Image size": [spec.input_size[0] for spec in specs],
            "Weights": [where[spec.key] for spec in specs],
            "Licence": [spec.licence for spec in specs],
            "Paper": [spec.paper for spec in specs],
        }
    )
    elsewhere = [where[spec.key] not in PLACES.values() for spec in specs]
    return frame.iloc[np.argsort(elsewhere, kind="stable")].reset_index(drop=True)


def published_metric(spec: ModelSpec) -> Metric | None:
    """Return the figure that was measured on a public benchmark; None for those measured on photos of our own."""
    return None if spec.metric is None or spec.metric.source == MEASURED_HERE else spec.metric


def own_figure(spec: ModelSpec) -> str | None:
    """Return the figure of a bundled network with the photos that it was measured on; None for a published one."""
    if spec.metric is None or spec.metric.source != MEASURED_HERE:
        return None
    return f"{spec.metric.name} {percent(spec.metric.value)} on {spec.metric.dataset}"


def figures(specs: Sequence[ModelSpec], name: str) -> pd.Series:
    """Return a published figure of each network in percent, NaN if none of this name is published.

    Args:
        specs: The networks.
        name: Name of the metric, such as "mean IoU".
    """
    metrics = [published_metric(spec) for spec in specs]
    values = [100 * metric.value if metric is not None and metric.name == name else None for metric in metrics]
    return pd.Series(values, dtype=float)


def where_weights_are(specs: Sequence[ModelSpec]) -> dict[str, str]:
    """Where the weights of each model are, after one look at the disk."""
    places = {file.name: PLACES[file.place] for file in local_weights()}
    return {spec.key: places.get(spec.weights, "to download" if spec.url else "not to be had") for spec in specs}
