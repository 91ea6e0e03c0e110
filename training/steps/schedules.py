"""Learning-rate schedule (warm-up, constant, cool-down) and exponential moving average of the weights.

The learning rate stays as it is until the last part of the epochs, so that a training that was to be short can be made
longer (Hägele et al., "Scaling laws and compute-optimal training beyond fixed training durations" (2024),
https://arxiv.org/abs/2405.18392).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

WARM_UP, COOL_DOWN = 200, 0.3  # warm-up steps, fraction of the steps in the cool-down
MEMORY = 0.998  # decay of the exponential moving average, for each step


def rate_at(step: int, steps: int, cool_down: float = COOL_DOWN) -> float:
    """Return the factor on the learning rate at a step: it rises, stays, and falls to 0 along a line.

    Args:
        step: Number of steps done.
        steps: Number of steps of the whole training.
        cool_down: Fraction of the steps during which it falls.
    """
    return min(1.0, (step + 1) / WARM_UP, (steps - step) / max(1.0, cool_down * steps))


def ema_update(means: list[Tensor], values: list[Tensor], count: int) -> None:
    """Update the exponential moving averages in place; the decay is smaller in the first steps."""
    memory = min(MEMORY, (1 + int(count)) / (10 + int(count)))
    for mean, value in zip(means, values, strict=True):
        if mean.is_floating_point():
            mean.lerp_(value.to(mean.dtype), 1 - memory)
        else:
            mean.copy_(value)


def parameter_groups(network: nn.Module, weight_decay: float, encoder_rate: float = 1.0) -> list[dict]:
    """Return the groups of parameters for AdamW: weights decay, biases and normalizations do not.

    Args:
        network: A torch module.
        weight_decay: Weight decay of the weights.
        encoder_rate: Factor on the learning rate of parameters below `encoder`, which are pretrained.

    Returns:
        Groups with `params`, `weight_decay` and `factor`, the factor on the learning rate.
    """
    groups = []
    for pretrained, factor in ((True, encoder_rate), (False, 1.0)):
        own = [p for name, p in network.named_parameters() if name.startswith("encoder.") == pretrained]
        groups.append({"params": [p for p in own if p.ndim > 1], "weight_decay": weight_decay, "factor": factor})
        groups.append({"params": [p for p in own if p.ndim <= 1], "weight_decay": 0.0, "factor": factor})
    return [group for group in groups if group["params"]]
