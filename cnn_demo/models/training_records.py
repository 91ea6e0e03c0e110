"""Training records of the bundled networks, read from `assets/weights` without a framework."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.files.weights import BUNDLED, is_intact


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """Training history of the CIFAR-10 network and its metrics on the 5,000 validation images.

    Attributes:
        labels: The ten class names.
        epochs: Dictionaries, one per epoch, of `loss`, `accuracy`, `validation_loss` and `validation_accuracy`.
        restarts: Epochs, counted from 1, at which the learning rate was restarted.
        taught_from: First epoch, counted from 1, in which it also learned from a teacher's probabilities, so that the
            training loss is another one; None if there was none.
        kernels: (epochs + 1, 5, 5, 3, 32) float32: the first layer's kernels before training and after each epoch.
        temperature: Softmax temperature.
        accuracy: Validation accuracy.
        ece: Expected calibration error, 15 bins, with the temperature fitted on one half and evaluated on the other,
            and vice versa.
        ece_before: Expected calibration error without temperature scaling.
        reliability: Dictionaries, one for each of 15 confidence bins, of `low`, `high`, `count`, mean `confidence`,
            `accuracy`.
        confusion: (10, 10) confusion matrix; rows are ground truth.
        confidences: Counts over 20 confidence bins of `right` and `wrong` predictions.
    """

    labels: tuple[str, ...]
    epochs: tuple[dict[str, float], ...] = field(repr=False)
    restarts: tuple[int, ...]
    taught_from: int | None
    kernels: np.ndarray = field(repr=False)
    temperature: float
    accuracy: float
    ece: float
    ece_before: float
    reliability: tuple[dict[str, float], ...] = field(repr=False)
    confusion: np.ndarray = field(repr=False)
    confidences: dict[str, list[int]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class ValidationLogits:
    """Outputs of the CIFAR-10 network for the 5,000 validation images.

    Attributes:
        logits: (5000, 10) float32 logits, not divided by a temperature, minus the largest of each image.
        labels: (5000,) int64 ground-truth classes.
    """

    logits: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)


@dataclass(frozen=True, eq=False)
class LocalizerRecord:
    """Training history of the localizer and its metrics on the validation photos.

    Boxes are corners as fractions of the photo's sides. The validation photos are not part of this project; the
    predictions of every epoch are recorded for the sample photos, which are.

    Attributes:
        labels: The three class names, and "nothing".
        epochs: Dictionaries, one per epoch, of the training loss and its terms `class`, `smooth_l1`, `giou`, `votes`;
            for the validation photos, original (`whole_`) and pasted onto others (`pasted_`), `accuracy`, mean `iou`,
            the fractions `over_50` and `over_75`, and a `histogram` of IoU over 20 bins; `false_boxes` on other photos.
        samples: Keys of the sample photos.
        boxes: (epochs + 1, samples, 4) float32: predictions of the box head before training and after each epoch,
            whether or not a label is predicted.
        probabilities: (epochs + 1, samples, 4) float32, "nothing" last.
        figures: Metrics after training: those above, in full precision, and some by class.
        overlaps: IoU of each validation photo, by class.
        worst: The validation photos with the lowest IoU: `photo`, `label`, `answer`, `iou`, `aspect` (width by height),
            `truth` and `box`.
    """

    labels: tuple[str, ...]
    epochs: tuple[dict, ...] = field(repr=False)
    samples: tuple[str, ...]
    boxes: np.ndarray = field(repr=False)
    probabilities: np.ndarray = field(repr=False)
    figures: dict[str, float]
    overlaps: dict[str, list[float]] = field(repr=False)
    worst: tuple[dict, ...] = field(repr=False)


@cache
def localizer_record() -> LocalizerRecord:
    """Read the record of the bundled localizer.

    Raises:
        FileNotFoundError: If the bundled files are missing.
        ModelUnavailable: If they are damaged.
    """
    return LocalizerRecord(**_read("caltech_localizer.json", "caltech_localizer_samples.npz"))


def _read(facts: str, arrays: str) -> dict[str, Any]:
    """Return the values of a JSON file, lists as tuples, and the arrays of an NPZ file."""
    _check_present(facts, arrays)
    _check_intact(facts, arrays)
    text = (BUNDLED / facts).read_text(encoding="utf-8")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}
    return values | _read_arrays(arrays)


def _read_arrays(name: str) -> dict[str, np.ndarray]:
    """Return read-only float32 copies of the arrays in an NPZ file."""
    _check_present(name)
    _check_intact(name)
    with np.load(BUNDLED / name) as file:
        arrays = {key: file[key].astype(np.float32) for key in file.files}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _check_present(*names: str) -> None:
    if missing := [name for name in names if not (BUNDLED / name).is_file()]:
        raise FileNotFoundError(
            f"The network's training record is incomplete: {' and '.join(missing)} must be in assets/weights."
        )


def _check_intact(*names: str) -> None:
    """Raise `ModelUnavailable` if a file is damaged, so that nothing else can go wrong while it is read."""
    for name in names:
        with contextlib.suppress(OSError):
            if is_intact(BUNDLED / name):
                continue
        raise ModelUnavailable(f"The network's training record is damaged: please replace assets/weights/{name}.")


@cache
def cifar10_record() -> TrainingRecord:
    """Read the record of the bundled CIFAR-10 network.

    Raises:
        FileNotFoundError: If the bundled files are missing.
        ModelUnavailable: If they are damaged.
    """
    values = _read("cifar10_cnn.json", "cifar10_cnn_kernels.npz")
    return TrainingRecord(**values | {"confusion": np.array(values["confusion"])})


@cache
def cifar10_validation() -> ValidationLogits:
    """Read the logits of the bundled CIFAR-10 network for the validation images.

    Raises:
        FileNotFoundError: If the bundled file is missing.
        ModelUnavailable: If it is damaged.
    """
    arrays = _read_arrays("cifar10_cnn_validation.npz")
    return ValidationLogits(arrays["logits"], arrays["labels"].astype(np.int64))
