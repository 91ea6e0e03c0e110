"""Transfer learning: live training of a new last layer on the features of a frozen network.

The features of a network trained on a million photos also describe other classes: a handful of examples is enough to
train on them (Donahue et al. 2014, "DeCAF", https://arxiv.org/abs/1310.1531). The layer is softmax regression with L2
regularization, trained with Adam, implemented in NumPy.

For a fair evaluation, the validation photos are used for nothing else: they are drawn first, features are standardized
with the training photos only, and no choice depends on the validation accuracy: neither the number of epochs, since the
last one counts, nor the constants below, which were tuned on other classes than the benchmark's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.calibration import softmax
from cnn_demo.models.classification.digits import Epoch, measure
from cnn_demo.models.transfer.heads import Head

HOLD_OUT_FRACTION = 0.25
"""Fraction of each class held out for validation."""
EPOCHS = 100
RATE = 0.03
L2 = 0.02
"""L2 regularization; close to scikit-learn's default C = 1, which equals 1 / (number of photos), 0.02 for fifty."""


@dataclass(frozen=True, eq=False)
class HeadRun:
    """State of a training run; immutable, each epoch creates a new one.

    Attributes:
        epochs: Metrics of each finished epoch, all measured after it and without the L2 term.
        head: The current head; after the last epoch the result.
        probabilities: (M, C) float32, predictions for the M validation photos.
    """

    epochs: tuple[Epoch, ...]
    head: Head
    probabilities: np.ndarray = field(repr=False)


def split(classes: np.ndarray, fraction: float = HOLD_OUT_FRACTION, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Split photos into training and validation set, stratified by class, with at least one of each class in both.

    Args:
        classes: (N,) int, class indices, at least two photos of each class.
        fraction: Fraction of each class to hold out, above 0 and below 1, rounded to whole photos.
        seed: Seed of the split.

    Returns:
        (train, hold_out): indices of the photos, int64, each in ascending order.

    Raises:
        ValueError: If the fraction is out of range, or a class has a single photo.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"The fraction to hold out must be above 0 and below 1, not {fraction}.")
    chance = np.random.default_rng(seed)
    held = np.zeros(len(classes), bool)
    for number in np.unique(classes):
        photos = chance.permutation(np.flatnonzero(classes == number))
        if len(photos) < 2:
            raise ValueError("A class of a single photo cannot be split: please add another one.")
        count = min(max(1, round(fraction * len(photos))), len(photos) - 1)
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
    """Train a head on all photos except the validation photos; deterministic, since the weights start at zero.

    The loss is the mean cross-entropy plus l2 / 2 · Σ weights². It is convex, so the minimum is independent of the
    start.

    Args:
        features: (N, F) float32 features of the photos.
        classes: (N,) int, class indices.
        labels: C class names.
        hold_out: Indices of the validation photos, from `split`.
        epochs: Number of Adam steps, each on the full training set.
        rate: Learning rate of the bias; that of the weights is √F times smaller, as standardized features have a norm
            of about √F.
        l2: L2 regularization.
        backbone: Key of the model that computed the features, stored with the head.
        fit: Resizing of the photos, stored with the head.

    Yields:
        The state after each epoch. Stop iterating to stop the training early.

    Raises:
        ValueError: If the arrays do not fit each other, features are not finite, or a class has no training photo.
    """
    if features.ndim != 2 or not np.isfinite(features).all():
        raise ValueError("The features of these photos are not rows of finite values.")
    train = training_part(len(features), classes, len(labels), hold_out)
    mean, scale = standardization(features[train])
    x = (features[train].astype(np.float64) - mean) / scale
    y = np.eye(len(labels))[classes[train]]
    weights = np.zeros((x.shape[1], len(labels)))
    bias = np.zeros(len(labels))
    move_weights = Adam(rate / np.sqrt(x.shape[1]))
    move_bias = Adam(rate)
    done: list[Epoch] = []
    for _ in range(epochs):
        _, weight_gradient, bias_gradient = loss_and_gradients(x, y, weights, bias, l2)
        weights = weights + move_weights(weight_gradient)
        bias = bias + move_bias(bias_gradient)
        head = Head(weights.astype(np.float32), bias.astype(np.float32), mean, scale, tuple(labels), backbone, fit)
        probabilities = head.probabilities(features)  # evaluated in float32, as it would be saved
        done.append(measured(probabilities, classes, train, hold_out))
        yield HeadRun(tuple(done), head, probabilities[hold_out])


def standardization(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and scale for standardizing features, (F,) float32 each.

    The mean is per feature. The scale is shared: the root mean square of the standard deviations. With a scale per
    feature, one that is active on a single photo would count as much as those that separate the classes.

    Args:
        features: (N, F) features of the training photos.
    """
    features = features.astype(np.float64)
    deviation = np.sqrt(features.var(axis=0).mean())
    scale = np.full(features.shape[1], deviation if deviation > 1e-37 else 1.0)
    return features.mean(axis=0).astype(np.float32), scale.astype(np.float32)


def loss_and_gradients(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, bias: np.ndarray, l2: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of softmax regression and its gradients with respect to weights and bias.

    Args:
        x: (N, F) standardized features.
        y: (N, C) one-hot labels.
        weights: (F, C) weights.
        bias: (C,) bias.
        l2: L2 regularization of the weights, not of the bias.
    """
    probabilities = softmax(x @ weights + bias)
    of_truth = (probabilities * y).sum(axis=1)
    loss = -np.log(np.maximum(of_truth, 1e-300)).mean() + l2 / 2 * (weights**2).sum()
    error = (probabilities - y) / len(x)  # gradient with respect to the logits
    return float(loss), x.T @ error + l2 * weights, error.sum(axis=0)


class Adam:
    """The optimizer of Kingma and Ba (2015), https://arxiv.org/abs/1412.6980, with the constants of the paper.

    A step is the moving average of the gradients, divided by the root of the moving average of their squares: about as
    large as the learning rate if gradients agree, smaller if their signs alternate.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.steps = 0
        self.mean: np.ndarray | float = 0.0
        self.square: np.ndarray | float = 0.0

    def __call__(self, gradient: np.ndarray) -> np.ndarray:
        """Return the update for the parameters with this gradient."""
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean = self.mean / (1 - 0.9**self.steps)  # bias correction: both averages start at zero
        square = self.square / (1 - 0.999**self.steps)
        return -self.rate * mean / (np.sqrt(square) + 1e-8)


def measured(probabilities: np.ndarray, classes: np.ndarray, train: np.ndarray, hold_out: np.ndarray) -> Epoch:
    """Return loss and accuracy on both parts, given probabilities (N, C) of all photos."""
    return Epoch(*measure(probabilities[train], classes[train]), *measure(probabilities[hold_out], classes[hold_out]))


def confusion(
    classes: np.ndarray, hold_out: np.ndarray, probabilities: np.ndarray
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Return a confusion matrix of the validation photos whose cells hold photo indices instead of counts.

    Args:
        classes: (N,) class indices of all photos.
        hold_out: (M,) indices of the validation photos.
        probabilities: (M, C) predictions of a `HeadRun`.

    Returns:
        C rows (ground truth) of C cells (prediction), each with ascending photo indices.
    """
    cells: list[list[list[int]]] = [[[] for _ in range(probabilities.shape[1])] for _ in range(probabilities.shape[1])]
    for photo, predicted in zip(hold_out, probabilities.argmax(axis=1), strict=True):
        cells[classes[photo]][predicted].append(int(photo))
    return tuple(tuple(tuple(sorted(cell)) for cell in row) for row in cells)


def training_part(count: int, classes: np.ndarray, labels: int, hold_out: np.ndarray) -> np.ndarray:
    """Validate the arguments and return the indices of the training photos.

    Raises:
        ValueError: If there are not as many classes as photos, or a class has no training photo.
    """
    if len(classes) != count:
        raise ValueError(f"{count} photos need as many class indices, not {len(classes)}.")
    train = np.setdiff1d(np.arange(count), hold_out)
    if not len(hold_out) or set(classes[train].tolist()) != set(range(labels)):
        raise ValueError("Each class needs photos to train on, and some photos must be held out.")
    return train
