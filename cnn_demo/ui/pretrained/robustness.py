"""Page 4, robustness: probability of the networks' top-1 predictions as the corruption grows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.images.corruptions import CORRUPTIONS, Corruption, corrupt
from cnn_demo.models import load_classifier
from cnn_demo.results import Classification, percent
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.pretrained.model_times import keep_time
from cnn_demo.ui.widgets.charts import CHART_CONFIG, LEGEND_ABOVE, chart_colours, slider_line
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.probability_bars import probability_bars

KIND = "corruption"
DEFAULTS: dict[str, Any] = {KIND: "blur", **{f"corrupt_{kind}": one.neutral for kind, one in CORRUPTIONS.items()}}
WORKING_SIDE = 640  # the photo is corrupted at this size; the networks' inputs are smaller
AT_ONCE = 2  # photos of a batch; feature maps of a whole curve at once would take 100 MB more


@dataclass(frozen=True, eq=False)
class Curve:
    """Probability of a network's top-1 class over the amounts of a corruption.

    Attributes:
        label: Top-1 class of the original photo.
        amounts: Amounts of the corruption.
        probabilities: (N,) probabilities of the label, one for each amount.
    """

    label: str
    amounts: list[float]
    probabilities: np.ndarray


@fragment
def corrupted_view(
    photo: Photo, models: Sequence[tuple[str, str]], fit: str, predict: Callable[[Photo, str, str], Classification]
) -> None:
    """Show the corrupted photo, its predictions, and the probability of the networks' original top-1 classes.

    Args:
        photo: The visitor's photo.
        models: (key, title) pair of each network.
        fit: Resize mode, as in `Classifier.prepare`.
        predict: Function that returns a network's prediction for the original photo, given its key and a fit.
    """
    st.subheader("Robustness", anchor=False)
    panel, stage, details = controls_picture_and_details("corrupted")
    with panel:
        kind, amount = _controls()
    one = CORRUPTIONS[kind]
    with stage, st.spinner("Running the networks…"):
        before = [predict(photo, key, fit) for key, _ in models]
        after = [_predicted(photo, key, fit, kind, amount, predict) for key, _ in models]
        curves = [
            _curve(photo, key, fit, kind, prediction.top(1)[0][0])
            for (key, _), prediction in zip(models, before, strict=True)
        ]
    titles = [title for _, title in models]
    with stage:
        _show_photo(photo, kind, amount, titles, before, after)
    details.plotly_chart(
        _chart(one, amount, titles, curves, [_of_label(*pair) for pair in zip(before, after, strict=True)]),
        key="corrupted_chart",
        config=CHART_CONFIG,
        alt=f"Probability of each network's top-1 class for the original photo, against {one.label}.",
    )
    details.caption(
        "Each line shows the probability of the class that a network predicts for the original photo, at 13 values of "
        "the slider; the diamond is the current value."
    )


def _controls() -> tuple[str, float]:
    kind = choose(
        "Corruption",
        {name: each.title for name, each in CORRUPTIONS.items()},
        key=KIND,
        default=DEFAULTS[KIND],
    )
    one = CORRUPTIONS[kind]
    amount = st.slider(one.label, one.low, one.high, one.neutral, one.step, key=f"corrupt_{kind}", bind="query-params")
    return kind, amount


@photo_cache()
def corrupted(photo: Photo, kind: str, amount: float) -> np.ndarray:
    """Return the corrupted pixels, (H, W, 3) uint8, not to be modified; the photo's own at the neutral amount."""
    if amount == CORRUPTIONS[kind].neutral:
        return photo.pixels
    if kind == "crop":  # a crop keeps the full resolution
        return reduced(corrupt(photo.pixels, kind, amount), WORKING_SIDE)
    return corrupt(reduced(photo.pixels, WORKING_SIDE), kind, amount)


def _predicted(photo: Photo, key: str, fit: str, kind: str, amount: float, predict: Callable) -> Classification:
    if amount == CORRUPTIONS[kind].neutral:
        return predict(photo, key, fit)
    return _corrupted_prediction(photo, key, fit, kind, amount)


@photo_cache(queued=True)
def _corrupted_prediction(photo: Photo, key: str, fit: str, kind: str, amount: float) -> Classification:
    return keep_time(key, load_classifier(key).predict(corrupted(photo, kind, amount), fit))


@photo_cache(queued=True)
def _curve(photo: Photo, key: str, fit: str, kind: str, label: str) -> Curve:
    """Return the curve over the whole range of amounts."""
    model = load_classifier(key)
    amounts = CORRUPTIONS[kind].amounts()
    batch = np.stack([model.prepare(corrupted(photo, kind, amount), fit) for amount in amounts])
    logits = [model.logits(batch[start : start + AT_ONCE]) for start in range(0, len(batch), AT_ONCE)]
    probabilities = model.probabilities(np.concatenate(logits))
    return Curve(label, amounts, probabilities[:, model.labels.index(label)])


def _of_label(before: Classification, after: Classification) -> float:
    """Return the probability of the original top-1 class after the corruption."""
    return float(after.probabilities[before.probabilities.argmax()])


def _show_photo(
    photo: Photo,
    kind: str,
    amount: float,
    titles: Sequence[str],
    before: Sequence[Classification],
    after: Sequence[Classification],
) -> None:
    """Show the corrupted photo, and beside it each network's top-3 predictions."""
    one = CORRUPTIONS[kind]
    pixels = corrupted(photo, kind, amount)
    is_neutral = amount == one.neutral
    caption = "No corruption yet: move the slider." if is_neutral else f"{one.title}: {one.written(amount)}"
    photo_container, networks = st.columns([2, 3], gap="medium")
    with photo_container:
        picture(
            jpeg_url(np.ascontiguousarray(reduced(pixels, WORKING_SIDE))),
            pixels.shape[:2],
            key="corrupted_photo",
            alt=f"The photo, {one.title.lower()} {one.written(amount)}: {photo.description}",
            caption=caption,
            max_height=300,
            pixelated=max(pixels.shape[:2]) < 100,
        )
    for title, first, now in zip(titles, before, after, strict=True):
        with networks:
            st.markdown(in_words(title, first, now, is_neutral))
            labels, probabilities = zip(*now.top(3), strict=True)
            probability_bars(labels, np.array(probabilities), caption=f"Prediction of {title} for the corrupted photo")


def in_words(title: str, before: Classification, after: Classification, is_neutral: bool = False) -> str:
    """Describe how a network's top-1 prediction changed.

    Args:
        title: Title of the network.
        before: Prediction for the original photo.
        after: Prediction for the corrupted photo.
        is_neutral: Whether the amount leaves the photo unchanged.
    """
    label, probability = before.top(1)[0]
    if is_neutral:
        return f"**{title}**: “{label}”, {percent(probability)}."
    now = after.top(1)[0][0]
    change = f"“{label}” went from {percent(probability)} to **{percent(_of_label(before, after))}**"
    end = "and is still the prediction" if now == label else f"and the prediction is now “{now}”"
    return f"**{title}**: {change}, {end}."


def _chart(
    one: Corruption, amount: float, titles: Sequence[str], curves: Sequence[Curve], now: Sequence[float]
) -> go.Figure:
    figure = go.Figure()
    for title, curve, here, colour in zip(titles, curves, now, chart_colours(), strict=False):
        name = f"{title}: “{curve.label}”"
        figure.add_scatter(
            x=curve.amounts,
            y=curve.probabilities,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"size": 5},
            hovertemplate="%{y:.1%}",
        )
        figure.add_scatter(
            x=[amount],
            y=[here],
            name=f"{title}, here",
            mode="markers",
            marker={"color": colour, "size": 13, "symbol": "diamond", "line": {"width": 1, "color": "white"}},
            hovertemplate="%{y:.1%}",
            showlegend=False,
        )
    figure.add_vline(x=amount, line=slider_line())
    figure.update_layout(
        height=320,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        hovermode="closest",
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
    figure.update_xaxes(title=f"{one.title} ({one.unit})" if one.unit else one.title)  # short, to fit phones
    figure.update_yaxes(title="probability of the original top-1 class", tickformat=".0%", range=[-0.02, 1.04])
    return figure
