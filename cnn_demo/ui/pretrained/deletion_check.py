"""Page 4, explain: the deletion curve, a test of a map's faithfulness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import load_classifier
from cnn_demo.models.explanation.explain import METHODS
from cnn_demo.models.explanation.perturbation import DeletionCurve, deletion_curve, random_deletion_curve
from cnn_demo.results import percent
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import CHART_CONFIG, LEGEND_ABOVE, REFERENCE_LINE, chart_colours

if TYPE_CHECKING:
    from cnn_demo.ui.pretrained.explanation import Explanation, Question

CHECK = "why_check"
DEFAULTS: dict[str, Any] = {CHECK: True}
RANDOM = "Random order"
MARGIN = 0.01  # a smaller difference between two areas does not count
LITTLE = 0.05  # probability below which a deletion curve is hardly informative


@fragment
def check(photo: Photo, model_key: str, question: Question, maps: Mapping[str, Explanation]) -> None:
    """Show the deletion curves of the maps and of a random order, if the visitor has switched the check on.

    Args:
        photo: The visitor's photo.
        model_key: Key of a network whose weights are available locally.
        question: The explained class and layer.
        maps: Method to its map. An all-zero map gets no curve, as it does not rank the pixels.
    """
    if not st.toggle(
        "Deletion test: remove the most important pixels first",
        DEFAULTS[CHECK],
        key=CHECK,
        bind="query-params",
        help=(
            "The most important pixels are replaced first, by a heavily blurred copy of the photo. The random order is "
            "the mean over three random maps, as coarse as class activation maps."
        ),
    ):
        return
    _show(_curves(photo, model_key, question, maps), question.label)


def _curves(
    photo: Photo, model_key: str, question: Question, maps: Mapping[str, Explanation]
) -> dict[str, DeletionCurve]:
    container = st.empty()
    model = load_classifier(model_key)
    seen = model.prepare(photo.pixels)
    label = question.label_index
    name = ("deletion", photo.key, model_key, label)
    curves = {}
    for key, explanation in maps.items():
        if explanation.values.any():
            title = METHODS[key].title

            def measure(report: Callable[[float], None], values: np.ndarray = explanation.values) -> DeletionCurve:
                return deletion_curve(model, seen, label, values, progress=report)

            curves[title] = computed(
                [photo], (*name, question.layer_for(key), key), f"Checking {title}…", container, measure
            )
    curves[RANDOM] = computed(
        [photo],
        (*name, RANDOM),
        "Checking a random order…",
        container,
        lambda report: random_deletion_curve(model, seen, label, progress=report),
    )
    return curves


def _show(curves: Mapping[str, DeletionCurve], label: str) -> None:
    chart_container, table_container = two_cells()
    chart_container.plotly_chart(
        deletion_chart(curves),
        key="why_curves",
        config=CHART_CONFIG,
        alt=f"How the probability of {label} falls while pixels are removed, the most important ones first.",
    )
    rows = "\n".join(f"| {title} | {curve.area:.3f} |" for title, curve in curves.items())
    start = float(curves[RANDOM].probability[0])
    found = (
        f"The test is not informative here: {label} starts at {percent(start)}." if start < LITTLE else verdict(curves)
    )
    table_container.markdown(
        f"**For a faithful map the curve falls early**: the area under it is smaller than for a random order. {found}\n"
        f"\n| Order of removal | Area under the curve |\n|---|--:|\n{rows}"
    )


def verdict(curves: Mapping[str, DeletionCurve]) -> str:
    """Return in words which maps do better than a random order."""
    chance = curves[RANDOM].area
    better = [title for title, curve in curves.items() if curve.area < chance - MARGIN]
    others = [title for title in curves if title not in better and title != RANDOM]
    sentences = []
    if better:
        sentences.append(f"**{', '.join(better)}: better than random here.**")
    if others:
        sentences.append(f"**{', '.join(others)}: no better than random here.**")
    return " ".join(sentences)


def deletion_chart(curves: Mapping[str, DeletionCurve]) -> go.Figure:
    """Plot the named deletion curves; `RANDOM` is dashed grey."""
    figure = go.Figure()
    for title, curve in curves.items():
        figure.add_scatter(
            x=curve.removed,
            y=curve.probability,
            name=title,
            mode="lines",
            line=REFERENCE_LINE if title == RANDOM else {"width": 2.5},
            hovertemplate="%{y:.1%}",
        )
    highest = max(float(curve.probability.max()) for curve in curves.values())
    figure.update_layout(
        height=320,
        margin={"l": 0, "r": 24, "t": 8, "b": 0},
        hovermode="x unified",
        showlegend=True,
        legend=LEGEND_ABOVE,
        colorway=chart_colours(),
    )
    figure.update_xaxes(title="fraction of pixels removed", tickformat=".0%", dtick=0.2, range=[0, 1])
    figure.update_yaxes(title="probability of the class", tickformat=".2~%", range=[0, highest * 1.05 or 1])
    return figure
