"""What the bundled networks' training left behind, read from `assets/weights` without any framework."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from cnn_demo.models.files.weights import BUNDLED


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """How the CIFAR-10 network learned, and what was measured on the 5,000 images that it was never trained on.

    Attributes:
        labels: The ten classes.
        epochs: For each epoch `loss`, `accuracy`, `validation_loss` and `validation_accuracy`.
        restarts: Epochs, counted from 1, for which the learning rate was raised anew.
        kernels: (epochs + 1, 5, 5, 3, 32) float32: the first layer's kernels before training and after each epoch.
        temperature: What the logits are divided by before the softmax.
        accuracy: Share of right answers.
        ece: Expected calibration error, 15 bins, with the temperature fitted on one half and measured on the other,
            both ways.
        ece_before: The same without temperature.
        reliability: For each of 15 bins of the top probability `low`, `high`, `count`, mean `confidence`, `accuracy`.
        confusion: (10, 10) counts; rows are the true classes.
        confidences: Counts over 20 bins of the top probability: `right` and `wrong` answers.
    """

    labels: tuple[str, ...]
    epochs: tuple[dict[str, float], ...] = field(repr=False)
    restarts: tuple[int, ...]
    kernels: np.ndarray = field(repr=False)
    temperature: float
    accuracy: float
    ece: float
    ece_before: float
    reliability: tuple[dict[str, float], ...] = field(repr=False)
    confusion: np.ndarray = field(repr=False)
    confidences: dict[str, list[int]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class LocalizerRecord:
    """How the localizer learned, and what was measured on the photos that it was never trained on.

    Boxes are corners as shares of the photo's sides. The photos that were held back are not part of this project; of
    the sample photos, which are, every epoch's answer is kept.

    Attributes:
        labels: The three classes, and "nothing".
        epochs: For each epoch of the training pictures the loss and its parts `class`, `smooth_l1`, `giou`, `votes`; of
            the held-back photos as they are (`whole_`) and pasted onto others (`pasted_`) `accuracy`, mean `iou`, the
            shares `over_50` and `over_75`, and a `histogram` of IoU over 20 bins; `false_boxes` on other photos.
        samples: Keys of the sample photos.
        boxes: (epochs + 1, samples, 4) float32: the box head's answer before training and after each epoch, whether or
            not there was a label.
        probabilities: (epochs + 1, samples, 4) float32, "nothing" last.
        figures: Measured when training was done: those above, in full precision, and some by class.
        overlaps: IoU of each held-back photo, by class.
        worst: The held-back photos with the least IoU: `photo`, `label`, `answer`, `iou`, `aspect` (width by height),
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
    """
    facts, arrays = _read("caltech_localizer.json", "caltech_localizer_samples.npz")
    return LocalizerRecord(
        labels=tuple(facts["labels"]),
        epochs=tuple(facts["epochs"]),
        samples=tuple(facts["samples"]),
        boxes=arrays["boxes"],
        probabilities=arrays["probabilities"],
        figures=facts["figures"],
        overlaps=facts["overlaps"],
        worst=tuple(facts["worst"]),
    )


def _read(facts: str, arrays: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Read a JSON file and float32 copies, not to be changed, of the arrays in an NPZ file."""
    paths = BUNDLED / facts, BUNDLED / arrays
    if missing := [path.name for path in paths if not path.is_file()]:
        raise FileNotFoundError(
            f"The network's training record is incomplete: {' and '.join(missing)} belong into assets/weights."
        )
    with np.load(paths[1]) as file:
        kept = {name: file[name].astype(np.float32) for name in file.files}
    for array in kept.values():
        array.flags.writeable = False
    return json.loads(paths[0].read_text(encoding="utf-8")), kept


@cache
def cifar10_record() -> TrainingRecord:
    """Read the record of the bundled CIFAR-10 network.

    Raises:
        FileNotFoundError: If the bundled files are missing.
    """
    facts, arrays = _read("cifar10_cnn.json", "cifar10_cnn_kernels.npz")
    return TrainingRecord(
        labels=tuple(facts["labels"]),
        epochs=tuple(facts["epochs"]),
        restarts=tuple(facts["restarts"]),
        kernels=arrays["kernels"],
        temperature=facts["temperature"],
        accuracy=facts["accuracy"],
        ece=facts["ece"],
        ece_before=facts["ece_before"],
        reliability=tuple(facts["reliability"]),
        confusion=np.array(facts["confusion"]),
        confidences=facts["confidences"],
    )
