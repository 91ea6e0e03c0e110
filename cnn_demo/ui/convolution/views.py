"""Views of page 1: kernel, arithmetic of one pixel, sizes and cost, and code."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.convolution import (
    ACTIVATIONS,
    ConvSpec,
    dense_multiply_adds,
    dense_parameter_count,
    dilated_size,
    dropped_border,
    frequency_axis,
    frequency_response,
    multiply_adds,
    output_size,
    padding_amounts,
    parameter_count,
    snippet,
)
from cnn_demo.convolution import activate as apply_activation
from cnn_demo.ui.convolution.result import ConvolutionResult
from cnn_demo.ui.convolution.settings import ConvolutionSettings
from cnn_demo.ui.widgets.charts import CHART_CONFIG
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.number_grid import number_grid

MAX_TERMS = 9  # terms of a sum that is written out
LARGEST_TERMS = 4  # written of a longer sum
KERNEL_NUMBERS_UP_TO = 9  # side of the largest kernel written out in the narrow column beside the controls


def kernel_chart(weights: np.ndarray, spec: ConvSpec) -> None:
    """Show the kernel as applied to the photo, with its weights."""
    applied = weights[::-1, ::-1] if spec.flip else weights
    note = f"{weights.shape[0]} × {weights.shape[1]} weights, sum {round(float(weights.sum()), 6) + 0.0:.3g}"
    number_grid(applied, note=note, alt="The kernel's weights", numbers_up_to=KERNEL_NUMBERS_UP_TO)


def frequency_view(weights: np.ndarray) -> None:
    """Show the frequency response of the kernel."""
    response = frequency_response(weights)
    axis = frequency_axis()
    chart, text = st.columns([3, 2], vertical_alignment="center")
    figure = go.Figure(
        go.Heatmap(
            z=response,
            x=axis,
            y=axis,
            zmin=0,
            colorscale="Viridis",
            colorbar={"title": "gain", "thickness": 12},
            hovertemplate="%{x:.2f} across, %{y:.2f} down: gain %{z:.3f}<extra></extra>",
        )
    )
    figure.update_layout(height=380, margin={"l": 0, "r": 0, "t": 8, "b": 0})
    # At the right of its space, beside the colour bar.
    figure.update_xaxes(title="cycles per pixel, across", constrain="domain", constraintoward="right")
    figure.update_yaxes(title="cycles per pixel, down", scaleanchor="x", autorange="reversed", constrain="domain")
    with chart:
        st.plotly_chart(
            figure, key="frequency_chart", config=CHART_CONFIG, alt="The kernel's gain for waves of each frequency."
        )
    even, finest = float(response[32, 32]), float(response[0, 32] + response[32, 0]) / 2
    text.markdown(
        "Every photo is a sum of waves. This map shows the gain, the factor by which the kernel scales each of them: "
        "the middle is constant brightness, the rim is stripes two pixels apart.\n\n- Gain in the middle (the sum of "
        f"the weights): **{even:.3g}**\n- Gain for the finest vertical and horizontal stripes, on average: "
        f"**{finest:.3g}**\n- Largest gain: **{float(response.max()):.3g}**\n\nA bright middle: a blur. A dark middle "
        "with a bright rim: an edge detector. Two bright spots: a stripe detector."
    )


def look_inside(settings: ConvolutionSettings, result: ConvolutionResult) -> None:
    """Show the selected pixel: window, kernel, products, sum."""
    opened = result.arithmetic
    labels = opened.rows.tolist(), opened.columns.tolist()
    grids = st.grid(3, min_column_width=250)
    window, kernel, products = (grids.cell() for _ in range(3))
    with window:
        title = "Window of the photo, by row and column"
        number_grid(opened.window, title=title, alt=title, labels=labels, brightness=True)
    with kernel:
        number_grid(opened.kernel, title="× Kernel", alt="The kernel")
    with products:
        number_grid(opened.products, title="= Products", alt="The products")
    outside = int((~opened.inside).sum())
    if outside:
        st.caption(f"{outside} of {opened.inside.size} values come from the padding, not from the photo.")
    st.markdown(_sum(settings, result))


def _sum(settings: ConvolutionSettings, result: ConvolutionResult) -> str:
    """Return the sum as text that a phone can wrap."""
    opened = result.arithmetic
    products = opened.products.ravel()
    terms = [_signed(value) for value in products]
    note = ""
    if len(terms) > MAX_TERMS:  # in a corner of a blur all are 0.0000: write the largest
        largest = np.argsort(-np.abs(products), kind="stable")[:LARGEST_TERMS]
        terms = [*(terms[index] for index in largest), "+ …"]
        note = f" ({products.size} terms, the largest first)"
    line = f"{' '.join(terms).removeprefix('+ ')} = **{_plain(opened.total - opened.bias)}**"
    if settings.bias:
        line += f" · {_signed(opened.bias)} (bias) = **{_plain(opened.total)}**"
    if settings.activation != "none":
        after = float(apply_activation(np.array(opened.total), settings.activation))
        line += f" · {ACTIVATIONS[settings.activation].title}({_plain(opened.total)}) = **{_plain(after)}**"
    return f"**Sum of the products**{note}**:** {line}"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'} {abs(value):.4f}"


def _plain(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def size_and_cost(settings: ConvolutionSettings, result: ConvolutionResult) -> None:
    """Show the output size formula with values, the dropped border, and the cost compared with a dense layer."""
    size = result.image.shape[:2]
    kernel_size = settings.weights.shape
    spec = settings.spec
    st.markdown("**Output size** = ⌊(size + padding − span) / stride⌋ + 1, where span = dilation · (kernel − 1) + 1")
    for axis, name in enumerate(("height", "width")):
        st.latex(_size_formula(axis, name, size, kernel_size, spec))
    st.markdown(_padding_sentence(size, kernel_size, spec))
    rows, columns = dropped_border(size, kernel_size, spec)
    st.markdown(dropped_sentence(rows, columns))
    with st.container(key="cost"):
        st.table(_cost_table(size, kernel_size, spec, 1 if settings.grey else 3))
    st.caption(
        "The kernel's weights are shared by all positions and, here, by all channels, with one bias. A dense layer has "
        "one weight for every pair of an input value and an output value."
    )


def dropped_sentence(rows: int, columns: int) -> str:
    """Return a sentence on the rows and columns at the end that no window covers."""
    counts = [
        f"**{count}** {name if count == 1 else f'{name}s'}"
        for count, name in ((rows, "row"), (columns, "column"))
        if count
    ]
    if not counts:
        return "No border is dropped: the last window ends where the padded photo ends."
    return f"Dropped at the end, because no whole stride fits (padding included): {' and '.join(counts)}."


def _cost_table(size: tuple, kernel_size: tuple, spec: ConvSpec, channels: int) -> pd.DataFrame:
    out = output_size(size, kernel_size, spec)
    costs = {
        "This convolution": (
            parameter_count(kernel_size),
            multiply_adds(size, kernel_size, spec, channels, channels, groups=channels),
        ),
        "Dense layer, same input and output": (
            dense_parameter_count(size, out, channels, channels),
            dense_multiply_adds(size, out, channels, channels),
        ),
    }
    table = pd.DataFrame.from_dict(costs, orient="index", columns=["Parameters", "Multiply-adds"])
    return table.map(lambda count: f"{count:,}")


def _padding_sentence(size: tuple, kernel_size: tuple, spec: ConvSpec) -> str:
    (top, bottom), (left, right) = padding_amounts(size, kernel_size, spec)
    if not any((top, bottom, left, right)):
        return "There is no padding."
    return f"Padding: rows **{top}** above and **{bottom}** below, columns **{left}** left and **{right}** right."


def _size_formula(axis: int, name: str, size: tuple, kernel_size: tuple, spec: ConvSpec) -> str:
    before, after = padding_amounts(size, kernel_size, spec)[axis]
    span = dilated_size(kernel_size, spec.dilation)[axis]
    out = output_size(size, kernel_size, spec)[axis]
    return (
        rf"\text{{{name}}} = \left\lfloor \frac{{{size[axis]} + {before + after} - {span}}}{{{spec.stride[axis]}}} "
        rf"\right\rfloor + 1 = {out}"
    )


def code_view(settings: ConvolutionSettings) -> None:
    """Show code that reproduces exactly this result."""
    framework = choose("Framework", ["PyTorch", "Keras", "NumPy"], key="code", default="PyTorch", hide_label=True)
    channels = 1 if settings.grey else 3
    st.caption(
        "`image` is the photo as float32 values from 0 to 1, shape (height, width, channels)"
        + (", with one channel: the mean of the three." if settings.grey else ".")
    )
    st.code(
        snippet(
            framework.lower(),
            settings.weights,
            settings.spec,
            settings.bias,
            activation=settings.activation,
            channels=channels,
        ),
        language="python",
        wrap_lines=True,  # a code block that scrolls could not be scrolled by keyboard
    )
