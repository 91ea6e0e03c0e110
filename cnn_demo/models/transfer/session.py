"""What page 4 teaches a network, from photos to figures: work for the training queue, told step by step.

Two heads learn from the same photos, one on the features of a trained network, the other on those of the same
architecture with random weights; what lies between them is what the training was worth. On request the last block of
the trained network then learns on with its head.
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
from cnn_demo.models import ModelUnavailable, load
from cnn_demo.models.transfer import backbones, fine_tuning, linear_head
from cnn_demo.models.transfer.fine_tuning import TunedRun
from cnn_demo.models.transfer.heads import Head
from cnn_demo.models.transfer.linear_head import HeadRun
from cnn_demo.models.transfer.photo_sets import PhotoSet

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

PRETRAINED, RANDOM, TUNED = "pretrained", "random", "tuned"
Z95 = 1.959964
"""Standard deviations of a normal distribution that 95 % lie within."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learned.

    Attributes:
        photos: To learn from, and to measure on.
        model_key: Of the network that gives the features.
        draw: Seed of the hold-out.
    """

    photos: PhotoSet = field(repr=False)
    model_key: str
    draw: int

    @cached_property
    def hold_out(self) -> np.ndarray:
        """The numbers of the photos that are only measured on."""
        return linear_head.split(self.photos.classes, seed=self.draw)[1]


@dataclass(frozen=True, eq=False)
class TransferState:
    """What has been learned so far; never changed, each step makes a new one.

    Attributes:
        task: What is being learned.
        runs: `PRETRAINED`, `RANDOM` and `TUNED` to the runs that there are.
        step: What is being done now, as a line above a progress bar.
        done: The share of that, 0..1.
        seconds: That both heads took, the features included; the model was loaded before.
    """

    task: Task
    runs: dict[str, HeadRun] = field(default_factory=dict, repr=False)
    step: str = ""
    done: float = 0.0
    seconds: float = 0.0

    def right(self, which: str) -> int:
        """How many held-out photos one of the runs is right about."""
        answers = self.runs[which].probabilities.argmax(axis=1)
        return int((answers == self.task.photos.classes[self.task.hold_out]).sum())


Report = Callable[[TransferState], None]
ShouldContinue = Callable[[], bool]


class _Ended(Exception):
    """Somebody has stopped the training between two photos."""


def teach(task: Task, report: Report = lambda taught: None, goes_on: ShouldContinue = lambda: True) -> None:
    """Train both heads, epoch by epoch beside each other.

    Args:
        task: What is to be learned.
        report: Told what there is after each batch of photos and each epoch.
        goes_on: Asked then; where it says no, the training ends there.

    Raises:
        TrainingError: If the network is not to be had.
    """
    start = time.perf_counter()
    photos, key = task.photos, task.model_key
    model = _loaded(key)
    with suppress(_Ended):
        looked = _looking(TransferState(task), "The trained network looks at the photos", report, goes_on)
        features = backbones.features(model, photos.photos, progress=looked)
        looked = _looking(TransferState(task), "Its twin with random weights looks at them", report, goes_on)
        random = backbones.random_features(model, photos.photos, progress=looked)
        given = photos.classes, photos.labels, task.hold_out
        both = linear_head.train_head(features, *given, backbone=key), linear_head.train_head(random, *given)
        for epoch, (trained, beside) in enumerate(zip(*both, strict=True), start=1):
            runs = {PRETRAINED: trained, RANDOM: beside}
            step, done = f"Epoch {epoch} of {linear_head.EPOCHS}", epoch / linear_head.EPOCHS
            report(TransferState(task, runs, step, done, time.perf_counter() - start))
            if not goes_on():
                return


def tune(taught: TransferState, report: Report = lambda taught: None, goes_on: ShouldContinue = lambda: True) -> None:
    """Fine-tune the last block, from the head on the trained network's features.

    Args:
        taught: What `teach` has ended with; its other runs are kept.
        report: Told what there is after each batch of photos and each epoch.
        goes_on: Asked then; where it says no, the training ends there.

    Raises:
        TrainingError: If the network is not to be had, or has no last block that can be trained apart.
    """
    task = taught.task
    kept = replace(taught, runs={which: run for which, run in taught.runs.items() if which != TUNED})
    head = kept.runs[PRETRAINED].head
    model, photos = _loaded(task.model_key), task.photos
    try:
        fine_tuning.cut_layer(model.network)
    except ValueError as error:
        raise JobError(str(error)) from error
    with suppress(_Ended):
        looked = _looking(kept, "The photos go through the part that stays as it is", report, goes_on)
        epochs = fine_tuning.fine_tune(model, photos.photos, photos.classes, task.hold_out, head, progress=looked)
        for epoch, run in enumerate(epochs, start=1):
            step, done = f"Epoch {epoch} of {fine_tuning.EPOCHS}", epoch / fine_tuning.EPOCHS
            report(replace(kept, runs={**kept.runs, TUNED: run}, step=step, done=done))
            if not goes_on():
                return


def answers(head: Head, photos: Sequence[Photo], tuned: TunedRun | None = None) -> np.ndarray:
    """Return what a head says of photos: (N, C) probabilities of its labels.

    Args:
        head: Its own network is asked for the features.
        photos: At least one.
        tuned: A fine-tuning that began with this head: its block and its head answer instead.

    Raises:
        ModelUnavailable: If the head's network is not to be had.
    """
    model = load(head.backbone)
    if tuned is None:
        return head.probabilities(backbones.features(model, photos, head.fit))
    return tuned.head.probabilities(tuned.tail.features(model, photos, head.fit))


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Return where a share of right answers may well lie that was measured on few: Wilson's 95 % interval.

    Unlike right / count ± two standard errors it stays within 0..1, and is not empty where all are right
    (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).

    Args:
        right: Of the answers, 0..count.
        count: At least 1.
    """
    share, z2 = right / count, Z95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 * sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _loaded(key: str) -> Classifier:
    try:
        return load(key)
    except ModelUnavailable as error:
        raise JobError(str(error)) from error


def _looking(taught: TransferState, step: str, report: Report, goes_on: ShouldContinue) -> backbones.Progress:
    """Return what reports how many photos a network has seen, and ends that where it is to end."""

    def told(done: int, of: int) -> None:
        report(replace(taught, step=f"{step}: {done} of {of}", done=done / of))
        if not goes_on():
            raise _Ended

    report(replace(taught, step=step, done=0.0))
    return told
