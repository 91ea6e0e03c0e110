"""Transfer learning session of page 4: jobs for the training queue that report their state step by step.

Two heads are trained on the same photos, one on the features of a pretrained network, the other on features of the same
architecture with random weights; the difference is the benefit of pretraining. Optionally the last block of the
pretrained network is then fine-tuned with its head.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images import Photo
from cnn_demo.jobs import JobError
from cnn_demo.models import ModelUnavailable, load_classifier
from cnn_demo.models.transfer import backbones, fine_tuning, linear_head
from cnn_demo.models.transfer.fine_tuning import TunedRun
from cnn_demo.models.transfer.heads import Head
from cnn_demo.models.transfer.linear_head import HeadRun
from cnn_demo.models.transfer.photo_sets import PhotoSet

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

PRETRAINED, RANDOM, TUNED = "pretrained", "random", "tuned"
Z95 = 1.959964
"""97.5% quantile of the standard normal distribution."""


@dataclass(frozen=True, eq=False)
class Task:
    """A transfer learning task.

    Attributes:
        photos: Photos for training and validation.
        model_key: Key of the backbone.
        draw: Seed of the validation split.
    """

    photos: PhotoSet = field(repr=False)
    model_key: str
    draw: int

    @cached_property
    def hold_out(self) -> np.ndarray:
        """Indices of the validation photos."""
        return linear_head.split(self.photos.classes, seed=self.draw)[1]


@dataclass(frozen=True, eq=False)
class TransferState:
    """State of a session; immutable, each step creates a new one.

    Attributes:
        task: The task.
        runs: Available runs by name: `PRETRAINED`, `RANDOM` and `TUNED`.
        step: Description of the current step, shown above a progress bar.
        done: Completed fraction of the step, 0..1.
        seconds: Training time of both heads, features included, model loading excluded.
    """

    task: Task
    runs: dict[str, HeadRun] = field(default_factory=dict, repr=False)
    step: str = ""
    done: float = 0.0
    seconds: float = 0.0

    def right(self, which: str) -> int:
        """Return the number of validation photos that a run classifies correctly."""
        predictions = self.runs[which].probabilities.argmax(axis=1)
        return int((predictions == self.task.photos.classes[self.task.hold_out]).sum())


Report = Callable[[TransferState], None]
ShouldContinue = Callable[[], bool]


class _Ended(Exception):
    """The training was stopped."""


def teach(task: Task, report: Report = lambda taught: None, goes_on: ShouldContinue = lambda: True) -> None:
    """Train both heads in parallel, epoch by epoch.

    Args:
        task: The task.
        report: Callback that receives the state after each batch of photos and each epoch.
        goes_on: Callback after each report; training stops if it returns False.

    Raises:
        JobError: If the network is not available.
    """
    start = time.perf_counter()
    photos, key = task.photos, task.model_key
    model = _loaded(key)
    with suppress(_Ended):
        progress = _photo_progress(TransferState(task), "Computing features with the trained network", report, goes_on)
        features = backbones.features(model, photos.photos, progress=progress)
        progress = _photo_progress(TransferState(task), "Computing features with random weights", report, goes_on)
        random = backbones.random_features(model, photos.photos, progress=progress)
        given = photos.classes, photos.labels, task.hold_out
        both = linear_head.train_head(features, *given, backbone=key), linear_head.train_head(random, *given)
        for epoch, (trained, untrained) in enumerate(zip(*both, strict=True), start=1):
            runs = {PRETRAINED: trained, RANDOM: untrained}
            step = f"Epoch {epoch} of {linear_head.EPOCHS}"
            done = epoch / linear_head.EPOCHS
            report(TransferState(task, runs, step, done, time.perf_counter() - start))
            if not goes_on():
                return


def tune(taught: TransferState, report: Report = lambda taught: None, goes_on: ShouldContinue = lambda: True) -> None:
    """Fine-tune the last block, starting from the head on the pretrained network's features.

    Args:
        taught: Final state of `teach`; its other runs are kept.
        report: Callback that receives the state after each batch of photos and each epoch.
        goes_on: Callback after each report; training stops if it returns False.

    Raises:
        JobError: If the network is not available, or its last block cannot be trained separately.
    """
    task = taught.task
    kept = replace(taught, runs={which: run for which, run in taught.runs.items() if which != TUNED})
    head = kept.runs[PRETRAINED].head
    model = _loaded(task.model_key)
    photos = task.photos
    try:
        fine_tuning.cut_layer(model.network)
    except ValueError as error:
        raise JobError(str(error)) from error
    with suppress(_Ended):
        progress = _photo_progress(kept, "Computing features with the frozen layers", report, goes_on)
        epochs = fine_tuning.fine_tune(model, photos.photos, photos.classes, task.hold_out, head, progress=progress)
        for epoch, run in enumerate(epochs, start=1):
            step = f"Epoch {epoch} of {fine_tuning.EPOCHS}"
            done = epoch / fine_tuning.EPOCHS
            report(replace(kept, runs={**kept.runs, TUNED: run}, step=step, done=done))
            if not goes_on():
                return


def predict_photos(head: Head, photos: Sequence[Photo], tuned: TunedRun | None = None) -> np.ndarray:
    """Return a head's class probabilities (N, C) for photos.

    Args:
        head: The head; features are computed with its backbone.
        photos: The photos, at least one.
        tuned: Fine-tuned run that started from this head, whose block and head are used instead.

    Raises:
        ModelUnavailable: If the head's backbone is not available.
    """
    model = load_classifier(head.backbone)
    if tuned is None:
        return head.probabilities(backbones.features(model, photos, head.fit))
    return tuned.head.probabilities(tuned.tail.features(model, photos, head.fit))


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95% confidence interval of an accuracy.

    Unlike right / count ± two standard errors, it stays within 0..1 and has a positive width even if all predictions
    are correct (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).

    Args:
        right: Number of correct predictions, 0..count.
        count: Number of predictions, at least 1.
    """
    accuracy = right / count
    z2 = Z95**2
    middle = (accuracy + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 * sqrt(accuracy * (1 - accuracy) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _loaded(key: str) -> Classifier:
    try:
        return load_classifier(key)
    except ModelUnavailable as error:
        raise JobError(str(error)) from error


def _photo_progress(taught: TransferState, step: str, report: Report, goes_on: ShouldContinue) -> backbones.Progress:
    """Return a progress callback that reports the processed photos and stops the computation on request."""

    def report_photos(done: int, of: int) -> None:
        report(replace(taught, step=f"{step}: {done} of {of}", done=done / of))
        if not goes_on():
            raise _Ended

    report(replace(taught, step=step, done=0.0))
    return report_photos
