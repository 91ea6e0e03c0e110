"""Page 3, training played back: the bundled network's curves and first kernels over its epochs, on a scrub bar."""

from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.models.training_records import TrainingRecord, cifar10_record
from cnn_demo.ui.components.flipbook import Chart, Line, flipbook
from cnn_demo.ui.network.kernel_mosaic import kernel_mosaic
from cnn_demo.ui.page.caching import HashFunctions
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.choice import choose

SCALES = {"own": "Each kernel", "one": "All kernels"}
DEFAULTS: dict[str, Any] = {"play_scale": "own"}
_BY_IDENTITY: HashFunctions = {TrainingRecord: id}  # read once per process


def playback_view() -> None:
    """Show how the bundled network learned."""
    try:
        record = cifar10_record()
    except FileNotFoundError:
        st.info("The training record is missing: install the bundled weights.")
        return
    count = record.kernels.shape[-1]
    panel, stage, details = controls_picture_and_details("playback")
    with panel:
        scale = choose(
            "Colour scale for",
            SCALES,
            key="play_scale",
            default=DEFAULTS["play_scale"],
            help=(
                "One scale for each kernel shows its pattern, however weak it is. One scale for all shows their "
                "strength too: the nearly grey ones have little effect."
            ),
        )
        st.markdown(
            f"The network of this page started with random weights. Drag the bar: in **{len(record.epochs)} epochs**, "
            f"each one pass over 45,000 photos, the {count} kernels of its first layer turn from noise into edge and "
            "colour detectors, because those reduce the loss. Nobody designed them."
        )
    with stage:
        flipbook(
            _frames(record, scale == "one"),
            _charts(record),
            key="play_book",
            alt=f"The {count} kernels of the first layer",
            caption=(
                f"The {count} kernels of the first layer, 5 × 5 weights for red, green and blue. Grey is zero. "
                "Strength includes the batch normalization after the layer."
            ),
            max_width=600,
        )
    details.markdown(_training_summary(record))


@st.cache_data(max_entries=2, show_spinner=False, hash_funcs=_BY_IDENTITY)
def _frames(record: TrainingRecord, one_scale: bool) -> list[np.ndarray]:
    full_scale = float(np.quantile(np.abs(record.kernels[-1]), 0.99)) if one_scale else None
    return [kernel_mosaic(kernels, 8, full_scale) for kernels in record.kernels]


def _charts(record: TrainingRecord) -> list[Chart]:
    def line(name: str, key: str) -> Line:
        return Line(name, tuple(float(epoch[key]) for epoch in record.epochs))

    return [
        Chart("Accuracy", (line("training", "accuracy"), line("validation", "validation_accuracy")), percent=True),
        Chart("Loss", (line("training", "loss"), line("validation", "validation_loss"))),
        Chart("Kernel direction change per epoch (°)", (Line("mean", tuple(turns(record.kernels).tolist())),)),
    ]


def turns(kernels: np.ndarray) -> np.ndarray:
    """Return how much kernels change direction in each epoch, independent of their norm.

    Args:
        kernels: Kernels by epoch, (epochs + 1, kh, kw, channels, N).

    Returns:
        (epochs,) mean angle in degrees between a kernel and the same one an epoch before: 0 unchanged, 90 unrelated.
    """
    vectors = kernels.reshape(len(kernels), -1, kernels.shape[-1]).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = (vectors[1:] * vectors[:-1]).sum(axis=1)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean(axis=1)


def _training_summary(record: TrainingRecord) -> str:
    """Return a description of the curves with the values of this record."""
    accuracies = [epoch["validation_accuracy"] for epoch in record.epochs]
    last = record.epochs[-1]
    turned = turns(record.kernels)
    half = next(i for i, accuracy in enumerate(accuracies, 1) if accuracy >= accuracies[-1] / 2)
    near = next(i for i, accuracy in enumerate(accuracies, 1) if accuracy >= 0.95 * accuracies[-1])
    largest = int(turned.argmax())
    restarted = "".join(f"; in epoch {epoch}, after a restart, by {turned[epoch - 1]:.1f}" for epoch in record.restarts)
    return (
        f"- **Most is learned early**: half the final accuracy by epoch {half}, 95% of it by epoch {near}.\n"
        f"- **How much the first kernels turn**: in epoch {largest + 1} their direction changed by "
        f"{turned[largest]:.1f} degrees on average, more than in any other{restarted}, and in the last one by "
        f"{turned[-1]:.1f}.\n"
        f"- **Training and validation**: the accuracy is {last['accuracy']:.1%} on training photos and "
        f"{last['validation_accuracy']:.1%} on 5,000 validation photos. The second figure is the one to expect on "
        "new photos." + "".join(_restart_sentence(record, epoch) for epoch in record.restarts) + _teacher(record)
    )


def _teacher(record: TrainingRecord) -> str:
    """Return a list item on the epochs with a teacher, or nothing."""
    if record.taught_from is None:
        return ""
    return (
        f"\n- **A teacher**: from epoch {record.taught_from} on the network also learned the probabilities that a "
        "teacher predicts for each training photo (knowledge distillation): a larger network, and after the last "
        "restart the network as it was then. Its training loss measures the distance to them too, and is no longer "
        "comparable with the validation loss."
    )


def _restart_sentence(record: TrainingRecord, restart: int) -> str:
    """Return a list item on the accuracies before a restart, at their lowest after it, and at the end of its cycle."""
    end = min((epoch for epoch in record.restarts if epoch > restart), default=len(record.epochs) + 1) - 1
    before, last = record.epochs[restart - 2], record.epochs[end - 1]
    accuracies = [epoch["validation_accuracy"] for epoch in record.epochs[restart - 1 : end]]
    low = min(accuracies)
    lowest = restart + accuracies.index(low)
    return (
        f"\n- **Warm restart**: at epoch {restart} the learning rate was raised again. Validation accuracy was "
        f"{before['validation_accuracy']:.1%} before, {low:.1%} at its lowest after it (epoch {lowest}), "
        f"and {last['validation_accuracy']:.1%} once the rate had decayed (epoch {end}); "
        f"training accuracy was {before['accuracy']:.1%} before and {last['accuracy']:.1%} then."
    )
