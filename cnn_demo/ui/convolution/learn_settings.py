"""Settings of the tab "Learn a kernel", and the default of each of its controls."""

from dataclasses import dataclass
from typing import Any

TARGETS = {"hidden": "Hidden kernel", "page": "Your kernel", "own": "Your picture"}
SIZES = {3: "3 × 3", 5: "5 × 5", 7: "7 × 7"}
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STEPS = (10, 30, 100, 300, 1000, 3000, 10_000)
STARTS = {"random": "Random", "zeros": "Zeros"}
LEARNED, YES = "learned", "yes"  # whether *Learn* was pressed, in the link; no widget holds it

# Widget key, which is also the name in the link, to default value.
DEFAULTS: dict[str, Any] = {
    LEARNED: "",
    "learn_target": "hidden",
    "learn_seed": 1,
    "learn_reveal": False,
    "learn_size": 3,
    "learn_rate": 0.1,  # below the largest stable rate of a 3 × 3 kernel on any photo, which is at least 1/9
    "learn_noise": 0.0,
    "learn_momentum": 0.9,
    "learn_steps": 3000,
    "learn_start": "random",
    "learn_bias": False,
}


@dataclass(frozen=True)
class LearnSettings:
    """The visitor's settings.

    Attributes:
        target: A key of `TARGETS`.
        seed: Number of the hidden kernel.
        size: Side of the learned kernel.
        rate: Learning rate.
        noise: Standard deviation of the noise on the target, where the photo goes from 0 to 1.
        momentum: From 0 to below 1.
        steps: Number of steps.
        start: A key of `STARTS`.
        bias: Whether a bias is learned too.
    """

    target: str
    seed: int
    size: int
    rate: float
    noise: float
    momentum: float
    steps: int
    start: str
    bias: bool
