"""Transfer learning: a new last layer on the features of a network that stays as it is, while the visitor looks on.

What a network learned from a million photos also describes photos of other things: on its features a handful of
examples is enough (Donahue et al. 2014, "DeCAF", https://arxiv.org/abs/1310.1531). The layer is softmax regression
with L2 regularisation, trained by Adam; all of it stands here in NumPy, as a formula would have it.

The comparison is fair if the photos that measure were not used for anything else. So the hold-out is drawn first,
features are standardised by the training part alone, and nothing is chosen by the hold-out: not the number of epochs,
for the last one counts, nor any constant below, which were chosen on other classes than the benchmark's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.calibration import softmax
from cnn_demo.models.classification.digits import Epoch, measure
from cnn_demo.models.transfer.heads import Head

SHARE = 0.25
"""Of each class that is held out."""
EPOCHS = 100
RATE = 0.03
L2 = 0.02
"""Near scikit-learn's default: its C = 1 means 1 / (number of photos), which is 0.02 for fifty."""


@dataclass(frozen=True, eq=False)
class HeadRun:
    """A training as far as it has come; never changed, each epoch makes a new one.

    Attributes:
        epochs: One entry for each finished epoch; all four figures were measured after it, without the L2 term.
        head: As it is now; after the last epoch the result.
        probabilities: (M, C) float32, what it says of the M held-out photos.
    """

    epochs: tuple[Epoch, ...]
    head: Head
    probabilities: np.ndarray = field(repr=False)


def split(classes: np.ndarray, share: float = SHARE, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the photos to hold out: of each class its share, at least one, and never all.

    Args:
        classes: (N,) int, at least two photos of each class.
        share: Of each class, above 0 and below 1, rounded to whole photos.
        seed: The same seed draws the same photos.

    Returns:
        (train, hold_out): the numbers of the photos, int64, each in ascending order.

    Raises:
        ValueError: If the share is out of range, or a class has a single photo.
    """
    if not 0 < share < 1:
        raise ValueError(f"The share to hold out must be above 0 and below 1, not {share}.")
    chance = np.random.default_rng(seed)
    held = np.zeros(len(classes), bool)
    for number in np.unique(classes):
        photos = chance.permutation(np.flatnonzero(classes == number))
        if len(photos) < 2:
            raise ValueError("A class of a single photo cannot be split: please add another one.")
        count = min(max(1, round(share * len(photos))), len(photos) - 1)
        held[photos[:count]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def train_head(
    features: np.ndarray,
    classes: np.ndarray,
    labels: Sequence[str],
    hold_out: np.ndarray,
    *,
    epochs: int = EPOCHS,
    rate: float = RATE,
    l2: float = L2,
    backbone: str = "",
    fit: str = "crop",
) -> Iterator[HeadRun]:
    """Train a head on all photos but the held-out ones; no chance is involved, for the weights begin at zero.

    The loss is the mean cross-entropy plus l2 / 2 · Σ weights². It is convex: it has one minimum, wherever one begins.

    Args:
        features: (N, F) float32, of the photos, from a network that is trained or one that is not.
        classes: (N,) int, the number of each photo's label.
        labels: C names.
        hold_out: Numbers of the photos that are only measured on, from `split`.
        epochs: Steps of Adam, each on all training photos together.
        rate: Learning rate of the bias; that of the weights is √F times smaller, as a photo's standardised features
            have a length of about √F.
        l2: Regularisation.
        backbone: Key of the model that the features come from, to be kept with the head.
        fit: How the photos were fitted, likewise.

    Yields:
        What there is after each epoch. Whoever stops asking stops the training, and may keep what came last.

    Raises:
        ValueError: If the arrays do not fit each other, features are not finite, or a class has no photo to train on.
    """
    if features.ndim != 2 or not np.isfinite(features).all():
        raise ValueError("The features of these photos are not rows of finite numbers.")
    train = training_part(len(features), classes, len(labels), hold_out)
    mean, scale = standardisation(features[train])
    x, y = (features[train].astype(np.float64) - mean) / scale, np.eye(len(labels))[classes[train]]
    weights, bias = np.zeros((x.shape[1], len(labels))), np.zeros(len(labels))
    move_weights, move_bias = Adam(rate / np.sqrt(x.shape[1])), Adam(rate)
    done: list[Epoch] = []
    for _ in range(epochs):
        _, weight_gradient, bias_gradient = loss_and_gradients(x, y, weights, bias, l2)
        weights, bias = weights + move_weights(weight_gradient), bias + move_bias(bias_gradient)
        head = Head(*(v.astype(np.float32) for v in (weights, bias, mean, scale)), tuple(labels), backbone, fit)
        probabilities = head.probabilities(features)  # measured is what would be saved: float32 numbers
        done.append(measured(probabilities, classes, train, hold_out))
        yield HeadRun(tuple(done), head, probabilities[hold_out])


def standardisation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what to subtract from features and what to divide them by, (F,) float32 each.

    The mean is each feature's own. The scale is one for all: the root mean square of their standard deviations. With
    one for each, a feature that only stirs on one photo of many would count as much as those that tell classes apart.

    Args:
        features: (N, F), of the training part alone.
    """
    features = features.astype(np.float64)
    deviation = np.sqrt(features.var(axis=0).mean())
    scale = np.full(features.shape[1], deviation if deviation > 1e-37 else 1.0)
    return features.mean(axis=0).astype(np.float32), scale.astype(np.float32)


def loss_and_gradients(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, bias: np.ndarray, l2: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of softmax regression, and its gradients by weights and bias.

    Args:
        x: (N, F) standardised features.
        y: (N, C), one where a photo's class is, else zero.
        weights: (F, C).
        bias: (C,).
        l2: Regularisation of the weights, not of the bias.
    """
    probabilities = softmax(x @ weights + bias)
    of_truth = (probabilities * y).sum(axis=1)
    loss = -np.log(np.maximum(of_truth, 1e-300)).mean() + l2 / 2 * (weights**2).sum()
    error = (probabilities - y) / len(x)  # the derivative by the logits is as simple as that
    return float(loss), x.T @ error + l2 * weights, error.sum(axis=0)


class Adam:
    """The optimizer of Kingma and Ba (2015), https://arxiv.org/abs/1412.6980, with the constants of the paper.

    A step is the mean of recent gradients, divided by the root of the mean of their squares: about as large as the
    rate where gradients agree, smaller where they take turns.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.steps = 0
        self.mean: np.ndarray | float = 0.0
        self.square: np.ndarray | float = 0.0

    def __call__(self, gradient: np.ndarray) -> np.ndarray:
        """Return what to add to the values that have this gradient."""
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean = self.mean / (1 - 0.9**self.steps)  # both began at zero, which would make the first steps too short
        square = self.square / (1 - 0.999**self.steps)
        return -self.rate * mean / (np.sqrt(square) + 1e-8)


def measured(probabilities: np.ndarray, classes: np.ndarray, train: np.ndarray, hold_out: np.ndarray) -> Epoch:
    """Measure loss and accuracy on both parts, of (N, C) probabilities of all photos."""
    return Epoch(*measure(probabilities[train], classes[train]), *measure(probabilities[hold_out], classes[hold_out]))


def confusion(
    classes: np.ndarray, hold_out: np.ndarray, probabilities: np.ndarray
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Sort the held-out photos into a confusion matrix whose cells hold photos, not only their count.

    Args:
        classes: (N,) of all photos.
        hold_out: (M,) numbers of those held out.
        probabilities: (M, C), of a `HeadRun`.

    Returns:
        C rows, the truth, of C cells, the answer: in each the numbers of its photos, ascending.
    """
    cells = [[[] for _ in range(probabilities.shape[1])] for _ in range(probabilities.shape[1])]
    for photo, answer in zip(hold_out, probabilities.argmax(axis=1), strict=True):
        cells[classes[photo]][answer].append(int(photo))
    return tuple(tuple(tuple(sorted(cell)) for cell in row) for row in cells)


def training_part(count: int, classes: np.ndarray, labels: int, hold_out: np.ndarray) -> np.ndarray:
    """Return the numbers of the photos that are not held out, once all has been checked.

    Raises:
        ValueError: If there are not as many classes as photos, or a label has no photo to train on.
    """
    if len(classes) != count:
        raise ValueError(f"{count} photos need as many class numbers, not {len(classes)}.")
    train = np.setdiff1d(np.arange(count), hold_out)
    if not len(hold_out) or set(classes[train].tolist()) != set(range(labels)):
        raise ValueError("Each class needs photos to train on, and some photos must be held out.")
    return train
