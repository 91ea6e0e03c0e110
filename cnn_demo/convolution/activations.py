"""Activation functions, applied to every value of a feature map."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Activation:
    """An activation function by name, with its title, one sentence about it, and the function itself."""

    name: str
    title: str
    sentence: str
    function: Callable[[np.ndarray], np.ndarray]


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * values))  # the same as 1 / (1 + exp(−x)), without its overflow


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("none", "None", "Leaves every value as it is.", lambda values: values),
        Activation("abs", "Magnitude", "Drops the sign: both sides of a line count as edges.", np.abs),
        Activation("relu", "ReLU", "Keeps positive values; negative ones become zero.", lambda v: np.maximum(v, 0)),
        Activation("sigmoid", "Sigmoid", "Maps every value into 0 to 1; zero becomes one half.", _sigmoid),
        Activation("tanh", "Tanh", "Maps every value into −1 to 1 and keeps its sign.", np.tanh),
    )
}


def activate(values: np.ndarray, name: str) -> np.ndarray:
    """Return the activation of every value, float32 of the same shape.

    Args:
        values: the values, of any shape.
        name: a key of `ACTIVATIONS`: "none", "abs", "relu", "sigmoid" or "tanh".

    Raises:
        ValueError: if the name is unknown.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"There is no activation {name!r}; choose one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name].function(np.asarray(values, np.float32))
