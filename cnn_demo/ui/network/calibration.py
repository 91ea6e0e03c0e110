"""Page 3, confidence: calibration of the network, and its predictions for out-of-distribution photos."""

from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_file_url, jpeg_url
from cnn_demo.images import Photo, sample_photos
from cnn_demo.models import load_classifier
from cnn_demo.models.calibration import at_temperature
from cnn_demo.models.training_records import TrainingRecord, cifar10_record
from cnn_demo.results import Classification, percent
from cnn_demo.ui.page.caching import HASH_BY_KEY
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.charts import CHART_CONFIG, GREY, REFERENCE_LINE, chart_colours
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards
from cnn_demo.ui.widgets.probability_bars import probability_bars

MODEL = "cifar10_cnn"
DEFAULTS: dict[str, Any] = {"conf_temperature": 1.0}
# Ground truth of the samples that show one of the ten classes. CIFAR-10's trucks are big lorries, its automobiles cars:
# a bus is neither, and a rocket is no airplane.
SAMPLE_CLASSES = {
    "chelsea": "cat",
    "coffee": None,
    "astronaut": None,
    "grace_hopper": None,
    "rocket": None,
    "china": None,
    "flower": None,
    "bus": None,
    "zidane": None,
    "motorcycle": None,
}
FEW = 30  # predictions in a bin; with fewer, its accuracy is mostly chance


@fragment
def confidence_view(photo: Photo) -> None:
    """Show the prediction for a photo, the calibration, and predictions for photos of none of the classes.

    Raises:
        ModelUnavailable: If the network cannot be loaded.
        FileNotFoundError: If its record is missing.
    """
    record = cifar10_record()
    prediction = _classified(photo)
    panel, stage, details = controls_picture_and_details("confidence")
    factor = panel.slider(
        "Temperature",
        0.25,
        4.0,
        DEFAULTS["conf_temperature"],
        0.05,
        key="conf_temperature",
        bind="query-params",
        help="The calibrated logits are divided by it before the softmax. 1 leaves the probabilities calibrated.",
    )
    panel.caption(_effect(factor))
    bars, diagram = stage.columns([2, 3], gap="medium")
    with bars:
        _show_prediction(prediction, factor)
    with diagram:
        _reliability(record, prediction.top(1)[0][1], factor)
    with details:
        st.caption(_measured(record))
        st.subheader("Photos of none of the ten classes", anchor=False)
        _outside_the_classes(record)


@st.cache_data(max_entries=32, show_spinner="Running the network…", hash_funcs=HASH_BY_KEY)
def _classified(photo: Photo) -> Classification:
    return load_classifier(MODEL).predict(photo.pixels)


def _show_prediction(prediction: Classification, factor: float) -> None:
    """Show the ten probabilities at a temperature."""
    st.markdown("**Prediction for your photo**")
    shown = at_temperature(prediction.probabilities, factor)
    probability_bars(prediction.labels, shown, caption="Probability of each class")


def _effect(factor: float) -> str:
    if factor == 1:
        return "The softmax returns ten probabilities that sum to 1, whatever the photo shows."
    return (
        f"{'Less' if factor > 1 else 'More'} confident than the calibrated prediction, in the same order: "
        "temperature never changes the predicted class."
    )


def _reliability(record: TrainingRecord, top: float, factor: float) -> None:
    """Show the reliability diagram, which holds at temperature 1, with the bin of this photo's prediction."""
    st.markdown("**Reliability diagram: accuracy at each confidence**" + ("" if factor == 1 else ", at temperature 1"))
    here = next((part for part in record.reliability if part["low"] < top <= part["high"]), record.reliability[-1])
    st.plotly_chart(
        _reliability_chart(record, here),
        key="conf_reliability",
        config=CHART_CONFIG,
        alt="Accuracy against confidence; on the diagonal, the network is perfectly calibrated.",
    )
    st.markdown(_in_words(here, top, factor))


def _measured(record: TrainingRecord) -> str:
    return (
        "The diagram was measured on 5,000 validation photos that the network was not trained on. The mean distance "
        f"from the diagonal (expected calibration error) is **{_points(record.ece_before)}** as trained and "
        f"**{_points(record.ece)}** after dividing the logits by a temperature of {record.temperature:.2f}, fitted on "
        "one half of these photos and measured on the other, both ways."
    )


def _reliability_chart(record: TrainingRecord, here: dict) -> go.Figure:
    filled = [part for part in record.reliability if part["count"]]
    colours = chart_colours()
    figure = go.Figure()
    figure.add_bar(
        x=[(part["low"] + part["high"]) / 2 for part in filled],
        y=[part["accuracy"] for part in filled],
        width=[part["high"] - part["low"] for part in filled],
        marker={
            "color": [colours.orange if part is here else colours.blue for part in filled],
            "opacity": [0.35 if part["count"] < FEW else 0.9 for part in filled],
            "line": {"width": 1, "color": "rgba(255,255,255,0.7)"},
        },
        customdata=[[part["low"], part["high"], part["confidence"], part["count"]] for part in filled],
        hovertemplate=(
            "%{customdata[0]:.0%} to %{customdata[1]:.0%}: %{customdata[3]:,} predictions, mean confidence "
            "%{customdata[2]:.1%}, %{y:.1%} correct<extra></extra>"
        ),
        showlegend=False,
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line=REFERENCE_LINE,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_annotation(
        x=0.03,
        y=0.97,
        xanchor="left",
        text="– – perfect calibration",
        showarrow=False,
        font_color=GREY,
    )
    figure.update_layout(height=270, margin={"l": 0, "r": 18, "t": 8, "b": 0}, bargap=0)
    figure.update_xaxes(title="confidence (top probability)", tickformat=".0%", dtick=0.2, range=[0, 1])
    figure.update_yaxes(title="accuracy", tickformat=".0%", dtick=0.2, range=[0, 1])
    return figure


def _in_words(here: dict, top: float, factor: float) -> str:
    interval = f"{here['low']:.0%} to {here['high']:.0%}"
    yours = "Your photo got" if factor == 1 else "At temperature 1 your photo gets"
    if here["count"] == 0:
        return f"{yours} **{percent(top)}**. No validation photo got {interval}."
    words = (
        f"{yours} **{percent(top)}** (orange). Of the {here['count']:,} validation photos that got {interval}, "
        f"**{percent(here['accuracy'])}** were classified correctly."
    )
    if here["count"] < FEW:
        words += " These are too few for a reliable estimate."
    return words


def _points(error: float) -> str:
    return f"{100 * error:.1f} percentage points"


def _outside_the_classes(record: TrainingRecord) -> None:
    """Show live predictions for the sample photos and for two images without content, beside the ground truth."""
    predictions = _sample_predictions()
    wrong = [prediction for prediction in predictions if prediction[3] is None]
    sure = [prediction for prediction in wrong if prediction[2] >= 0.5]
    st.markdown(
        f"**It still predicts one of the ten.** The softmax has no “none of these”. Of the {len(predictions)} pictures "
        f"below, {len(wrong)} show none of its classes; for **{len(sure)}** of those its confidence is above 50%. The "
        "diagram above does not apply here: it was measured on photos like the training data, each of which shows one "
        "of the ten. A high probability means *most similar to this one of the ten*, never *this is one of the ten*."
    )
    picture_cards(
        [
            Card(
                source,
                alt,
                f"{label}, {percent(probability)}",
                (title, _truth(truth, label)),
            )
            for (title, source, alt), label, probability, truth in predictions
        ],
        width=140,
        columns=6,
    )
    st.caption(f"The ten classes: {', '.join(record.labels)}.")


def _truth(truth: str | None, label: str) -> str:
    if truth is None:
        return "✗ none of the ten"
    return "✓ correct" if truth == label else f"✗ it is a {truth}"


@st.cache_data(max_entries=1, show_spinner="Classifying the sample photos…")
def _sample_predictions() -> list[tuple[tuple[str, str, str], str, float, str | None]]:
    """Return title, image and description of each sample, and the prediction: label, probability, ground truth."""
    model = load_classifier(MODEL)
    found = []
    for sample in sample_photos():
        label, probability = model.predict(sample.load().pixels).top(1)[0]
        shown = (sample.title, jpeg_file_url(sample.thumbnail), sample.alt)
        found.append((shown, label, probability, SAMPLE_CLASSES.get(sample.key)))
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    grey = np.full((32, 32, 3), 128, np.uint8)
    for title, pixels, alt in (
        ("Pure noise", noise, "Every pixel has a colour drawn at random."),
        ("Plain grey", grey, "A plain grey picture."),
    ):
        label, probability = model.predict(pixels).top(1)[0]
        large = cv2.resize(pixels, (160, 160), interpolation=cv2.INTER_NEAREST)
        found.append(((title, jpeg_url(large), alt), label, probability, None))
    return found
