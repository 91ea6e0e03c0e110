"""Page 4, transfer learning: accuracy and loss over the epochs, of both heads and of fine-tuning."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from cnn_demo.models.classification.digits import Epoch
from cnn_demo.models.transfer import fine_tuning, linear_head
from cnn_demo.models.transfer.session import PRETRAINED, RANDOM, TUNED, TransferState
from cnn_demo.ui.widgets.charts import CHART_CONFIG, LEGEND_ABOVE, chart_colours

TITLES = {PRETRAINED: "Pretrained features", RANDOM: "Random features", TUNED: "Fine-tuned"}


@dataclass(frozen=True)
class _Curve:
    phase: str  # key of `TITLES`
    epochs: Sequence[Epoch]
    first: int  # number of the first epoch


def head_curves(taught: TransferState) -> None:
    """Show the learning curves of both heads: same epochs and photos, different features."""
    curves = [_Curve(w, taught.runs[w].epochs, 1) for w in (PRETRAINED, RANDOM)]
    _charts(curves, linear_head.EPOCHS, "teach_heads")


def tuning_curves(taught: TransferState) -> None:
    """Show the curves of fine-tuning, which starts from the head trained on the frozen network."""
    before = taught.runs[PRETRAINED].epochs[-1:]
    curve = _Curve(TUNED, (*before, *taught.runs[TUNED].epochs), 0)
    _charts([curve], fine_tuning.EPOCHS, "teach_tuning")


def _charts(curves: Sequence[_Curve], last: int, key: str) -> None:
    names = " and ".join(TITLES[curve.phase].lower() for curve in curves)
    for container, (measure, title) in zip(
        st.columns(2, gap="medium"), (("accuracy", "Accuracy"), ("loss", "Loss")), strict=True
    ):
        container.plotly_chart(
            _chart(curves, measure, title, last),
            key=f"{key}_{measure}",
            config=CHART_CONFIG,
            alt=f"{title} over the epochs, of training and held-out photos: {names}.",
        )


def _chart(curves: Sequence[_Curve], measure: str, title: str, last: int) -> go.Figure:
    colours = dict(zip(TITLES, chart_colours(), strict=False))
    figure = go.Figure()
    for curve in curves:
        numbers = list(range(curve.first, curve.first + len(curve.epochs)))
        for name, attribute, line in (
            ("held-out photos", f"held_out_{measure}", {"width": 2.5}),
            ("training photos", measure, {"dash": "dot", "width": 1.5}),
        ):
            figure.add_scatter(
                x=numbers,
                y=[getattr(epoch, attribute) for epoch in curve.epochs],
                name=f"{TITLES[curve.phase]}, {name}",
                mode="lines",
                line={"color": colours[curve.phase], **line},
                hovertemplate="%{y:.0%}" if measure == "accuracy" else "%{y:.3f}",
            )
    figure.update_layout(
        height=300,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        hovermode="x unified",
        showlegend=True,
        legend={**LEGEND_ABOVE, "font": {"size": 11}},
    )
    figure.update_xaxes(title="epoch", range=[curves[0].first, last])
    if measure == "accuracy":
        figure.update_yaxes(title=title.lower(), tickformat=".0%", range=[-0.02, 1.04])
    else:
        figure.update_yaxes(title=title.lower(), rangemode="tozero")
    return figure
