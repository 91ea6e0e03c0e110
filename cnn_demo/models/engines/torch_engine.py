"""The functions of `engines` in torch, for Keras on its torch backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import keras
    from torch import Tensor

    from cnn_demo.models.engines.signatures import Forward, InputGradient, MapGradient, ValueGradients


def forward(network: keras.Model, device: str) -> Forward:
    """Return the forward pass of a network."""

    def outputs(*batches: Tensor) -> Any:
        return network(batches[0] if len(batches) == 1 else list(batches), training=False)

    return compute(outputs, device)


def input_gradient(network: keras.Model, device: str) -> InputGradient:
    """Return the gradient of sum(output · seed) with respect to the images."""
    torch = frameworks.torch()

    def run(batch: np.ndarray, seed: np.ndarray) -> np.ndarray:
        with frameworks.placed_on(device):
            images = _tensor(batch, device).requires_grad_()
            total = (network(images, training=False) * _tensor(seed, device)).sum()
            return _arrays(torch.autograd.grad(total, images)[0])

    return run


def map_gradient(network: keras.Model, device: str) -> MapGradient:
    """Return the gradient of sum(logits · seed) with respect to feature maps."""
    torch = frameworks.torch()

    def run(batch: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with frameworks.placed_on(device):
            maps, logits = network(_tensor(batch, device).requires_grad_(), training=False)
            score = (logits * _tensor(seed, device)).sum()
            (gradient,) = torch.autograd.grad(score, maps, allow_unused=True, materialize_grads=True)
            return _arrays(maps), _arrays(gradient)

    return run


def value_gradients(loss: Callable[..., Any], device: str, shapes: Sequence[tuple[int | None, ...]]) -> ValueGradients:
    """Return the gradients of a loss with respect to values that are trained; torch needs no shapes."""
    torch = frameworks.torch()

    def run(values: Sequence[np.ndarray], inputs: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
        with frameworks.placed_on(device):
            leaves = [_tensor(value, device).requires_grad_() for value in values]
            total = loss(leaves, _tensor(inputs, device), _tensor(targets, device))
            return [_arrays(gradient) for gradient in torch.autograd.grad(total, leaves)]

    return run


def compute(function: Callable[..., Any], device: str) -> Callable[..., Any]:
    """Return a function of tensors as a function of arrays; it is not compiled."""
    torch = frameworks.torch()
    keras = frameworks.keras()

    def run(*arrays: Any) -> Any:
        with frameworks.placed_on(device), torch.no_grad():
            return _arrays(function(*keras.tree.map_structure(lambda value: _tensor(value, device), arrays)))

    return run


def _tensor(values: np.ndarray, device: str) -> Tensor:
    """Copy an array to the device; a copy, because the array may be read-only or change later."""
    torch = frameworks.torch()
    return torch.tensor(values, dtype=torch.float32, device=device)


def _arrays(outputs: Any) -> Any:
    """Return NumPy arrays, float32 also under autocast, in the structure of a network's outputs."""
    keras = frameworks.keras()
    return keras.tree.map_structure(_array, outputs)


def _array(value: Tensor) -> np.ndarray:
    return (value.float() if value.is_floating_point() else value).detach().cpu().numpy()
