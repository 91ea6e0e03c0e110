"""Page 4, explain: deletion and insertion curves, two tests of a map's faithfulness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.exports.evidence import evidence_zip
from cnn_demo.images import Photo
from cnn_demo.models import load_classifier
from cnn_demo.models.explanation.curves import (
    Curve,
    deletion_curve,
    insertion_curve,
    random_deletion_curve,
    random_insertion_curve,
)
from cnn_demo.models.explanation.explain import METHODS
from cnn_demo.results import percent
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import CHART_CONFIG
from cnn_demo.ui.widgets.curve_charts import LITTLE, MARGIN, RANDOM, curve_chart
from cnn_demo.ui.widgets.file_buttons import file_buttons, stem_of

if TYPE_CHECKING:
    from cnn_demo.ui.pretrained.explanation import Explanation, Question

CHECK = "why_check"
DEFAULTS: dict[str, Any] = {CHECK: True}
VERDICTS = {  # whether a map is better than a random order, by deletion and by insertion
    (True, True): "better than random here, in both tests",
    (True, False): "better than random here by deletion, not by insertion",
    (False, True): "better than random here by insertion, not by deletion",
    (False, False): "no better than random here",
}
Report = Callable[[float], None]


@fragment
def check(photo: Photo, model_key: str, question: Question, maps: Mapping[str, Explanation]) -> None:
    """Show the curves of the maps and of a random order, if the visitor has switched the check on; offer the evidence.

    Args:
        photo: The visitor's photo.
        model_key: Key of a network whose weights are available locally.
        question: The explained class and layer.
        maps: Method to its map. An all-zero map gets no curve, as it does not rank the pixels.
    """
    curves: dict[str, Curves] = {}
    if st.toggle(
        "Deletion and insertion test: remove or insert the most important pixels first",
        DEFAULTS[CHECK],
        key=CHECK,
        bind="query-params",
        help=(
            "Deletion replaces the most important pixels first by those of a heavily blurred copy of the photo; "
            "insertion begins with that copy. The random order is the mean over three random maps, as coarse as class "
            "activation maps."
        ),
    ):
        curves = _curves(photo, model_key, question, maps)
        _show(curves, question.label)
    _download(photo, model_key, question, maps, curves)


def _download(
    photo: Photo,
    model_key: str,
    question: Question,
    maps: Mapping[str, Explanation],
    curves: Mapping[str, Curves],
) -> None:
    def make() -> bytes:
        model = load_classifier(model_key)
        probability = model.predict(photo.pixels).probabilities[question.label_index]
        figures = {
            "probability": probability,
            "milliseconds": {METHODS[key].title: round(each.milliseconds, 1) for key, each in maps.items()},
            "curves": {
                title: {
                    "deletion_area": round(each.deletion.area, 4),
                    "insertion_area": round(each.insertion.area, 4),
                    "fractions": each.deletion.fraction,
                    "deletion": each.deletion.score,
                    "insertion": each.insertion.score,
                }
                for title, each in curves.items()
            },
        }
        arrays = {METHODS[key].title: each.values for key, each in maps.items()}
        settings = {"class": question.label, "layer": question.layer, "methods": list(arrays)}
        return evidence_zip(photo, model.spec, {"input": model.prepare(photo.pixels)}, arrays, settings, figures)

    name = f"{stem_of(photo)}_explained.zip"
    help_text = "A zip: photo, maps as pictures and arrays, all figures and settings as JSON, and versions."
    file_buttons("why", {"Evidence": (make, name, "application/zip")}, {"Evidence": help_text})


@dataclass(frozen=True, eq=False)
class Curves:
    """The two curves of one order of pixels.

    Attributes:
        deletion: Probability while the most important pixels are removed.
        insertion: Probability while the most important pixels are inserted into a blurred photo.
    """

    deletion: Curve
    insertion: Curve


def _curves(photo: Photo, model_key: str, question: Question, maps: Mapping[str, Explanation]) -> dict[str, Curves]:
    container = st.empty()
    model = load_classifier(model_key)
    seen = model.prepare(photo.pixels)
    label = question.label_index
    name = ("curves", photo.key, model_key, label)
    curves = {}
    for key, explanation in maps.items():
        if explanation.values.any():
            title = METHODS[key].title

            def measure(report: Report, values: np.ndarray = explanation.values) -> Curves:
                return Curves(
                    deletion_curve(model, seen, label, values, progress=lambda done: report(done / 2)),
                    insertion_curve(model, seen, label, values, progress=lambda done: report((1 + done) / 2)),
                )

            curves[title] = computed(
                [photo], (*name, question.layer_for(key), key), f"Checking {title}…", container, measure
            )

    def measure_random(report: Report) -> Curves:
        return Curves(
            random_deletion_curve(model, seen, label, progress=lambda done: report(done / 2)),
            random_insertion_curve(model, seen, label, progress=lambda done: report((1 + done) / 2)),
        )

    curves[RANDOM] = computed([photo], (*name, RANDOM), "Checking a random order…", container, measure_random)
    return curves


def _show(curves: Mapping[str, Curves], label: str) -> None:
    removal, inserting = two_cells()
    removal.markdown("**Deletion**: for a faithful map the curve falls early.")
    removal.plotly_chart(
        curves_chart({title: each.deletion for title, each in curves.items()}),
        key="why_curves",
        config=CHART_CONFIG,
        alt=f"How the probability of {label} falls while pixels are removed, the most important ones first.",
    )
    inserting.markdown("**Insertion**: for a faithful map the curve rises early.")
    inserting.plotly_chart(
        curves_chart(
            {title: each.insertion for title, each in curves.items()},
            "fraction of pixels inserted",
        ),
        key="why_insertion",
        config=CHART_CONFIG,
        alt=f"How the probability of {label} rises while pixels are inserted, the most important ones first.",
    )
    rows = "\n".join(
        f"| {title} | {each.deletion.area:.3f} | {each.insertion.area:.3f} |" for title, each in curves.items()
    )
    start = float(curves[RANDOM].deletion.score[0])
    found = (
        f"The tests are not informative here: {label} starts at {percent(start)}."
        if start < LITTLE
        else verdict(curves)
    )
    st.markdown(
        f"{found}\n\n| Area under the curve | Deletion (lower is better) | Insertion (higher is better) |\n"
        f"|---|--:|--:|\n{rows}"
    )


def verdict(curves: Mapping[str, Curves]) -> str:
    """Return in words which maps do better than a random order, in both tests, in one, or in none."""
    chance = curves[RANDOM]
    kinds: dict[str, list[str]] = {}
    for title, each in curves.items():
        if title == RANDOM:
            continue
        removal = each.deletion.area < chance.deletion.area - MARGIN
        inserting = each.insertion.area > chance.insertion.area + MARGIN
        kinds.setdefault(VERDICTS[removal, inserting], []).append(title)
    return " ".join(f"**{', '.join(kinds[words])}: {words}.**" for words in VERDICTS.values() if words in kinds)


def curves_chart(curves: Mapping[str, Curve], axis: str = "fraction of pixels removed") -> go.Figure:
    """Plot named curves of class probabilities; `RANDOM` is dashed grey."""
    figure = curve_chart(curves, axis, "probability of the class", height=300)
    highest = max(float(curve.score.max()) for curve in curves.values())
    figure.update_xaxes(dtick=0.2)
    figure.update_yaxes(tickformat=".2~%", range=[0, highest * 1.05 or 1])
    return figure
