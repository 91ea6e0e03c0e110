"""Kernels to be guessed: a family and its parameters, drawn at random among those that fit into a size."""

from dataclasses import dataclass

import numpy as np

from cnn_demo.convolution.kernel_catalogue import KERNELS, kernel
from cnn_demo.convolution.kernel_family import Choice, IntParameter, Parameter

_LENGTHS = ("size", "length")  # parameters that are numbers of weights
_NOT_HIDDEN = ("identity",)
MIN_RANGE = (
    0.05  # between the smallest and the largest weight: a box, with none, could not be told from a wide Gaussian
)
MAX_GAIN = 10.0  # sum of the weights' magnitudes; a Sobel kernel of 7 × 7 has 2,600


@dataclass(frozen=True)
class HiddenKernel:
    """A kernel that was drawn.

    Attributes:
        family: Its name in `KERNELS`.
        parameters: Its parameters by name.
        weights: (kh, kw) float32, each side at most the size that was asked for.
    """

    family: str
    parameters: dict[str, float | str]
    weights: np.ndarray


def hidden_kernel(seed: int, size: int) -> HiddenKernel:
    """Draw a kernel.

    Args:
        seed: The same seed draws the same kernel.
        size: Greatest number of weights a side, at least 3.

    Example:
        >>> from cnn_demo.convolution.hidden_kernels import hidden_kernel
        >>> hidden_kernel(0, 3).family
        'difference_of_gaussians'
    """
    random = np.random.default_rng(seed)
    names = [name for name in KERNELS if name not in _NOT_HIDDEN]
    while True:
        name = str(random.choice(names))
        parameters = {p.name: _drawn(p, size, random) for p in KERNELS[name].parameters}
        weights = kernel(name, **parameters)
        does_something, is_moderate = np.ptp(weights) > MIN_RANGE, np.abs(weights).sum() <= MAX_GAIN
        if max(weights.shape) <= size and does_something and is_moderate:
            return HiddenKernel(name, parameters, weights)


def _drawn(parameter: Parameter, size: int, random: np.random.Generator) -> float | str:
    """Return a random value of a parameter; a size is odd and allowed, and a sigma fits into the allowed size."""
    if isinstance(parameter, Choice):
        return parameter.choices[int(random.integers(len(parameter.choices)))]
    if isinstance(parameter, IntParameter) and parameter.name in _LENGTHS:
        return int(random.choice(range(3, size + 1, 2)))
    maximum = size / 3 if parameter.name == "sigma" else parameter.maximum
    steps = int(random.integers(int((maximum - parameter.minimum) / parameter.step) + 1))
    return parameter.check(parameter.minimum + steps * parameter.step)
