"""Computation with Keras networks: everything in which Keras's backends, TensorFlow and torch, differ.

Each function here compiles a computation and returns a function from NumPy arrays to NumPy arrays. `tensorflow_engine`
and `torch_engine` implement them; `frameworks.keras_backend` decides which one runs. All other code uses `keras.ops` or
NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnn_demo.models import frameworks
from cnn_demo.models.engines.signatures import Forward, InputGradient, MapGradient, ValueGradients

if TYPE_CHECKING:
    import keras

__all__ = [
    "Forward",
    "InputGradient",
    "MapGradient",
    "ValueGradients",
    "compute",
    "engine_name",
    "forward",
    "input_gradient",
    "map_gradient",
    "value_gradients",
]

ENGINES = {"tensorflow": "TensorFlow", "torch": "torch"}


def engine_name() -> str:
    """Return the name of the library that computes Keras networks: "TensorFlow" or "torch"."""
    return ENGINES[frameworks.keras_backend()]


def forward(network: keras.Model, device: str) -> Forward:
    """Compile the forward pass of a network.

    Args:
        network: A Keras model. If it has several inputs, the function takes one array for each.
        device: Device that its weights are on.
    """
    return _engine().forward(network, device)


def input_gradient(network: keras.Model, device: str) -> InputGradient:
    """Compile the gradient of sum(output · seed) with respect to the images.

    Args:
        network: A Keras model with one input and one output.
        device: Device that its weights are on.
    """
    return _engine().input_gradient(network, device)


def map_gradient(network: keras.Model, device: str) -> MapGradient:
    """Compile the gradient of sum(logits · seed) with respect to feature maps, zero where the logits do not use them.

    Args:
        network: A Keras model with the outputs [feature maps, logits].
        device: Device that its weights are on.
    """
    return _engine().map_gradient(network, device)


def value_gradients(loss: Callable[..., Any], device: str, shapes: Sequence[tuple[int | None, ...]]) -> ValueGradients:
    """Compile the gradients of a loss with respect to values that are trained.

    Args:
        loss: From a list of values, inputs and targets, all tensors of the backend, to a scalar; in `keras.ops`.
        device: Device that it is computed on.
        shapes: Shapes of the values, followed by those of the inputs and the targets; None for their batch size.
    """
    return _engine().value_gradients(loss, device, shapes)


def compute(function: Callable[..., Any], device: str) -> Callable[..., Any]:
    """Return a function of tensors, in `keras.ops`, as a function of arrays; it is not compiled.

    Args:
        function: From tensors of the backend, or lists of them, to tensors.
        device: Device that it is computed on.
    """
    return _engine().compute(function, device)


def _engine() -> ModuleType:
    match frameworks.keras_backend():
        case "torch":
            from cnn_demo.models.engines import torch_engine

            return torch_engine
        case _:
            from cnn_demo.models.engines import tensorflow_engine

            return tensorflow_engine
