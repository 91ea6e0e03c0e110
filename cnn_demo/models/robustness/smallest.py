"""The smallest adversarial noise: a search over the budget, and then over the number of changed colour values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.robustness.adversarial import LARGEST, STEPS, Attack, Attacker


@dataclass(frozen=True, eq=False)
class Search:
    """The state of a search, or its result.

    Attributes:
        found: The attack that succeeds with the smallest budget so far; None if none has.
        fewest: The same noise on as few colour values as the search found to suffice; None until it has.
        strongest: The attack with the largest margin so far, of those that have failed; None if there is none.
        tried: Budget to whether an attack within it succeeds.
        fraction: Completed fraction, 0 to 1.
    """

    found: Attack | None = field(repr=False)
    fewest: Attack | None = field(repr=False)
    strongest: Attack | None = field(repr=False)
    tried: dict[int, bool]
    fraction: float

    @property
    def complete(self) -> bool:
        """Whether the search has ended."""
        return self.fraction == 1

    @property
    def best(self) -> Attack | None:
        """The smallest noise that succeeds; without one the strongest that fails; None if nothing was tried."""
        return self.fewest or self.found or self.strongest


Report = Callable[[Search], None]


def smallest_noise(
    attacker: Attacker, method: str, steps: int = STEPS, largest: int = LARGEST, report: Report | None = None
) -> Search:
    """Find the smallest budget with which an attack succeeds, by doubling and then by bisection.

    An attack with one level less has been tried, and fails. Whether attacks succeed need not be monotonic in the
    budget, so a still smaller one may exist that the search has skipped.

    Args:
        attacker: The network, the photo and the target.
        method: A key of `adversarial.METHODS`.
        steps: Gradient steps of each attack by PGD.
        largest: Largest budget that is tried, in levels of 255.
        report: Callback that receives the state after each step.
    """
    tried: dict[int, bool] = {}
    found: Attack | None = None
    strongest: Attack | None = None
    most = 2 * largest.bit_length() + 1

    def stepped(best: Attack, fraction: float) -> None:
        if report is not None:
            state = Search(found, None, strongest or best, dict(tried), (len(tried) + fraction) / most)
            report(state)

    def succeeds(budget: int) -> bool:
        nonlocal found, strongest
        attack = attacker.attack(method, budget, steps, stop_early=True, progress=stepped)
        tried[budget] = attack.succeeds
        if attack.succeeds:
            found = attack
        elif strongest is None or attack.margin > strongest.margin:
            strongest = attack
        return attack.succeeds

    low, high = 0, 1
    while not succeeds(high):
        if high == largest:
            return Search(None, None, strongest, tried, 1.0)
        low, high = high, min(2 * high, largest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if succeeds(middle) else (middle, high)
    assert found is not None  # the loop above has ended
    return Search(found, fewest_values(attacker, found), strongest, tried, 1.0)


def strongest_noise(
    attacker: Attacker, method: str, budget: int, steps: int = STEPS, report: Report | None = None
) -> Search:
    """Return the noise with the largest margin within a budget, as a search that tries this budget only.

    Args:
        attacker: The network, the photo and the target.
        method: A key of `adversarial.METHODS`.
        budget: Largest change of a colour value, in levels of 255.
        steps: Gradient steps of PGD.
        report: Callback that receives the state after each step.
    """

    def state(attack: Attack, fraction: float) -> Search:
        found, failed = (attack, None) if attack.succeeds else (None, attack)
        return Search(found, None, failed, {budget: attack.succeeds}, fraction)

    def stepped(best: Attack, fraction: float) -> None:
        if report is not None and fraction < 1:
            report(state(best, fraction))

    return state(attacker.attack(method, budget, steps, progress=stepped), 1.0)


def fewest_values(attacker: Attacker, attack: Attack) -> Attack:
    """Undo as many changes of a successful attack as possible, those that contribute least first.

    The contribution of a change is estimated by the mean of the gradients at both ends. The number is found by
    bisection, which is exact if the network is linear.

    Args:
        attacker: The network, the photo and the target.
        attack: An attack that succeeds.
    """
    ends = attacker.first_direction + attacker.direction(attack.altered, attack.logits)
    noise = attack.altered.astype(int) - attacker.seen
    order = np.argsort(-(ends * noise), axis=None, kind="stable")
    order = order[noise.ravel()[order] != 0]
    best, low, high = attack, 0, len(order)
    while high - low > 1:
        middle = (low + high) // 2
        kept = attacker.seen.copy()
        kept.ravel()[order[:middle]] = attack.altered.ravel()[order[:middle]]
        made = attacker.tested(kept, attack.budget)
        if made.succeeds:
            best, high = made, middle
        else:
            low = middle
    return best
