"""Page 4, models: table and plot of all classifiers, with prediction times on this machine."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, ModelUnavailable, find, list_models, load_classifier
from cnn_demo.models.catalogue.specs import Metric
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.model_times import keep_time, median_milliseconds
from cnn_demo.ui.widgets import model_downloads
from cnn_demo.ui.widgets.charts import CHART_CONFIG, GREY, LEGEND_ABOVE, chart_colours
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.model_table import SIDEWAYS, SOURCES, gpu_columns, gpu_config, where_weights_are

AXIS = "models_axis"
AXES = {"megabytes": "Megabytes", "milliseconds": "Milliseconds here"}
DEFAULTS: dict[str, Any] = {AXIS: "megabytes", **model_downloads.DEFAULTS}
OWN = "cifar10_cnn"  # trained on other data: its accuracy is not comparable
RUNS = 5  # timed predictions for each network


def models_view(photo: Photo) -> None:
    """Show all classifiers, offer to time them on the photo, and offer downloads of missing weights."""
    specs = list_models("classification")
    where = where_weights_are(specs)
    here = [spec for spec in specs if where[spec.key] in SOURCES.values()]
    panel, stage, details = controls_picture_and_details("models")
    with panel:
        st.markdown(f"**{len(here)} of {len(specs)}** models are on this machine and work offline.")
        _measure_button(photo, here)
        st.caption(f"Click a column header to sort by it. {SIDEWAYS}")
    frame = models_table(specs, where, median_milliseconds())  # after the timing
    with stage:
        _show_table(frame)
    with details:
        _own_figure(find(OWN))
    _show_plot(frame[frame["key"] != OWN])
    model_downloads.offer([spec for spec in specs if where[spec.key] == "to download"])


def models_table(specs: Sequence[ModelSpec], where: dict[str, str], times: dict[str, float]) -> pd.DataFrame:
    """Return the table of models.

    Args:
        specs: Specs of the models, one for each row.
        where: Model key to the location of its weights.
        times: Model key to the milliseconds measured on this machine, for models that have run.

    Returns:
        One row for each model, with its key; accuracies in percent, None if not comparable.
    """
    return pd.DataFrame(
        {
            "key": [spec.key for spec in specs],
            "Model": [spec.title for spec in specs],
            "Top-1": [None if spec.key == OWN or spec.metric is None else 100 * spec.metric.value for spec in specs],
            "Top-5": [100 * spec.further[0].value if spec.further else None for spec in specs],
            "Megabytes": [spec.bytes / 1e6 for spec in specs],
            "Million parameters": [spec.parameters / 1e6 for spec in specs],
            "Image size": [spec.input_size[0] for spec in specs],
            "Milliseconds here": [times.get(spec.key) for spec in specs],
            **gpu_columns(specs),
            "Weights": [where[spec.key] for spec in specs],
            "Paper": [spec.paper for spec in specs],
        }
    ).astype({"Top-1": float, "Top-5": float, "Milliseconds here": float})


def _show_table(frame: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        frame.drop(columns="key"),
        key="models_table",
        hide_index=True,
        height=360,
        alt="All classifiers with their accuracy, size and speed.",
        placeholder="",
        column_config={
            **gpu_config(),
            "Model": st.column_config.TextColumn(pinned=True),
            "Top-1": number(
                format="%.1f%%",
                help="Published top-1 accuracy on ImageNet: how often the most probable class is correct.",
            ),
            "Top-5": number(
                format="%.1f%%",
                help=(
                    "Published top-5 accuracy on ImageNet: how often the correct class is among the five most probable "
                    "ones."
                ),
            ),
            "Megabytes": number(format="%.1f", help="Size of the weights file."),
            "Million parameters": number(format="%.1f", help="Number of parameters."),
            "Image size": number(format="%d px", help="Side of the square input."),
            "Milliseconds here": number(
                format="%.1f",
                help="Median for one photo, on this machine since the app was started. Empty: not yet run.",
            ),
            "Weights": st.column_config.TextColumn(help="Location of the weights."),
            "Paper": st.column_config.LinkColumn(
                display_text=r"abs/(.+)$", help="The paper that describes it, on arXiv."
            ),
        },
    )


def _own_figure(spec: ModelSpec) -> None:
    keras, timm, own = _metric("vgg16"), _metric("efficientnet_lite0"), _metric(spec.key)
    st.caption(
        f"Accuracies are published ones, on {keras.dataset}: [Keras's]({keras.source}), "
        f"and for EfficientNet-Lite [timm's]({timm.source}). The bundled {spec.title} has "
        f"its {own.value:.1%}"
        + (
            " on other data, pictures of 32 × 32 pixels in ten classes, which cannot be compared: those columns are "
            "empty, and the plot omits it."
        )
    )


def _metric(key: str) -> Metric:
    metric = find(key).metric
    if metric is None:
        raise ValueError(f"The row of {key!r} has no accuracy.")
    return metric


def _measure_button(photo: Photo, here: Sequence[ModelSpec]) -> None:
    """Time all locally available networks on the visitor's photo."""
    if not st.button(
        "Time the model on this machine" if len(here) == 1 else f"Time the {len(here)} models on this machine",
        key="models_measure",
        icon=":material/timer:",
        disabled=not here,
        help=f"Each model is loaded and classifies your photo {RUNS} times.",
    ):
        return
    bar = st.progress(0.0)
    failed = []
    for number, spec in enumerate(here):
        bar.progress(number / len(here), f"Timing {spec.title}…")
        try:
            model = load_classifier(spec.key)
        except ModelUnavailable as error:
            failed.append(str(error))
            continue
        for _ in range(RUNS):
            keep_time(spec.key, model.predict(photo.pixels))
    bar.empty()
    for sentence in failed:
        st.error(plain(sentence), icon=":material/cloud_off:")


def _show_plot(frame: pd.DataFrame) -> None:
    axis = choose("Accuracy against", AXES, key=AXIS, default=DEFAULTS[AXIS])
    column = AXES[axis]
    shown = frame.dropna(subset=["Top-1", column])
    if shown.empty:
        st.info(
            "No ImageNet model has run here yet: classify a photo with one, or time those on this machine.",
            icon=":material/timer:",
        )
        return
    st.plotly_chart(
        _chart(shown, column),
        key="models_chart",
        config=CHART_CONFIG,
        alt=f"Top-1 accuracy on ImageNet against {column.lower()}, one dot for each network.",
    )
    st.caption(
        "Models further up and to the left are better: more accurate at lower cost. The horizontal axis is logarithmic."
    )


def _chart(frame: pd.DataFrame, column: str) -> go.Figure:
    figure = go.Figure()
    is_here = frame["Weights"].isin(list(SOURCES.values()))
    for rows, name, mode, marker in (
        (frame[is_here], "on this machine", "markers+text", {"color": chart_colours().blue, "size": 11}),
        (
            frame[~is_here],
            "to download",
            "markers",
            {"color": GREY, "size": 9, "symbol": "circle-open", "line": {"width": 2}},
        ),
    ):
        if rows.empty:
            continue
        rows = rows.sort_values(column)
        figure.add_scatter(
            x=rows[column],
            y=rows["Top-1"],
            text=rows["Model"],
            name=name,
            mode=mode,
            textposition=[("middle left", "middle right")[index % 2] for index in range(len(rows))],  # many are close
            cliponaxis=False,
            marker=marker,
            hovertemplate=f"<b>%{{text}}</b><br>%{{y:.1f}}% top-1, %{{x:.1f}} {column.split()[0].lower()}"
            "<extra></extra>",
        )
    figure.update_layout(
        height=380,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
    titles = {"Megabytes": "megabytes of weights", "Milliseconds here": "milliseconds for one photo on this machine"}
    figure.update_xaxes(title=titles[column], type="log", tickvals=[10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
    figure.update_yaxes(title="top-1 accuracy on ImageNet", ticksuffix="%")
    return figure
