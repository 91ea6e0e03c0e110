"""Live training of a tiny digit classifier, which takes a few seconds on a CPU.

The dataset is scikit-learn's digits: 1,797 grayscale images of 8 × 8 pixels from the UCI repository (Alpaydin and
Kaynak, 1998, "Optical recognition of handwritten digits", https://doi.org/10.24432/C50P49, CC BY 4.0). scikit-learn
does not record the writers, so images of one writer may be in both parts of the split.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.jobs import JobError
from cnn_demo.models import frameworks

if TYPE_CHECKING:
    from torch import nn

    from cnn_demo.models.frameworks import TorchNetwork

SIDE, CLASSES = 8, 10
HELD_OUT = 360  # of 1,797, a fifth
BATCH = 32


@dataclass(frozen=True)
class DigitData:
    """Images and labels, split into training and validation set, stratified by digit.

    Attributes:
        images: (1437, 8, 8) float32 in 0..1 (1 is ink), training images.
        labels: (1437,) int64, training labels.
        held_out_images: (360, 8, 8) float32, validation images.
        held_out_labels: (360,) int64, validation labels.
    """

    images: np.ndarray
    labels: np.ndarray
    held_out_images: np.ndarray
    held_out_labels: np.ndarray


@cache
def digit_data() -> DigitData:
    """Load scikit-learn's digits and split them, always in the same way."""
    frameworks.scikit_learn()
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pictures, labels = load_digits(return_X_y=True)
    images = pictures.reshape(-1, SIDE, SIDE).astype(np.float32) / 16
    arrays = train_test_split(images, labels, test_size=HELD_OUT, stratify=labels, random_state=0)
    for array in arrays:
        array.flags.writeable = False
    return DigitData(arrays[0], arrays[2], arrays[1], arrays[3])


@dataclass(frozen=True)
class DigitSettings:
    """Hyperparameters chosen by the visitor.

    Attributes:
        filters: Number of filters of the first convolution; the second has twice as many.
        rate: Learning rate of Adam.
        epochs: Number of epochs.
        pooling: Whether to apply 2 × 2 max pooling between the convolutions.
    """

    filters: int = 16
    rate: float = 0.003
    epochs: int = 25
    pooling: bool = True

    @property
    def parameters(self) -> int:
        """Number of parameters: weights and biases of both convolutions and the dense layer."""
        side = SIDE // 2 if self.pooling else SIDE
        first = self.filters
        second = 2 * self.filters
        return (9 * 1 + 1) * first + (9 * first + 1) * second + (side * side * second + 1) * CLASSES


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch: mean cross-entropy in nats and accuracy.

    Attributes:
        loss: Training loss, accumulated during the epoch.
        accuracy: Training accuracy, accumulated during the epoch.
        held_out_loss: Validation loss after the epoch.
        held_out_accuracy: Validation accuracy after the epoch.
    """

    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True)
class DigitRun:
    """State of a training run; immutable, each epoch creates a new one.

    Attributes:
        settings: The hyperparameters.
        epochs: Metrics of each finished epoch.
        kernels: (3, 3, filters) float32 each, the first layer's kernels before training and after each epoch.
        probabilities: (360, 10) float32, current predictions for the validation images.
        seconds: Training time, without loading data and framework.
        network: The network, which is still being trained unless the run has ended.
    """

    settings: DigitSettings
    epochs: tuple[Epoch, ...]
    kernels: tuple[np.ndarray, ...]
    probabilities: np.ndarray = field(repr=False)
    seconds: float
    network: nn.Module = field(repr=False)


def build(settings: DigitSettings, seed: int = 0) -> nn.Sequential:
    """Build the network: conv 3 × 3 – ReLU – (max pool) – conv 3 × 3 – ReLU – dense; it returns logits.

    Args:
        settings: Hyperparameters, of which `filters` and `pooling` are used.
        seed: Seed of the initial weights; independent of the global random state.
    """
    torch = frameworks.torch()
    nn = torch.nn
    side = SIDE // 2 if settings.pooling else SIDE
    network = nn.Sequential(
        nn.Conv2d(1, settings.filters, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2) if settings.pooling else nn.Identity(),
        nn.Conv2d(settings.filters, 2 * settings.filters, 3, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * settings.filters * side * side, CLASSES),
    )
    chance = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            nn.init.zeros_(parameter)
        else:
            nn.init.kaiming_uniform_(parameter, nonlinearity="relu", generator=chance)
    return network


def train(
    settings: DigitSettings,
    report: Callable[[DigitRun], None] = lambda run: None,
    goes_on: Callable[[], bool] = lambda: True,
    seed: int = 0,
) -> None:
    """Train a network; deterministic for given settings and seed.

    Args:
        settings: The hyperparameters.
        report: Callback that receives the state before training and after each epoch.
        goes_on: Callback after each epoch; training stops if it returns False.
        seed: Seed of the initial weights and of the order of the images.

    Raises:
        JobError: If the loss is no longer finite.
    """
    torch = frameworks.torch()
    data = digit_data()
    images = torch.tensor(data.images)[:, None]  # (N, 1, 8, 8)
    labels = torch.tensor(data.labels)  # (N,)
    chance = torch.Generator().manual_seed(seed)
    network = build(settings, seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.rate)
    epochs: list[Epoch] = []
    kernels = [first_kernels(network)]
    with _one_thread():
        start = time.perf_counter()
        report(DigitRun(settings, (), (kernels[0],), read(network, data.held_out_images), 0.0, network))
        while len(epochs) < settings.epochs and goes_on():
            loss_sum = 0.0
            right = 0
            for batch in torch.randperm(len(images), generator=chance).split(BATCH):
                logits = network(images[batch])
                loss = torch.nn.functional.cross_entropy(logits, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss_sum += loss.item() * len(batch)
                right += int((logits.argmax(1) == labels[batch]).sum())
            probabilities = read(network, data.held_out_images)
            held_out_loss, held_out_accuracy = measure(probabilities, data.held_out_labels)
            epochs.append(Epoch(loss_sum / len(images), right / len(images), held_out_loss, held_out_accuracy))
            if not np.isfinite(loss_sum + held_out_loss):
                raise JobError("The loss is no longer finite: please choose a smaller learning rate.")
            kernels.append(first_kernels(network))
            seconds = time.perf_counter() - start
            report(DigitRun(settings, tuple(epochs), tuple(kernels), probabilities, seconds, network))


def read(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """Classify digits.

    Args:
        network: The network of `build` or of a `DigitRun`.
        images: (N, 8, 8) float32 in 0..1, 1 is ink.

    Returns:
        (N, 10) float32 probabilities of the digits 0 to 9.
    """
    torch = frameworks.torch()
    with torch.inference_mode():
        return network(torch.tensor(images)[:, None]).softmax(1).numpy()


def measure(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return mean cross-entropy in nats and accuracy of probabilities (N, 10) for ground-truth labels (N,)."""
    given_to_truth = probabilities[np.arange(len(labels)), labels]
    loss = -np.log(np.maximum(given_to_truth, np.finfo(np.float32).tiny)).mean()
    return float(loss), float((probabilities.argmax(1) == labels).mean())


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the confusion matrix (10, 10): rows are ground truth, columns predictions."""
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (labels, probabilities.argmax(1)), 1)
    return counts


def first_kernels(network: TorchNetwork) -> np.ndarray:
    """Return a copy of the first convolution's kernels, (3, 3, filters) float32."""
    return network[0].weight.detach().numpy()[:, 0].transpose(1, 2, 0).copy()  # (F, 1, 3, 3) -> (3, 3, F)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Limit torch to a single compute thread, for the calling thread only.

    One operation on a batch takes some hundredths of a millisecond. Split over two cores, one of them busy, it waits
    for the slower half: the dense layer then took 7.9 ms instead of 0.013 ms, and the training 99 s instead of 2 s.
    `torch.set_num_threads` is global; these two settings are thread-local.
    """
    from threadpoolctl import threadpool_limits

    torch = frameworks.torch()
    torch.get_num_threads()  # torch initializes the thread's setting on first use, so trigger that first
    before = _matrix_threads(torch, 1)
    try:
        with threadpool_limits(1, "openmp"):
            yield
    finally:
        _matrix_threads(torch, before)


def _matrix_threads(torch: ModuleType, count: int) -> int:
    """Set the thread-local number of MKL threads (0: the global setting); return the previous value."""
    for folder in torch.__path__:
        with contextlib.suppress(OSError, AttributeError):  # torch builds for other architectures have no MKL
            return ctypes.CDLL(f"{folder}/lib/libtorch_cpu.so").MKL_Set_Num_Threads_Local(count)
    return 0
