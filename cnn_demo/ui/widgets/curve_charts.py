"""Deletion and insertion curves of one explanation beside those of a random order, as charts with a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.images import Photo
from cnn_demo.models.explanation.curves import Curve
from cnn_demo.models.explanation.one_prediction import Explanation
from cnn_demo.models.explanation.probe import Probe
from cnn_demo.models.explanation.target_curves import STEPS, Check, check_map, random_check
from cnn_demo.results import duration
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import CHART_CONFIG, LEGEND_ABOVE, REFERENCE_LINE, chart_colours
from cnn_demo.ui.widgets.pace import Pace, run_milliseconds

MARGIN = 0.01  # smaller differences between two areas do not count
RANDOM = "Random order"
RANDOM_ORDERS = 2
RUNS = 2 * STEPS * (1 + RANDOM_ORDERS)  # of the network, for the curves of a map and of the random orders
PATIENCE = 15_000  # milliseconds from which the curves wait for a click
LITTLE = 0.05  # score below which the curves say little
_READING = (
    "**Deletion** blurs the most important pixels first: with a faithful map the score falls early, and the area under "
    "the curve is small. **Insertion** begins with the blurred photo and restores them first: the score rises early, "
    "and the area is large."
)


def curves_of(
    photo: Photo,
    name: tuple,
    title: str,
    probe: Probe,
    explanation: Explanation,
    milliseconds: float,
    unit: str,
    key: str,
) -> None:
    """Compute and show both curves of a map; if the network is slow, after a click.

    Args:
        photo: The photo.
        name: Everything the explained target depends on: the photo, the network, and so on.
        title: Name of the explanation method.
        probe: The target.
        explanation: Its explanation.
        milliseconds: Time of one run of the network.
        unit: Meaning of the score: the title of the vertical axis.
        key: Prefix of the keys of the widgets.
    """
    if not explanation.map.any():
        st.info("The map is zero: nothing on the photo raises this score, so there is no order to test.")
        return
    st.markdown(_READING)
    which = (explanation.method, explanation.layer, explanation.runs)
    pace = ("curves", name[1], probe.picture.shape)
    milliseconds = run_milliseconds(pace, milliseconds)
    if RUNS * milliseconds > PATIENCE and (name, which) not in _asked():
        words = f"Run the test, about {duration(RUNS * milliseconds)}"
        if not st.button(words, icon=":material/play_arrow:", key=f"{key}_test"):
            return
        _asked().add((name, which))
    container = st.empty()
    check = computed(
        [photo],
        ("check", *name, *which),
        f"Testing {title}…",
        container,
        lambda report: check_map(probe, explanation.map, report=_timed(Pace(pace), report)),
    )
    chance = computed(
        [photo],
        ("check", *name, RANDOM),
        "Testing a random order…",
        container,
        lambda report: random_check(probe, RANDOM_ORDERS, report=report),
    )
    _show(title, check, chance, unit, key)


def _timed(pace: Pace, report: Callable[[float], None]) -> Callable[[float], None]:
    """Return a report of the fraction done that also measures the pace of the network's runs."""

    def timed(fraction: float) -> None:
        pace.note(2 * STEPS * fraction)
        report(fraction)

    return timed


def _asked() -> set:
    """Return the slow tests that this visitor has asked for."""
    return st.session_state.setdefault("curves_asked", set())


def _show(title: str, check: Check, chance: Check, unit: str, key: str) -> None:
    st.markdown(verdict(title, check, chance))
    pairs = (
        ("deletion", "pixels blurred", check.deletion, chance.deletion),
        ("insertion", "pixels restored", check.insertion, chance.insertion),
    )
    for (name, axis, curve, random), cell in zip(pairs, two_cells(), strict=True):
        _chart(cell, name, curve_chart({title: curve, RANDOM: random}, axis, unit), curve, random, key)


def _chart(cell: DeltaGenerator, name: str, figure: go.Figure, curve: Curve, random: Curve, key: str) -> None:
    cell.markdown(f"**{name.capitalize()}**: area **{curve.area:.3f}**, random order {random.area:.3f}.")
    cell.plotly_chart(
        figure,
        key=f"{key}_{name}",
        config=CHART_CONFIG,
        alt=f"{name.capitalize()} curve with an area of {curve.area:.3f}, beside that of a random order.",
    )


def verdict(title: str, check: Check, chance: Check) -> str:
    """Return in one sentence whether a map passes both tests, as Markdown."""
    if float(check.deletion.score[0]) < LITTLE:
        return "The test says little here: the score is close to 0 from the beginning."
    deletes = check.deletion.area < chance.deletion.area - MARGIN
    inserts = check.insertion.area > chance.insertion.area + MARGIN
    if deletes and inserts:
        return f"**{title} passes both tests here**: it names the pixels that this prediction depends on."
    if deletes or inserts:
        passed, failed = ("deletion", "insertion") if deletes else ("insertion", "deletion")
        return f"**{title} is better than a random order in {passed}, but not in {failed}.**"
    return f"**{title} is no better than a random order here**: do not rely on it for this prediction."


def curve_chart(curves: Mapping[str, Curve], axis: str, unit: str, height: int = 240) -> go.Figure:
    """Plot named curves; `RANDOM` is dashed grey.

    Args:
        curves: Curves by name.
        axis: Title of the horizontal axis, such as "pixels blurred".
        unit: Title of the vertical axis.
        height: In CSS pixels.
    """
    figure = go.Figure()
    for name, curve in curves.items():
        figure.add_scatter(
            x=curve.fraction,
            y=curve.score,
            name=name,
            mode="lines",
            line=REFERENCE_LINE if name == RANDOM else {"width": 2.5},
            hovertemplate="%{y:.1%}",
        )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 24, "t": 8, "b": 0},
        hovermode="x unified",
        showlegend=True,
        legend=LEGEND_ABOVE,
        colorway=chart_colours(),
    )
    figure.update_xaxes(title=axis, tickformat=".0%", dtick=0.25, range=[0, 1])
    figure.update_yaxes(title=unit, tickformat=".0%", range=[0, 1.02])
    return figure
