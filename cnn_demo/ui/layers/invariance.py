"""Page 2, "Invariance": change of the feature maps when the photo is shifted, rotated or noisy."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.convolution.stack import PoolLayer
from cnn_demo.drawing.pictures import display_values, signed_scale
from cnn_demo.images import Photo
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.layers.columns import pair
from cnn_demo.ui.layers.controls import stack_text
from cnn_demo.ui.layers.invariance_measures import (
    DISTORTIONS,
    POOLINGS,
    Question,
    curves,
    distorted_pair,
    representation,
)
from cnn_demo.ui.layers.maps import learned_kernels, tile_url
from cnn_demo.ui.layers.settings import DEFAULTS, SOURCE_TITLES, read_stack
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.charts import CHART_CONFIG, GREY, LEGEND_ABOVE, chart_colours, slider_line
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.picture_size import rows_and_columns

FEATURES = {"one": "One layer", "stack": "Your stack"}
MEASURES = {"change": "Change", "moved": "Equivariance error", "cosine": "Cosine similarity"}
_HOW = {
    "shift": (
        "The photo is cropped, and moved under the crop, so that real pixels come in at the left. The "
        "equivariance error ignores 3 values at each side; padding may affect values further in."
    ),
    "rotate": "The photo is rotated about its centre (bicubic interpolation) under a crop that it always fills.",
    "noise": "The same noise pattern at every strength, added to red, green and blue, then clipped to 0 to 1.",
}


def forgiving_view(photo: Photo) -> None:
    """Show the curves, the values at the slider's position, and both representations with their difference."""
    panel, stage, details = controls_picture_and_details("invariance")
    with panel:
        question, amount = _controls()
    try:
        measured, limit = curves(photo, question)
    except ValueError as error:
        stage.warning(plain(str(error)), icon=":material/crop_free:")
        return
    amount = min(amount, limit)
    with panel:
        measure = _measure_control(question.distortion)
    with stage:
        _chart(measured, measure, question.distortion, amount)
    with details:
        at = _at(measured, amount)
        st.markdown(summary(at, question, measure))
        _table(at, question.distortion)
        if limit < DISTORTIONS[question.distortion].maximum:
            st.caption(
                f"This photo is so narrow that it can be shifted by {limit:g} pixel{'' if limit == 1 else 's'} only."
            )
        _side_by_side(photo, question, amount)
        _measure_explanation(question, distorted_pair(photo, question, 0)[0].shape[:2])


def _controls() -> tuple[Question, float]:
    distortion = choose(
        "Distortion",
        {key: each.title for key, each in DISTORTIONS.items()},
        key="distortion",
        default="shift",
    )
    if distortion == "shift":
        amount = st.slider("Shift to the right (pixels)", 0, 16, DEFAULTS["pixels"], key="pixels", bind="query-params")
    elif distortion == "rotate":
        amount = st.slider(
            "Rotation (degrees, counter-clockwise)", -30, 30, DEFAULTS["degrees"], key="degrees", bind="query-params"
        )
    else:
        amount = st.slider(
            "Standard deviation of the noise", 0.0, 0.5, DEFAULTS["noise"], 0.01, key="noise", bind="query-params"
        )
    features = choose(
        "Layers",
        FEATURES,
        key="features",
        default="one",
        help=(
            "One layer: eight filters, ReLU, pooling. Your stack: the last maps of the stack that you built in the "
            "first tab."
        ),
    )
    if features == "stack":
        stack_text()  # since the link to this view holds the stack, too
        layers, wrong = read_stack(SESSION)
        if wrong:
            st.error(plain(wrong), icon=":material/layers_clear:")
        return Question(distortion, layers), amount
    return Question.one_layer(distortion, *_layer_controls()), amount


def _layer_controls() -> tuple[str, int, int]:
    sources = [name for name in SOURCE_TITLES if name != "learned" or learned_kernels() is not None]
    source = choose("Weights", {each: SOURCE_TITLES[each] for each in sources}, key="filters", default="hand")
    left, right = st.columns(2)
    with left:
        size = st.slider("Window size", 1, 8, DEFAULTS["pool_size"], key="pool_size", bind="query-params")
    with right:
        stride = st.slider("Stride", 1, 8, DEFAULTS["pool_stride"], key="pool_stride", bind="query-params")
    return source, size, stride


def _measure_control(distortion: str) -> str:
    options = [key for key in MEASURES if key != "moved" or distortion == "shift"]
    return choose("Measure", {each: MEASURES[each] for each in options}, key="measure", default="change")


def _chart(measured: pd.DataFrame, measure: str, distortion: str, amount: float) -> None:
    colours = chart_colours()
    lines = {
        "none": {"color": GREY, "dash": "dot"},
        "max": {"color": colours.blue},
        "average": {"color": colours.orange},
        "skip": {"color": colours.purple, "dash": "dash"},
        "blur": {"color": colours.green},
        "smooth": {"color": colours.purple},
    }
    figure = go.Figure()
    for kind, title in POOLINGS.items():
        rows = measured[measured["pooling"] == kind]
        figure.add_scatter(
            x=rows["amount"],
            y=rows[measure],
            name=title,
            mode="lines+markers",
            line={"width": 2.5, **lines[kind]},
            marker={"size": 5},
            hovertemplate="%{y:.3f}",
        )
    figure.add_vline(x=amount, line=slider_line())
    figure.update_layout(
        height=330,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        hovermode="x unified",
        legend=LEGEND_ABOVE,
    )
    figure.update_xaxes(title=DISTORTIONS[distortion].axis)
    figure.update_yaxes(title=MEASURES[measure].lower(), rangemode="normal" if measure == "cosine" else "tozero")
    st.plotly_chart(
        figure,
        key="forgiving_chart",
        config=CHART_CONFIG,
        alt=f"{MEASURES[measure]} of the representation, for each pooling.",
    )


def _at(measured: pd.DataFrame, amount: float) -> pd.DataFrame:
    """Return the measured rows nearest to the slider's position, by pooling."""
    nearest = measured.loc[(measured["amount"] - amount).abs().groupby(measured["pooling"]).idxmin()]
    return nearest.set_index("pooling").loc[list(POOLINGS)]


def summary(at: pd.DataFrame, question: Question, measure: str = "change") -> str:
    """Return a summary by one of `MEASURES`: the best and worst pooling, and how max compares with no pooling."""
    if not any(isinstance(layer, PoolLayer) for layer in question.layers):
        return "Your stack has no pooling layer, so all lines are the same. Add one in the first tab."
    changes = at["change"].dropna()
    if changes.empty:
        return "The maps of this photo are all zero, so nothing can change."
    where = DISTORTIONS[question.distortion].written(float(at["amount"].iloc[0]))
    if changes.max() == 0:
        return f"At {where} nothing has changed yet: move the slider."
    if measure != "change":
        return _summary_by(at[measure].dropna(), measure, where)
    best, worst = changes.idxmin(), changes.idxmax()
    text = (
        f"At {where}, **{POOLINGS[best].lower()}** is the most invariant (change {changes[best]:.2f}), "
        f"**{POOLINGS[worst].lower()}** the least ({changes[worst]:.2f})."
    )
    without = changes.get("none", 0.0)
    if without > 0 and "max" in changes:
        ratio = changes["max"] / without - 1
        less = "less" if ratio < 0 else "more"
        text += f" With max pooling the maps change by {abs(ratio):.0%} {less} than without pooling."
    return text


def _summary_by(values: pd.Series, measure: str, where: str) -> str:
    if values.empty:
        return f"At {where} the {MEASURES[measure].lower()} is not defined: some maps are all zero."
    ordered = values.sort_values(ascending=measure == "moved", kind="stable")
    best, worst = ordered.index[0], ordered.index[-1]
    most = "closest to equivariant" if measure == "moved" else "the most invariant"
    text = (
        f"At {where}, **{POOLINGS[best].lower()}** is {most} ({MEASURES[measure].lower()} {values[best]:.2f}), "
        f"**{POOLINGS[worst].lower()}** the least ({values[worst]:.2f})."
    )
    if {"max", "none"} <= set(values.index):
        text += f" With max pooling it is {values['max']:.2f}, without pooling {values['none']:.2f}."
    return text


def _figure(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _table(at: pd.DataFrame, distortion: str) -> None:
    columns = {"numbers": "Activations", "change": "Change", "moved": "Equivariance error", "cosine": "Cosine"}
    if distortion != "shift":
        del columns["moved"]
    table = pd.DataFrame(
        {
            title: [f"{value:,.0f}" if name == "numbers" else _figure(value) for value in at[name]]
            for name, title in columns.items()
        },
        index=pd.Index(
            [POOLINGS[kind] for kind in at.index],
            name=f"At {DISTORTIONS[distortion].written(float(at['amount'].iloc[0]))}",
        ),
    )
    st.table(table)


def _side_by_side(photo: Photo, question: Question, amount: float) -> None:
    kind = choose("Show the maps with", POOLINGS, key="compare", default="max")
    before, after = distorted_pair(photo, question, amount)
    one, other = (representation(image, question, kind) for image in (before, after))
    rows, columns = (slice(side // 4, side - side // 4) for side in one.shape[:2])
    index = int(one[rows, columns].var(axis=(0, 1)).argmax())  # the map of largest variance, away from padding
    one, other = one[..., index], other[..., index]
    display = "signed" if min(one.min(), other.min()) < 0 else "clip"
    scale = signed_scale(one) or 1.0
    written = f"{DISTORTIONS[question.distortion].happened} {DISTORTIONS[question.distortion].written(amount)}"
    size = one.shape
    shown = (
        ("The photo", display_values(before, "clip"), before.shape[:2]),
        (f"The photo, {written}", display_values(after, "clip"), after.shape[:2]),
        (f"Map {index + 1} · {rows_and_columns(size)}", display_values(one / scale, display), size),
        (f"The same, {written}", display_values(other / scale, display), size),
        ("Difference: red is more, blue less", display_values(other - one, "signed"), size),
    )
    for number, (container, (caption, pixels, shape)) in enumerate(zip(_five_columns(), shown, strict=True)):
        with container:
            picture(
                tile_url(pixels),
                shape,
                key=f"forgiving_{number}",
                alt=caption,
                caption=caption,
                max_height=240,
                pixelated=max(shape) < 200,
            )


def _five_columns() -> list:
    """Return five columns in a row, which a phone shows as two, two and one."""
    photos, maps, difference = st.columns([2, 2, 1])
    return [*pair(photos), *pair(maps), difference]


def _measure_explanation(question: Question, size: tuple[int, int]) -> None:
    height, width = size
    st.markdown(
        "**Change** = ‖f(x) − f(Tx)‖ / ‖f(x)‖ over all values of all maps: x is the photo, T the distortion, f the "
        "layers. 0 is *invariance*: nothing changed."
    )
    if question.distortion == "shift":
        st.markdown(
            "**Equivariance error** is the change beyond the shift: the maps may move along with the photo. They are "
            "shifted by pixels ÷ strides (interpolated between values) before they are compared. If the shift is a "
            "multiple of the stride they match; in between, **aliasing** prevents a match: that is the zigzag. "
            "Blurring before the stride reduces it."
        )
    st.caption(f"{_HOW[question.distortion]} Measured on {rows_and_columns((height, width))} of the photo.")
