"""A tiny network that learns to read handwritten digits while the visitor looks on, in some seconds on a CPU.

The digits are scikit-learn's: 1,797 grey pictures of 8 × 8 pixels from the UCI repository (Alpaydin and Kaynak, 1998,
"Optical recognition of handwritten digits", https://doi.org/10.24432/C50P49, CC BY 4.0). The writers of the pictures
kept for testing are not known to scikit-learn, so pictures of one writer may be on both sides of our split.
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

SIDE, CLASSES = 8, 10
HELD_OUT = 360  # of 1,797, a fifth
BATCH = 32


@dataclass(frozen=True)
class DigitData:
    """Pictures with the digits that they show; each digit has the same share on both sides of the split.

    Attributes:
        images: (1437, 8, 8) float32 in 0..1 (1 is ink), to train on.
        labels: (1437,) int64.
        held_out_images: (360, 8, 8) float32, never trained on.
        held_out_labels: (360,) int64.
    """

    images: np.ndarray
    labels: np.ndarray
    held_out_images: np.ndarray
    held_out_labels: np.ndarray


@cache
def digit_data() -> DigitData:
    """Read the digits, which come with scikit-learn, and split them: always the same way."""
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
    """What the visitor chooses.

    Attributes:
        filters: Kernels of the first convolution; the second has twice as many.
        rate: Learning rate of Adam.
        epochs: How often every training picture is seen.
        pooling: Halve height and width between the convolutions, by the largest of 2 × 2 numbers.
    """

    filters: int = 16
    rate: float = 0.003
    epochs: int = 25
    pooling: bool = True

    @property
    def parameters(self) -> int:
        """How many numbers are learned: the weights and biases of both convolutions and of the dense layer."""
        side = SIDE // 2 if self.pooling else SIDE
        first, second = self.filters, 2 * self.filters
        return (9 * 1 + 1) * first + (9 * first + 1) * second + (side * side * second + 1) * CLASSES


@dataclass(frozen=True)
class Epoch:
    """What was measured after one epoch: mean cross-entropy in nats, and the share that was read rightly.

    Attributes:
        loss: On the training pictures, while they were trained on.
        accuracy: The same.
        held_out_loss: On the held-out pictures, after the epoch.
        held_out_accuracy: The same.
    """

    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True)
class DigitRun:
    """A training as far as it has come; never changed, each epoch makes a new one.

    Attributes:
        settings: What was chosen.
        epochs: One entry for each finished epoch.
        kernels: (3, 3, filters) float32, one entry before training and one after each epoch.
        probabilities: (360, 10) float32, what the network says of the held-out pictures now.
        seconds: Since training began; data and framework were loaded before.
        network: The network; still being trained unless the training has ended.
    """

    settings: DigitSettings
    epochs: tuple[Epoch, ...]
    kernels: tuple[np.ndarray, ...]
    probabilities: np.ndarray = field(repr=False)
    seconds: float
    network: nn.Module = field(repr=False)


def build(settings: DigitSettings, seed: int = 0) -> nn.Sequential:
    """Build the network: conv 3 × 3 – ReLU – (max pool) – conv 3 × 3 – ReLU – dense; it gives logits.

    Args:
        settings: Filters and pooling are read.
        seed: The same seed gives the same weights, whatever else the process draws at random.
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
    """Train a network; the same settings and seed give the same one.

    Args:
        settings: What the visitor chose.
        report: Called before training and after each epoch.
        goes_on: Asked after each epoch; where it says no, the training ends there.
        seed: Of the first weights and of the order of the pictures.

    Raises:
        TrainingError: If the loss is no longer a finite number.
    """
    torch = frameworks.torch()
    data = digit_data()
    images, labels = torch.tensor(data.images)[:, None], torch.tensor(data.labels)
    chance = torch.Generator().manual_seed(seed)
    network = build(settings, seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.rate)
    epochs, kernels = [], [first_kernels(network)]
    with _one_thread():
        start = time.perf_counter()
        report(DigitRun(settings, (), (kernels[0],), read(network, data.held_out_images), 0.0, network))
        while len(epochs) < settings.epochs and goes_on():
            loss_sum, right = 0.0, 0
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
                raise JobError("The loss is no longer a number: please choose a smaller learning rate.")
            kernels.append(first_kernels(network))
            seconds = time.perf_counter() - start
            report(DigitRun(settings, tuple(epochs), tuple(kernels), probabilities, seconds, network))


def read(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """Read digits.

    Args:
        network: From `build` or a `DigitRun`.
        images: (N, 8, 8) float32 in 0..1, 1 is ink.

    Returns:
        (N, 10) float32 probabilities of the digits 0 to 9.
    """
    torch = frameworks.torch()
    with torch.inference_mode():
        return network(torch.tensor(images)[:, None]).softmax(1).numpy()


def measure(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return mean cross-entropy in nats and accuracy of (N, 10) probabilities, the truth being (N,) labels."""
    given_to_truth = probabilities[np.arange(len(labels)), labels]
    loss = -np.log(np.maximum(given_to_truth, np.finfo(np.float32).tiny)).mean()
    return float(loss), float((probabilities.argmax(1) == labels).mean())


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count (10, 10): row is the digit that it is, column the digit that was read."""
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (labels, probabilities.argmax(1)), 1)
    return counts


def first_kernels(network: nn.Module) -> np.ndarray:
    """Return a copy of the first convolution's kernels, (3, 3, filters) float32."""
    return network[0].weight.detach().numpy()[:, 0].transpose(1, 2, 0).copy()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let this thread, and no other, compute without helpers.

    One operation on a batch takes some hundredths of a millisecond. Split over two cores of which one is busy with
    something else, it waits for the slower half: the dense layer then took 7.9 ms, not 0.013 ms, and the training
    99 s, not 2 s. `torch.set_num_threads` would change it for all threads; these two settings are of one thread.
    """
    from threadpoolctl import threadpool_limits

    torch = frameworks.torch()
    torch.get_num_threads()  # torch sets a new thread's number when it is first asked: before we do
    before = _matrix_threads(torch, 1)
    try:
        with threadpool_limits(1, "openmp"):
            yield
    finally:
        _matrix_threads(torch, before)


def _matrix_threads(torch: ModuleType, count: int) -> int:
    """Set how many threads torch's matrix library may use for this thread (0: as for all); return what it was."""
    for folder in torch.__path__:
        with contextlib.suppress(OSError, AttributeError):  # torch for other processors has no MKL
            return ctypes.CDLL(f"{folder}/lib/libtorch_cpu.so").MKL_Set_Num_Threads_Local(count)
    return 0
