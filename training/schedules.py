"""How long trainings go: a learning rate that stays and falls at the end, and the running mean of the weights.

The learning rate stays as it is until the last part of the epochs, so that a training that was to be short can be made
longer (Hägele et al., "Scaling laws and compute-optimal training beyond fixed training durations" (2024),
https://arxiv.org/abs/2405.18392).
"""

WARM_UP, COOL_DOWN = 200, 0.3  # steps in which the learning rate rises, share of the steps in which it falls
MEMORY = 0.998  # of the running mean of the weights, for each step


def rate_at(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step: it rises, stays, and falls to 0 along a line."""
    return min(1.0, (step + 1) / WARM_UP, (steps - step) / max(1.0, COOL_DOWN * steps))


def slow_mean(means: list, values: list, count: int) -> None:
    """Move the running means a little towards the values; faster at first, when there is little to remember."""
    memory = min(MEMORY, (1 + int(count)) / (10 + int(count)))
    for mean, value in zip(means, values, strict=True):
        if mean.is_floating_point():
            mean.lerp_(value.to(mean.dtype), 1 - memory)
        else:
            mean.copy_(value)


def parameter_groups(network, weight_decay: float) -> list[dict]:
    """Return two groups of parameters for AdamW: weights, which decay, then biases and normalizations, which do not."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
