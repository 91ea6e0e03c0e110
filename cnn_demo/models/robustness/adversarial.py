"""Adversarial noise for a classifier: FGSM and PGD, in whole levels of 8-bit colour values.

FGSM: Goodfellow, Shlens & Szegedy (2015), https://arxiv.org/abs/1412.6572. PGD: Madry et al. (2018),
https://arxiv.org/abs/1706.06083.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models.calibration import softmax
from cnn_demo.models.explanation.attribution import pixel_gradient
from cnn_demo.models.explanation.feature_maps import check_label, check_picture
from cnn_demo.models.lazy import computed_once

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

LARGEST = 32  # budget in levels of 255; larger noise is plainly visible
STEPS = 10  # gradient steps of PGD
CLEAR = 0.01  # margin in logits from which an attack counts: another machine's rounding must not undo it
METHODS = {"fgsm": "FGSM", "pgd": "PGD"}


@dataclass(frozen=True, eq=False)
class Attack:
    """One altered input.

    Attributes:
        altered: (h, w, 3) uint8, the network's input with the noise.
        budget: Largest allowed change of a colour value, in levels of 255.
        logits: (C,) float32, of the altered input.
        margin: Logit of the wanted class (with no target, of the best other class) minus that of the strongest rival;
            the attack succeeds if it is larger than `CLEAR`.
    """

    altered: np.ndarray = field(repr=False)
    budget: int
    logits: np.ndarray = field(repr=False)
    margin: float

    @property
    def succeeds(self) -> bool:
        """Whether the target, or with no target any other class, is the prediction."""
        return self.margin > CLEAR


class Attacker:
    """Attacks the prediction of a network for one photo.

    Both methods follow the sign of the gradient of the cross-entropy. The seed of the gradient is divided by one minus
    the probability, which leaves the sign as it is and keeps the gradient of a confident network from vanishing. PGD
    begins at the photo itself and computes in whole levels, so that what it returns is an 8-bit image.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        target: Index of the class that the network shall predict; None for any other class than the predicted one.

    Raises:
        ValueError: If there is no such class, it is the prediction already, or the image has another size.
    """

    def __init__(self, model: Classifier, seen: np.ndarray, target: int | None = None) -> None:
        check_picture(model, seen)
        self.model, self.seen, self.target = model, seen, target
        self.logits = model.logits(seen[np.newaxis])[0]
        self.label = int(self.logits.argmax())
        if target is not None:
            check_label(model, target)
            if target == self.label:
                raise ValueError("The target is the prediction already: choose another class.")

    def margin(self, logits: np.ndarray) -> np.ndarray:
        """Return the margin (N,) of logits (N, C), positive where the attack has succeeded."""
        aim = self.label if self.target is None else self.target
        rivals = np.delete(logits, aim, axis=1).max(axis=1)
        margin = logits[:, aim] - rivals
        return -margin if self.target is None else margin

    def direction(self, seen: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return the gradient (h, w, 3) of the attack's objective with respect to the colour values.

        Args:
            seen: (h, w, 3) uint8, any input.
            logits: (C,), those of this input.
        """
        aim = self.label if self.target is None else self.target
        others = logits.copy()
        others[aim] = -np.inf
        seed = -softmax(others, 1.0)
        seed[aim] = 1
        return pixel_gradient(self.model, seen, (-seed if self.target is None else seed).astype(np.float32))

    @computed_once
    def first_direction(self) -> np.ndarray:
        """The gradient (h, w, 3) at the photo."""
        return self.direction(self.seen, self.logits)

    def attack(
        self,
        method: str,
        budget: int,
        steps: int = STEPS,
        *,
        stop_early: bool = False,
        progress: Callable[[Attack, float], None] | None = None,
    ) -> Attack:
        """Return the altered input with the largest margin of all steps.

        Args:
            method: "fgsm", one step of the whole budget, or "pgd", up to `steps` smaller ones.
            budget: Largest change of a colour value in levels, 1 to 255.
            steps: Gradient steps of PGD.
            stop_early: Whether to return the first input that succeeds.
            progress: Callback that receives the best input so far and the completed fraction after each step.

        Raises:
            ValueError: If there is no such method or budget, or less than one step.
        """
        if method not in METHODS:
            raise ValueError(f"There is no attack {method!r}: choose one of {', '.join(METHODS)}.")
        if not 1 <= budget <= 255 or steps < 1:
            raise ValueError("An attack needs a budget from 1 to 255 levels and at least one step.")
        steps = 1 if method == "fgsm" else steps
        length = budget if method == "fgsm" else max(1, round(2.5 * budget / steps))
        best = None
        at, gradient = self.seen, self.first_direction
        for step in range(1, steps + 1):
            at = bounded(self.seen, at + length * np.sign(gradient).astype(int), budget)
            made = self.tested(at, budget)
            best = made if best is None or made.margin > best.margin else best
            if progress is not None:
                progress(best, step / steps)
            if step == steps or (stop_early and best.succeeds):
                break
            gradient = self.direction(at, made.logits)
        assert best is not None  # there is at least one step
        return best

    def tested(self, altered: np.ndarray, budget: int) -> Attack:
        """Run the network on an altered input (h, w, 3) uint8."""
        logits = self.model.logits(altered[np.newaxis])
        return Attack(altered, budget, logits[0], float(self.margin(logits)[0]))


def bounded(seen: np.ndarray, values: np.ndarray, budget: int) -> np.ndarray:
    """Return integer colour values as uint8, at most `budget` away from those of the photo."""
    original = seen.astype(int)
    return np.clip(np.clip(values, original - budget, original + budget), 0, 255).astype(np.uint8)
