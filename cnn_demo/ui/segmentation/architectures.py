"""Page 7, architectures: parameters, operations and times of each decoder with the same encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.machine import DEVICES
from cnn_demo.models import frameworks
from cnn_demo.models.segmentation.architectures import ENCODERS, REPEATS, Cost, cost_of
from cnn_demo.models.segmentation.unets import ARCHITECTURES
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.charts import CHART_CONFIG, chart_colours

ENCODER, SIDE = "smp_encoder", "smp_side"
SIDES = (128, 256, 512)
DEFAULTS: dict[str, Any] = {ENCODER: ENCODERS["resnet18"], SIDE: 256}
_ASKED = "smp_asked"  # (encoder, side) that somebody waited for in this session


def architectures_view(photo: Photo) -> None:
    """Compare all architectures of segmentation-models-pytorch."""
    st.markdown(
        f"**{len(ARCHITECTURES)} architectures** of segmentation-models-pytorch, with the encoder that you "
        "choose and with random weights: the cost does not depend on the weights."
    )
    first, second, third = st.columns([2, 2, 2], vertical_alignment="bottom")
    with first:
        title = st.selectbox("Encoder", list(ENCODERS.values()), key=ENCODER, bind="query-params")
    with second:
        side = st.selectbox(
            "Image size", SIDES, SIDES.index(DEFAULTS[SIDE]), format_func="{0} × {0} pixels".format, key=SIDE,
            bind="query-params",
        )  # fmt: skip
    encoder = next(name for name, shown in ENCODERS.items() if shown == title)
    measured = st.session_state.setdefault(_ASKED, set())
    with third:
        if st.button(
            "Measure on this machine", icon=":material/timer:", key="smp_measure", disabled=(encoder, side) in measured
        ):
            measured.add((encoder, side))
    if (encoder, side) not in measured:
        st.info("Building and running all of them takes some seconds, or up to a minute on a busy machine.")
        return
    device = frameworks.torch_device("auto")
    costs = computed(
        ("architectures", encoder, side, device),
        "Building and running…",
        st.empty(),
        lambda report: _costs(encoder, side, device, report),
    )
    _show(costs, encoder, device)


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
            "Million parameters": [cost.parameters / 1e6 for cost in built],
            "of which in the decoder": [cost.decoder_parameters / 1e6 for cost in built],
            "Billion multiply-adds": [cost.multiply_adds / 1e9 for cost in built],
            "Milliseconds": [cost.milliseconds for cost in built],
        }
    )


def _show(costs: dict[str, Cost | None], encoder: str, device: str) -> None:
    table = table_of(costs)
    plot, words = st.columns([3, 2], gap="large")
    with plot:
        st.plotly_chart(_scatter(table), key="smp_plot", config=CHART_CONFIG, alt="Milliseconds by multiply-adds.")
    with words:
        quickest = table.loc[table["Milliseconds"].idxmin()]
        slowest = table.loc[table["Milliseconds"].idxmax()]
        st.markdown(
            f"On {DEVICES[device]}, **{quickest['Architecture']}** is the quickest with {quickest['Milliseconds']:.0f} "
            f"ms, **{slowest['Architecture']}** the slowest with {slowest['Milliseconds']:.0f} ms: the fastest of "
            f"{REPEATS} runs of each. Multiply-adds are not the whole cost: memory traffic of large maps takes time "
            "too."
        )
        left_out = [ARCHITECTURES[name] for name, cost in costs.items() if cost is None]
        if left_out:
            st.caption(f"Not with {ENCODERS[encoder]}: {', '.join(left_out)}.")
        if costs.get("DPT"):
            st.caption("DPT reads a vision transformer's tokens: its encoder is a ViT-Tiny.")
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        key="smp_table",
        hide_index=True,
        alt="Parameters, multiply-adds and milliseconds of each architecture.",
        column_config={name: number(format="%.1f") for name in table.columns[1:]},
    )


def _scatter(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure(
        go.Scatter(
            x=table["Billion multiply-adds"],
            y=table["Milliseconds"],
            mode="markers+text",
            text=table["Architecture"],
            textposition="top center",
            marker={
                "size": 10 + 3 * table["Million parameters"] ** 0.5,
                "color": chart_colours().blue,
                "opacity": 0.75,
            },
            hovertemplate="%{text}: %{x:.1f} billion multiply-adds, %{y:.0f} ms<extra></extra>",
        )
    )
    figure.update_layout(height=360, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(title="billion multiply-adds", rangemode="tozero")
    figure.update_yaxes(title="milliseconds", rangemode="tozero")
    return figure
