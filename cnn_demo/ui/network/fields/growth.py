"""Growth of a hand-built stack's receptive field from layer to layer, theoretical and effective."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.convolution.effective_field import Step, path_counts
from cnn_demo.convolution.receptive_field import receptive_fields
from cnn_demo.ui.widgets.charts import CHART_CONFIG, chart_colours

FIELD, HALF = "Field (px)", "ERF (px)"


def half_by_ways(layers: Sequence[Step]) -> float:
    """Return the side of the square with half of the influence, for equal weights and no border nearby.

    The side is interpolated between whole pixels, so that small growth is visible.
    """
    ways = path_counts(layers)
    odd, middle = len(ways) % 2, len(ways) // 2
    reached = np.concatenate([[0.0], ways.cumsum()]) / ways.sum()
    steps = np.arange(len(ways) // 2 + 1)
    sides = np.concatenate([[0], 2 * steps + 1]) if odd else 2 * steps
    low, high = middle - steps, middle + steps + odd
    fractions = (reached[high] - reached[low]) ** 2
    return float(np.interp(0.5, np.concatenate([[0.0], fractions]) if odd else fractions, sides))


@st.cache_data(max_entries=128, show_spinner=False)
def growth_table(layers: tuple[Step, ...]) -> pd.DataFrame:
    """Return a row per layer: its settings, the jump and the receptive field of its units, in pixels of the photo."""
    rows = []
    for number, field in enumerate(receptive_fields(layers)[1:], 1):
        kernel, stride, dilation = layers[number - 1]
        rows.append((number, kernel, stride, dilation, field.jump, field.size, half_by_ways(layers[:number])))
    return pd.DataFrame(rows, columns=["Layer", "Kernel", "Stride", "Dilation", "Jump", FIELD, HALF])


def growth(layers: tuple[Step, ...]) -> None:
    """Show how the field grows from layer to layer, as a table and a chart."""
    table = growth_table(layers)
    left, right = st.columns(2, vertical_alignment="center")
    with left:
        written = table.map(lambda number: f"{number:,.1f}" if isinstance(number, float) else f"{number:,}")
        st.table(written.set_index("Layer"))
    figure = go.Figure()
    for name, dash in ((FIELD, None), (HALF, "dot")):
        figure.add_scatter(x=table["Layer"], y=table[name], mode="lines+markers", name=name, line={"dash": dash})
    figure.update_layout(
        height=300,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        legend={"orientation": "h", "y": 1.15, "x": 0},
        colorway=chart_colours(),
    )
    figure.update_xaxes(title="layer", dtick=1)
    wide = table[FIELD].iloc[-1] > 1000
    figure.update_yaxes(title="pixels of the photo", type="log" if wide else "linear")
    if not wide:
        figure.update_yaxes(rangemode="tozero")
    with right:
        st.plotly_chart(
            figure,
            key="field_growth",
            config=CHART_CONFIG,
            alt="The receptive field grows with every layer; the square with half of all paths grows more slowly.",
        )
    st.caption(
        "Each layer adds (kernel − 1) · dilation · jump to the field; jump is the product of the strides before it. "
        "ERF, effective receptive field for equal weights: side of the central square with half of all paths, "
        "interpolated between whole pixels; the one above was measured with the weights that you chose. Without stride "
        "the ERF grows with the square root of the depth, the field in proportion to the depth."
    )
