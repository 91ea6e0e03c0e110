"""Page 3, confidence: calibration of the network, and its predictions for out-of-distribution photos."""

from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_file_url, jpeg_url
from cnn_demo.images import Photo, sample_photos
from cnn_demo.models import load_classifier
from cnn_demo.models.calibration import at_temperature, reliability_bins, softmax
from cnn_demo.models.training_records import TrainingRecord, cifar10_record, cifar10_validation
from cnn_demo.results import Classification, percent
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.charts import CHART_CONFIG, GREY, REFERENCE_LINE, chart_colours
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards
from cnn_demo.ui.widgets.probability_bars import probability_bars

MODEL = "cifar10_cnn"
STEP = 0.05  # of the temperature
DEFAULTS: dict[str, Any] = {"conf_temperature": 1.5}  # the fitted one, to a multiple of the step
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
_MEANS = ("confidence", "accuracy")
WELL_CALIBRATED = 0.015  # difference of mean confidence and accuracy
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
    setting = panel.slider(
        "Temperature",
        0.25,
        4.0,
        DEFAULTS["conf_temperature"],
        STEP,
        key="conf_temperature",
        bind="query-params",
        help="The logits are divided by it before the softmax. It never changes the predicted class.",
    )
    temperature = record.temperature if abs(setting - record.temperature) < STEP / 2 else setting
    validation = cifar10_validation()
    bins = reliability_bins(softmax(validation.logits, temperature), validation.labels)
    panel.caption(_effect(temperature, record))
    panel.markdown(_on_average(bins))
    bars, diagram = stage.columns([2, 3], gap="medium")
    with bars:
        shown = at_temperature(prediction.probabilities, temperature / record.temperature)
        st.markdown("**Prediction for your photo**")
        probability_bars(prediction.labels, shown, caption="Probability of each class")
    with diagram:
        _reliability(bins, float(shown.max()))
    with details:
        st.caption(_measured(record))
        st.subheader("Photos of none of the ten classes", anchor=False)
        _outside_the_classes(record, temperature / record.temperature)


@photo_cache(spinner="Running the network…", queued=True)
def _classified(photo: Photo) -> Classification:
    return load_classifier(MODEL).predict(photo.pixels)


def _effect(temperature: float, record: TrainingRecord) -> str:
    fitted = f"{record.temperature:.2f}"
    if temperature == record.temperature:
        return f"{fitted} was fitted on validation photos. All tabs show probabilities at this temperature."
    if temperature == 1:
        return f"1 is the network as trained. The fitted temperature is {fitted}."
    change = "more" if temperature < record.temperature else "less"
    return f"The network is {change} confident than at the fitted temperature, {fitted}; its predictions are the same."


def _reliability(bins: list[dict[str, float]], top: float) -> None:
    """Show the reliability diagram, with the bin of this photo's prediction."""
    st.markdown("**Reliability diagram: accuracy at each confidence**")
    here = next((part for part in bins if part["low"] < top <= part["high"]), bins[-1])
    st.plotly_chart(
        _reliability_chart(bins, here),
        key="conf_reliability",
        config=CHART_CONFIG,
        alt="Accuracy against confidence; on the diagonal, the network is perfectly calibrated.",
    )
    st.markdown(_in_words(here, top))


def _on_average(bins: list[dict[str, float]]) -> str:
    """Say whether the network is over- or underconfident on the validation photos."""
    total = sum(part["count"] for part in bins)
    confidence, accuracy = (sum(part["count"] * part[name] for part in bins) / total for name in _MEANS)
    error = sum(part["count"] * abs(part["confidence"] - part["accuracy"]) for part in bins) / total
    if confidence > accuracy + WELL_CALIBRATED:
        verdict = "overconfident"
    elif confidence < accuracy - WELL_CALIBRATED:
        verdict = "underconfident"
    else:
        verdict = "well calibrated"
    return (
        f"On validation photos, mean confidence {percent(confidence)}, accuracy {percent(accuracy)}: **{verdict}**. "
        f"Expected calibration error: **{_points(error)}**."
    )


def _measured(record: TrainingRecord) -> str:
    return (
        "Measured on 5,000 validation photos that the network was not trained on. The expected calibration error is "
        f"the mean distance from the diagonal: **{_points(record.ece_before)}** at temperature 1, and "
        f"**{_points(record.ece)}** if the temperature is fitted on one half of these photos and measured on the "
        "other, both ways."
    )


def _reliability_chart(bins: list[dict[str, float]], here: dict) -> go.Figure:
    filled = [part for part in bins if part["count"]]
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


def _in_words(here: dict, top: float) -> str:
    interval = f"{here['low']:.0%} to {here['high']:.0%}"
    if here["count"] == 0:
        return f"Your photo gets **{percent(top)}**. No validation photo gets {interval}."
    words = (
        f"Your photo gets **{percent(top)}** (orange). Of the {here['count']:,} validation photos that get {interval}, "
        f"**{percent(here['accuracy'])}** are classified correctly."
    )
    if here["count"] < FEW:
        words += " These are too few for a reliable estimate."
    return words


def _points(error: float) -> str:
    return f"{100 * error:.1f} percentage points"


def _outside_the_classes(record: TrainingRecord, factor: float) -> None:
    """Show predictions for the sample photos and for two images without content, beside the ground truth.

    Args:
        record: Record of the network.
        factor: Temperature relative to the fitted one.
    """
    predictions = []
    for shown, probabilities, truth in _sample_predictions():
        scaled = at_temperature(probabilities, factor)
        predictions.append((shown, record.labels[int(scaled.argmax())], float(scaled.max()), truth))
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
def _sample_predictions() -> list[tuple[tuple[str, str, str], np.ndarray, str | None]]:
    """Return title, image and description of each sample, its (10,) probabilities, and its ground truth."""
    model = load_classifier(MODEL)
    found: list[tuple[tuple[str, str, str], np.ndarray, str | None]] = []
    for sample in sample_photos():
        shown = (sample.title, jpeg_file_url(sample.thumbnail), sample.alt)
        truth = SAMPLE_CLASSES.get(sample.key)
        found.append((shown, model.predict(sample.load().pixels).probabilities, truth))
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    grey = np.full((32, 32, 3), 128, np.uint8)
    for title, pixels, alt in (
        ("Pure noise", noise, "Every pixel has a colour drawn at random."),
        ("Plain grey", grey, "A plain grey picture."),
    ):
        large = cv2.resize(pixels, (160, 160), interpolation=cv2.INTER_NEAREST)
        found.append(((title, jpeg_url(large), alt), model.predict(pixels).probabilities, None))
    return found
