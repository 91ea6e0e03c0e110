"""The sentences of *Fool it*, chosen by the figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnn_demo.models.robustness.adversarial import METHODS
from cnn_demo.models.robustness.smallest import Search
from cnn_demo.models.robustness.survival import DRAWS, Outcome
from cnn_demo.results import percent
from cnn_demo.ui.pretrained.fool.settings import Plan


def levels(budget: int) -> str:
    """Write a number of levels, such as "1 level"."""
    return "1 level" if budget == 1 else f"{budget} levels"


def portion(part: int, whole: int) -> str:
    """Write a part of all colour values, such as "79 of 150,528 colour values (0.05%)"."""
    fraction = part / whole
    written = f"{fraction:.2%}" if fraction < 0.01 else percent(fraction)
    return f"{part:,} of {whole:,} colour values ({written})"


def verdict(
    plan: Plan, search: Search, seen: np.ndarray, before: tuple[str, float], after: tuple[str, float], left: float
) -> str:
    """Describe an attack, in Markdown.

    Args:
        plan: The settings.
        search: A search that has tried something.
        seen: (h, w, 3) uint8, the input without noise.
        before: Predicted class and its probability.
        after: Predicted class with the noise, and its probability.
        left: Probability of the class `before` with the noise.
    """
    attack = search.best
    assert attack is not None
    changed = int(np.count_nonzero(attack.altered != seen))
    if not attack.succeeds:
        return _failed(plan, search, before, after, left)
    becomes = f"“{before[0]}” ({percent(before[1])}) becomes “{after[0]}” ({percent(after[1])})"
    values = portion(changed, seen.size)
    if not plan.smallest:
        return f"**Fooled within {levels(attack.budget)} of 255**: {becomes}. {METHODS[plan.method]} changes {values}."
    fails = search.tried.get(attack.budget - 1) is False
    least = f" With {levels(attack.budget - 1)}, {METHODS[plan.method]} fails." if fails else ""
    by = "by 1" if attack.budget == 1 else f"by at most {attack.budget}"
    ended = "" if search.complete else " The search was stopped: smaller noise may work."
    return f"**{levels(attack.budget)} of 255 is enough**: {values} change {by}, and {becomes}.{least}{ended}".replace(
        "levels of 255 is", "levels of 255 are"
    )


def _failed(plan: Plan, search: Search, before: tuple[str, float], after: tuple[str, float], left: float) -> str:
    aim = "another class" if plan.target is None else f"“{plan.target}”"
    budget = max(search.tried, default=plan.budget)
    moved = f"“{before[0]}” goes from {percent(before[1])} to {percent(left)}"
    misses = plan.target is not None and after[0] != before[0]
    if misses:
        moved += f", and the prediction becomes “{after[0]}” ({percent(after[1])})"
    if not search.complete:
        return f"**Stopped before it worked**: so far, {moved}."
    hint = "Try PGD, or raise the budget." if plan.method == "fgsm" else "Raise the budget, or choose another class."
    outcome = f"Fooled, but not into predicting {aim}" if misses else "Not fooled"
    return (
        f"**{outcome}**: within {levels(budget)} of 255, {METHODS[plan.method]} does not reach {aim}; {moved}. {hint}"
    )


def works(outcome: Outcome, target: str | None) -> bool:
    """Whether the noise changes the prediction, to the wanted class if there is one."""
    return outcome.changes and target in (None, outcome.altered_label)


def elsewhere(
    label: str,
    transfers: Sequence[Outcome],
    survivals: Sequence[Outcome],
    smallest: bool,
    target: str | None = None,
) -> str:
    """Describe in how many other networks and under how many conditions the noise still works, in Markdown.

    A condition that changes the prediction without the noise, too, is no test of the noise and is not counted.

    Args:
        label: Prediction without noise.
        transfers: Predictions of other networks.
        survivals: Predictions of the attacked network under each condition.
        smallest: Whether the noise is the smallest one.
        target: Wanted class, or None for any other.
    """
    tests = [each for each in survivals if each.label == label]
    networks, conditions = (sum(works(each, target) for each in group) for group in (transfers, tests))
    counts = [_where("after", conditions, len(tests), "change", " of the photo")] if tests else []
    counts += [_where("in", networks, len(transfers), "other network")] if transfers else []
    effect = "works" if target is None else f"gives “{target}”"
    found = ""
    if counts:
        start = f"also {effect}" if networks or conditions else f"{effect} nowhere else:"
        found = f"**The noise {start} {', and '.join(counts)}.** "
    if len(tests) < len(survivals):
        untested = len(survivals) - len(tests)
        verbs = ("changes", "it is") if untested == 1 else ("change", "they are")
        found += (
            f"{untested} of {len(survivals)} changes of the photo {verbs[0]} the prediction without noise too, so "
            f"{verbs[1]} not counted. "
        )
    if smallest:
        found += "The smallest noise barely crosses the decision boundary; *Whole budget* goes further."
    return found.strip()


def _where(preposition: str, count: int, total: int, noun: str, end: str = "") -> str:
    """Write a count, such as "in none of 2 other networks", or "not in the one other network"."""
    if total == 1:
        return f"{'' if count else 'not '}{preposition} the one {noun}{end}"
    return f"{preposition} {count or 'none'} of {total} {noun}s{end}"


def by_chance(changed: int, budget: int) -> str:
    """Describe the effect of random noise of the same size, in Markdown."""
    start = f"**Random noise of {levels(budget)}** in every colour value changes the prediction in"
    if changed == 0:
        return f"{start} none of {DRAWS} tries: noise of this size needs the right direction."
    if changed == DRAWS:
        return f"{start} all {DRAWS} tries: this prediction is so uncertain that even random noise changes it."
    return f"{start} {changed} of {DRAWS} tries: this prediction is close to a decision boundary."


def network(title: str, outcome: Outcome, target: str | None) -> str:
    """Describe the effect of the noise on another network, in Markdown.

    Args:
        title: Name of the network.
        outcome: Its predictions without and with the noise.
        target: Wanted class, or None for any other.
    """
    before, after = percent(outcome.probability), percent(outcome.altered_probability)
    if not outcome.changes:
        return f"**{title}** is not fooled: “{outcome.label}” goes from {before} to {after}."
    end = "" if works(outcome, target) else f", not “{target}”"
    return f"**{title}** is fooled too: “{outcome.label}” ({before}) becomes “{outcome.altered_label}” ({after}){end}."


def survived(outcome: Outcome, label: str, target: str | None) -> str:
    """Describe one condition in a few words.

    Args:
        outcome: Predictions under this condition.
        label: Prediction without noise and without the condition.
        target: Wanted class, or None for any other.
    """
    if not outcome.changes:
        return "no longer fooled" if outcome.label == label else "changes without noise too"
    if outcome.altered_label == label:
        return "no longer fooled"
    return "still fooled" if works(outcome, target) else f"fooled, but not “{target}”"
