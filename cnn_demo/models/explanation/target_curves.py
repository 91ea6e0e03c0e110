"""Deletion and insertion curves of one prediction: a test of whether a map names the pixels that it depends on.

Petsiuk et al., "RISE" (2018), https://arxiv.org/abs/1806.07421.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnn_demo.models.explanation.cams import enlarge
from cnn_demo.models.explanation.curves import (
    Curve,
    check_importance,
    filled,
    mean_curve,
    random_importance,
    ranks,
    step_counts,
)
from cnn_demo.models.explanation.probe import Probe

STEPS = 12

Report = Callable[[float], None]  # called with the completed fraction


@dataclass(frozen=True, eq=False)
class Check:
    """Both curves of a map.

    Attributes:
        deletion: The most important pixels are blurred first: a low area is good.
        insertion: The most important pixels of the blurred photo become sharp first: a high area is good.
    """

    deletion: Curve
    insertion: Curve

    @property
    def gain(self) -> float:
        """Area of the insertion curve minus that of the deletion curve, −1 to 1: about 0 for a random order."""
        return self.insertion.area - self.deletion.area


def check_map(probe: Probe, importance: np.ndarray, steps: int = STEPS, report: Report | None = None) -> Check:
    """Delete and insert the pixels of a photo in the order of their importance, and record the score of the target.

    Removed pixels come from a strongly blurred copy of the photo, which has no new edges. Deletion therefore ends
    where insertion begins, and begins where it ends.

    Args:
        probe: The target.
        importance: (H, W) finite values at the photo's size; ties are taken from top to bottom.
        steps: Number of equal steps.
        report: Callback that receives the completed fraction.

    Raises:
        ValueError: If there is less than one step, or the map has another size or is not finite.
    """
    check_importance(importance, probe.size)
    sharp = probe.picture
    blurred = filled(sharp, "blur")
    rank = ranks(enlarge(importance, sharp.shape[:2]))
    counts = step_counts(rank.size, steps)
    ends = probe.score(sharp), probe.score(blurred)
    scores = np.empty((2, steps + 1), np.float32)
    scores[:, 0], scores[:, -1] = ends, ends[::-1]
    for number, count in enumerate(counts[1:-1], 1):
        first = (rank < count)[:, :, np.newaxis]
        scores[0, number] = probe.score(np.where(first, blurred, sharp))
        scores[1, number] = probe.score(np.where(first, sharp, blurred))
        if report is not None:
            report(number / steps)
    fraction = counts / rank.size
    return Check(Curve(fraction, scores[0]), Curve(fraction, scores[1]))


def random_check(probe: Probe, orders: int = 2, steps: int = STEPS, report: Report | None = None) -> Check:
    """Return the mean curves of random maps, as coarse as class activation maps: the baseline for other maps.

    Args:
        probe: The target.
        orders: Number of random maps; always the same ones.
        steps: Number of equal steps.
        report: Callback that receives the completed fraction.

    Raises:
        ValueError: If there is less than one order or step.
    """
    if orders < 1:
        raise ValueError(f"At least one order is needed, not {orders}.")
    checks = []
    for seed in range(orders):
        part = None if report is None else lambda done, before=seed: report((before + done) / orders)
        checks.append(check_map(probe, random_importance(probe.size, seed=seed), steps, part))
    return Check(
        mean_curve([check.deletion for check in checks]),
        mean_curve([check.insertion for check in checks]),
    )
