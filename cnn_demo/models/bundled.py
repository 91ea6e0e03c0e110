"""What the bundled networks' training left behind, read from `assets/weights` without any framework."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from cnn_demo.models.weights import BUNDLED


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


@cache
def cifar10_record() -> TrainingRecord:
    """Read the record of the bundled CIFAR-10 network.

    Raises:
        FileNotFoundError: If the bundled files are missing.
    """
    paths = BUNDLED / "cifar10_cnn.json", BUNDLED / "cifar10_cnn_kernels.npz"
    if missing := [path.name for path in paths if not path.is_file()]:
        raise FileNotFoundError(
            f"The network's training record is incomplete: {' and '.join(missing)} belong into assets/weights."
        )
    facts = json.loads(paths[0].read_text(encoding="utf-8"))
    with np.load(paths[1]) as file:
        kernels = file["kernels"].astype(np.float32)
    kernels.flags.writeable = False
    return TrainingRecord(
        labels=tuple(facts["labels"]),
        epochs=tuple(facts["epochs"]),
        restarts=tuple(facts["restarts"]),
        kernels=kernels,
        temperature=facts["temperature"],
        accuracy=facts["accuracy"],
        ece=facts["ece"],
        ece_before=facts["ece_before"],
        reliability=tuple(facts["reliability"]),
        confusion=np.array(facts["confusion"]),
        confidences=facts["confidences"],
    )
