"""Feature maps of a torch network, and gradients of its outputs with respect to them.

A hook replaces the maps on their way by leaves of the graph of derivatives. What comes before them runs as in a
prediction, and only what comes after them is run backwards: that is cheaper than a whole backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class MapGradient:
    """Feature maps and the gradients of an output with respect to them.

    Attributes:
        maps: (h, w, C) float32.
        gradients: (h, w, C) float32.
    """

    maps: np.ndarray = field(repr=False)
    gradients: np.ndarray = field(repr=False)


@contextmanager
def leaves(module: torch.nn.Module, side: Literal["input", "output"]) -> Iterator[list[torch.Tensor]]:
    """Replace all feature maps that enter or leave a module by leaves, and collect them in a list while it runs.

    Args:
        module: Part of a network. The caller holds the model's lock.
        side: Whether its "input" or its "output" is replaced; it may be a tensor, or a list or dict of tensors.

    Yields:
        The leaves, each (N, C, h, w), in order; filled when the network runs.
    """
    found: list[torch.Tensor] = []

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: cut(part) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)([cut(part) for part in value])
        leaf = value.detach().requires_grad_()
        found.append(leaf)
        return leaf.clone()  # what comes next may compute in place, which a leaf does not allow

    if side == "input":
        handle = module.register_forward_pre_hook(lambda _, given: cut(given))
    else:
        handle = module.register_forward_hook(lambda _, __, output: cut(output))
    try:
        yield found
    finally:
        handle.remove()


def gradients_of(outputs: Sequence[torch.Tensor], maps: Sequence[torch.Tensor]) -> list[list[MapGradient]]:
    """Return the gradients of scalars with respect to feature maps, for each scalar and each of the maps.

    Args:
        outputs: Scalars.
        maps: Leaves (1, C, h, w) that they were computed from. Where a scalar does not depend on one, it is zero.
    """
    torch = frameworks.torch()
    values = [_array(each) for each in maps]
    results = []
    for number, output in enumerate(outputs, 1):
        found = torch.autograd.grad(
            output, list(maps), retain_graph=number < len(outputs), allow_unused=True, materialize_grads=True
        )
        results.append([MapGradient(value, _array(part)) for value, part in zip(values, found, strict=True)])
    return results


def _array(tensor: torch.Tensor) -> np.ndarray:
    """Return maps (1, C, h, w) as an array (h, w, C)."""
    return tensor.detach()[0].permute(1, 2, 0).float().cpu().numpy()
