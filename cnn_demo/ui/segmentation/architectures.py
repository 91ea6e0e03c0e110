"""Page 7, architectures: multiply-adds, parameters and times of each decoder with the same encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from cnn_demo.images import Photo
from cnn_demo.machine import DEVICES
from cnn_demo.models import frameworks
from cnn_demo.models.segmentation.architectures import ENCODERS, REPEATS, SIDES, Cost, cost_of, counted_costs
from cnn_demo.models.segmentation.unets import ARCHITECTURES
from cnn_demo.results import duration
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.charts import CHART_CONFIG, chart_colours

ENCODER, SIDE = "smp_encoder", "smp_side"
DEFAULTS: dict[str, Any] = {ENCODER: ENCODERS["resnet18"], SIDE: 256}
PARAMETERS, MULTIPLY_ADDS, TIME = "Million parameters", "Billion multiply-adds", "Milliseconds"
_ALT = "Multiply-adds, parameters and, once measured, milliseconds of each architecture."
_MEASURED = "smp_asked"  # (encoder, side) pairs measured in this session


@fragment
def architectures_view(photo: Photo) -> None:
    """Compare all architectures of segmentation-models-pytorch."""
    panel, stage, details = controls_picture_and_details("architectures")
    with panel:
        title = st.selectbox("Encoder", list(ENCODERS.values()), key=ENCODER, bind="query-params")
        side = st.selectbox(
            "Image size", SIDES, SIDES.index(DEFAULTS[SIDE]), format_func="{0} × {0} pixels".format, key=SIDE,
            bind="query-params",
        )  # fmt: skip
        encoder = next(name for name, shown in ENCODERS.items() if shown == title)
        measured = st.session_state.setdefault(_MEASURED, set())
        if st.button(
            "Measure on this machine",
            icon=":material/timer:",
            key="smp_measure",
            disabled=(encoder, side) in measured,
            help="Building and running all of them takes some seconds, or up to a minute on a busy machine.",
        ):
            measured.add((encoder, side))
        progress = st.empty()
    device = frameworks.torch_device("auto")
    costs = counted_costs(encoder, side)
    if timed := (encoder, side) in measured:
        costs = computed(
            (),
            ("architectures", encoder, side, device),
            "Building and running…",
            progress,
            lambda report: _costs(encoder, side, device, report),
        )
    table = table_of(costs)
    with stage:
        st.plotly_chart(_bars(table), key="smp_plot", config=CHART_CONFIG, alt=_ALT)
        if timed:
            st.markdown(_times(table, device))
    with details:
        st.markdown(
            f"**{len(ARCHITECTURES)} architectures** of segmentation-models-pytorch, with the encoder that you choose "
            "and with random weights: the cost does not depend on the weights. Multiply-adds are not the whole cost: "
            "memory traffic of large maps takes time too."
        )
        _left_out(costs, encoder)
        if timed:
            _table(table)


def _costs(encoder: str, side: int, device: str, report: Callable[[float], None]) -> dict[str, Cost | None]:
    costs = {}
    with frameworks.keep_torch_threads():
        for done, architecture in enumerate(ARCHITECTURES):
            report(done / len(ARCHITECTURES))
            costs[architecture] = cost_of(architecture, encoder, side, device=device)
    return costs


def table_of(costs: dict[str, Cost | None]) -> pd.DataFrame:
    """Make the table of those that could be built; millions of parameters, billions of multiply-adds."""
    built = [cost for cost in costs.values() if cost is not None]
    return pd.DataFrame(
        {
            "Architecture": [ARCHITECTURES[cost.architecture] for cost in built],
            PARAMETERS: [cost.parameters / 1e6 for cost in built],
            "of which in the decoder": [cost.decoder_parameters / 1e6 for cost in built],
            MULTIPLY_ADDS: [cost.multiply_adds / 1e9 for cost in built],
            TIME: [cost.milliseconds for cost in built],
        }
    )


def _times(table: pd.DataFrame, device: str) -> str:
    quickest = table.loc[table[TIME].idxmin()]
    slowest = table.loc[table[TIME].idxmax()]
    return (
        f"On {DEVICES[device]}, **{quickest['Architecture']}** is the quickest with {duration(quickest[TIME])}, "
        f"**{slowest['Architecture']}** the slowest with {duration(slowest[TIME])}: the fastest of {REPEATS} "
        "runs of each."
    )


def _left_out(costs: dict[str, Cost | None], encoder: str) -> None:
    missing = [ARCHITECTURES[name] for name, cost in costs.items() if cost is None]
    if missing:
        st.caption(f"Not with {ENCODERS[encoder]}: {', '.join(missing)}.")
    if costs.get("DPT"):
        st.caption("DPT reads a vision transformer's tokens: its encoder is a ViT-Tiny.")


def _table(table: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        key="smp_table",
        hide_index=True,
        alt="Parameters, multiply-adds and milliseconds of each architecture.",
        column_config={name: number(format="%.1f") for name in table.columns[1:]},
    )


def _bars(table: pd.DataFrame) -> go.Figure:
    """Draw a column of bars for each cost, the architecture with the fewest multiply-adds on top."""
    table = table.sort_values(MULTIPLY_ADDS, ascending=False)
    colours = chart_colours()
    shown = {MULTIPLY_ADDS: colours.blue, PARAMETERS: colours.purple, TIME: colours.orange}
    shown = {name: colour for name, colour in shown.items() if table[name].notna().all()}
    titles = [name.replace(" ", "<br>", 1) for name in shown]
    figure = make_subplots(cols=len(shown), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    for column, (name, colour) in enumerate(shown.items(), 1):
        figure.add_bar(
            x=table[name],
            y=table["Architecture"],
            orientation="h",
            marker_color=colour,
            text=table[name],
            texttemplate="%{text:.0f}" if name == TIME else "%{text:.1f}",
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} " + name.lower() + "<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes(range=[0, 1.3 * table[name].max()], visible=False, row=1, col=column)
    figure.update_layout(height=350, margin={"l": 0, "r": 0, "t": 40, "b": 0}, showlegend=False, bargap=0.3)
    figure.update_annotations(font_size=13)
    return figure
