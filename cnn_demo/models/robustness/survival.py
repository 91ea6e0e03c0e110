"""The effect of adversarial noise on other networks, and after the photo was compressed, moved or photographed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images.corruptions import corrupt
from cnn_demo.images.resizing import resized

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

# Corruptions and their amounts, from mild to strong.
CONDITIONS = (
    ("jpeg", 90),
    ("jpeg", 50),
    ("blur", 0.4),
    ("blur", 1.2),
    ("rotation", 5),
    ("rotation", 20),
    ("noise", 4),
    ("screen", 40),
)
DRAWS = 20  # random noises of the same size
BATCH = 10  # images per batch; the lock is released between batches


@dataclass(frozen=True)
class Outcome:
    """Predictions for the photo without and with the noise, under one condition.

    Attributes:
        label: Top-1 class of the photo without the noise.
        probability: Its probability.
        altered_label: Top-1 class of the photo with the noise.
        altered_probability: Its probability.
    """

    label: str
    probability: float
    altered_label: str
    altered_probability: float

    @property
    def changes(self) -> bool:
        """Whether the noise changes the prediction."""
        return self.label != self.altered_label


def picture_with(model: Classifier, pixels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return a square image whose preparation for the network is exactly `seen`.

    For a network that takes the whole square, that is `seen`; for another it is surrounded by a margin of the photo.

    Args:
        model: A classifier.
        pixels: (H, W, 3) uint8 photo.
        seen: (h, w, 3) uint8 of the network's input size, h = w.
    """
    side = seen.shape[0]
    whole = round(side / model.spec.crop)
    while max(1, round(whole * model.spec.crop)) < side:
        whole += 1
    while max(1, round(whole * model.spec.crop)) > side:
        whole -= 1
    if whole == side:
        return seen
    height, width = pixels.shape[:2]
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    picture = resized(pixels[top : top + shorter, left : left + shorter], (whole, whole), model.spec.resampling)
    at = (whole - side) // 2
    picture[at : at + side, at : at + side] = seen
    return picture


def outcomes(
    model: Classifier, pairs: Sequence[tuple[np.ndarray, np.ndarray]], progress: Callable[[float], None] | None = None
) -> list[Outcome]:
    """Return a network's predictions for pairs of photos, each without and with the noise.

    Args:
        model: A classifier, the attacked one or another.
        pairs: (H, W, 3) uint8 photos of any size.
        progress: Callback that receives the completed fraction after each batch.
    """
    inputs = [model.prepare(picture) for pair in pairs for picture in pair]
    rows = []
    for start in range(0, len(inputs), BATCH):
        rows.append(model.logits(np.stack(inputs[start : start + BATCH])))
        if progress is not None:
            progress(min(start + BATCH, len(inputs)) / len(inputs))
    probabilities = model.probabilities(np.concatenate(rows))
    best = [(model.labels[row.argmax()], float(row.max())) for row in probabilities]
    return [Outcome(*before, *after) for before, after in zip(best[::2], best[1::2], strict=True)]


def corrupted_pairs(plain: np.ndarray, altered: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return both pictures (H, W, 3) uint8 under each of `CONDITIONS`."""
    return [(corrupt(plain, kind, amount), corrupt(altered, kind, amount)) for kind, amount in CONDITIONS]


def changed_by_chance(
    model: Classifier, seen: np.ndarray, size: int, progress: Callable[[float], None] | None = None
) -> int:
    """Count how many of `DRAWS` random noises change the prediction.

    Every colour value moves up or down by the whole size, which is the strongest noise within that budget.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        size: Change of each colour value, in levels of 255.
        progress: Callback that receives the completed fraction after each batch.
    """
    random = np.random.default_rng(0)
    label = int(model.logits(seen[np.newaxis])[0].argmax())
    changed = 0
    for start in range(0, DRAWS, BATCH):
        signs = random.choice((-1, 1), (min(BATCH, DRAWS - start), *seen.shape))
        noisy = np.clip(seen + size * signs, 0, 255).astype(np.uint8)
        changed += int((model.logits(noisy).argmax(axis=1) != label).sum())
        if progress is not None:
            progress(min(start + BATCH, DRAWS) / DRAWS)
    return changed
