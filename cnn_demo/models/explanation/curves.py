"""Deletion and insertion curves: two tests of a saliency map's faithfulness.

Removing the pixels that a map marks as important must lower the class probability, and inserting them into a blurred
photo must raise it, both faster than in a random order. Petsiuk et al., "RISE" (2018),
https://arxiv.org/abs/1806.07421.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.models.classification.classifiers import GREY
from cnn_demo.models.explanation.cams import enlarge
from cnn_demo.models.explanation.feature_maps import check_label, check_picture
from cnn_demo.models.explanation.perturbation import Progress, class_probabilities

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

FILLS = ("blur", "grey")


@dataclass(frozen=True, eq=False)
class Curve:
    """Score of a class, or of another target, while pixels are removed or inserted.

    Attributes:
        fraction: (n + 1,) fraction of the pixels that are changed so far, 0 to 1.
        score: (n + 1,) float32, class probability or score of the target, 0 to 1.
    """

    fraction: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)

    @property
    def area(self) -> float:
        """Area under the curve, 0 to 1: of a faithful map low if pixels are removed, high if they are inserted."""
        return float(np.trapezoid(self.score, self.fraction))


def deletion_curve(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    importance: np.ndarray,
    steps: int = 32,
    fill: str = "blur",
    progress: Progress | None = None,
) -> Curve:
    """Deletion metric: remove the most important pixels first and record the class probability.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        importance: (h, w) importance map, as returned by `explain`. Ties are removed from top to bottom.
        steps: Number of equal steps in which all pixels are removed.
        fill: Replacement of removed pixels: "blur", a strongly blurred copy of the photo, which adds no new edges; or
            "grey".
        progress: Callback that receives the completed fraction.

    Raises:
        ValueError: If there is no such class or fill, less than one step, or image and importance do not match.
    """
    substitute = filled(seen, fill)
    return Curve(*_replaced(model, seen, substitute, seen, label_index, importance, steps, progress))


def insertion_curve(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    importance: np.ndarray,
    steps: int = 32,
    fill: str = "blur",
    progress: Progress | None = None,
) -> Curve:
    """Insertion metric: begin without content, insert the most important pixels first, record the class probability.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        importance: (h, w) importance map, as returned by `explain`. Ties are inserted from top to bottom.
        steps: Number of equal steps in which all pixels are inserted.
        fill: Beginning: "blur", a strongly blurred copy of the photo, or "grey".
        progress: Callback that receives the completed fraction.

    Raises:
        ValueError: As `deletion_curve` does.
    """
    substitute = filled(seen, fill)
    return Curve(*_replaced(model, substitute, seen, seen, label_index, importance, steps, progress))


def random_deletion_curve(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    orders: int = 3,
    steps: int = 32,
    fill: str = "blur",
    progress: Progress | None = None,
) -> Curve:
    """Return the mean deletion curve of random importance maps, the baseline for other maps.

    The random maps are as coarse as class activation maps (`random_importance`). Removing single random pixels would
    not be a fair baseline: the resulting noise lowers the probability quickly, whatever the image shows.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size.
        label_index: Index of the class.
        orders: Number of random maps; always the same ones.
        steps: Number of equal steps in which all pixels are removed.
        fill: Replacement of removed pixels, "blur" or "grey".
        progress: Callback that receives the completed fraction.

    Raises:
        ValueError: As `deletion_curve` does, or if there is less than one order.
    """
    curves = _random(deletion_curve, model, seen, label_index, orders, steps, fill, progress)
    return mean_curve(curves)


def random_insertion_curve(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    orders: int = 3,
    steps: int = 32,
    fill: str = "blur",
    progress: Progress | None = None,
) -> Curve:
    """Return the mean insertion curve of the random maps of `random_deletion_curve`.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size.
        label_index: Index of the class.
        orders: Number of random maps; always the same ones.
        steps: Number of equal steps in which all pixels are inserted.
        fill: Beginning, "blur" or "grey".
        progress: Callback that receives the completed fraction.

    Raises:
        ValueError: As `random_deletion_curve` does.
    """
    curves = _random(insertion_curve, model, seen, label_index, orders, steps, fill, progress)
    return mean_curve(curves)


def random_importance(size: tuple[int, int], cells: int = 7, seed: int = 0) -> np.ndarray:
    """Return a random map (height, width) in 0...1: `cells` × `cells` random values, resized bilinearly."""
    return enlarge(np.random.default_rng(seed).random((cells, cells)), size)


def ranks(importance: np.ndarray) -> np.ndarray:
    """Return the rank of each value of a map, 0 for the largest, in the map's shape; the first of equal ones first."""
    order = np.argsort(-importance.ravel(), kind="stable")
    rank = np.empty(order.size, int)
    rank[order] = np.arange(order.size)
    return rank.reshape(importance.shape)


def check_importance(importance: np.ndarray, size: tuple[int, int]) -> None:
    """Raise ValueError unless the importance is finite and has this (height, width)."""
    if importance.shape != size or not np.isfinite(importance).all():
        raise ValueError(f"The importance must be finite values of shape {size}, not {importance.shape}.")


def step_counts(pixels: int, steps: int) -> np.ndarray:
    """Return how many of the pixels are replaced after 0, 1, ... of equal steps, (steps + 1,) integers.

    Raises:
        ValueError: If there is less than one step.
    """
    if steps < 1:
        raise ValueError(f"At least one step is needed, not {steps}.")
    return np.round(np.linspace(0, pixels, steps + 1)).astype(int)


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Return the mean of curves that have the same fractions."""
    return Curve(curves[0].fraction, np.mean([curve.score for curve in curves], axis=0))


def filled(seen: np.ndarray, fill: str) -> np.ndarray:
    """Return the image without content, (h, w, 3) uint8.

    Args:
        seen: (h, w, 3) uint8.
        fill: "blur", by a Gaussian with a standard deviation of a sixteenth of the shorter side; or "grey".

    Raises:
        ValueError: If there is no such fill.
    """
    if fill not in FILLS:
        raise ValueError(f"There is no fill {fill!r}: choose one of {', '.join(FILLS)}.")
    if fill == "grey":
        return np.full_like(seen, GREY)
    return cv2.GaussianBlur(seen, (0, 0), sigmaX=max(min(seen.shape[:2]) / 16, 1))


def _replaced(
    model: Classifier,
    start: np.ndarray,
    end: np.ndarray,
    seen: np.ndarray,
    label_index: int,
    importance: np.ndarray,
    steps: int,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Replace the pixels of one image by those of another, the most important first.

    Returns:
        Fractions of replaced pixels, and the class probabilities, both (steps + 1,).
    """
    check_picture(model, seen)
    check_label(model, label_index)
    check_importance(importance, seen.shape[:2])
    rank, counts = ranks(importance), step_counts(importance.size, steps)
    pictures = (np.where((rank < count)[:, :, np.newaxis], end, start) for count in counts)
    probability = class_probabilities(model, pictures, label_index, len(counts), progress)
    return counts / importance.size, probability


def _random(
    measure: Callable[..., Curve],
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    orders: int,
    steps: int,
    fill: str,
    progress: Progress | None,
) -> list[Curve]:
    """Return the curves of some random maps, always the same ones."""
    if orders < 1:
        raise ValueError(f"At least one order is needed, not {orders}.")

    def report(before: int, done: float) -> None:
        if progress is not None:
            progress((before + done) / orders)

    curves = []
    for number in range(orders):
        importance = random_importance(seen.shape[:2], seed=number)
        curves.append(measure(model, seen, label_index, importance, steps, fill, partial(report, number)))
    return curves
