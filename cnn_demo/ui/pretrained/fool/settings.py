"""The settings of an attack: method, wanted class, and budget."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.robustness.adversarial import LARGEST, METHODS
from cnn_demo.results import Classification
from cnn_demo.ui.pretrained.questions import class_box
from cnn_demo.ui.widgets.choice import choose

METHOD, TARGET, NOISE, BUDGET = "fool_method", "fool_class", "fool_noise", "fool_budget"
OTHERS = "fool_others"
DEFAULTS: dict[str, Any] = {METHOD: "pgd", TARGET: None, NOISE: "smallest", BUDGET: 8, OTHERS: None}
NOISES = {"smallest": "Smallest", "whole": "Whole budget"}
TOP = 5  # classes listed before all others


@dataclass(frozen=True)
class Plan:
    """What an attack is asked for.

    Attributes:
        method: A key of `adversarial.METHODS`.
        target: Name of the wanted class; None for any other class than the predicted one.
        smallest: Whether to search the smallest noise, or else to make the strongest within the budget.
        budget: Largest change of a colour value, in levels of 255.
    """

    method: str
    target: str | None
    smallest: bool
    budget: int

    @property
    def name(self) -> tuple[Hashable, ...]:
        """All of them, as part of the name of a kept result."""
        return (self.method, self.target, self.smallest, self.budget)


def ask(model: Classifier, prediction: Classification) -> Plan:
    """Show the controls."""
    method = choose(
        "Attack",
        {"pgd": METHODS["pgd"], "fgsm": METHODS["fgsm"]},
        key=METHOD,
        default=DEFAULTS[METHOD],
        help=(
            "FGSM changes every colour value by the whole budget, along the sign of one gradient. PGD takes up to ten "
            "smaller steps, with a new gradient for each, and stays within the budget."
        ),
    )
    others = [label for label, _ in prediction.top(TOP + 1)[1:]]
    target = class_box("Class to predict", TARGET, model, others, "Any other class")
    noise = choose(
        "Noise",
        NOISES,
        key=NOISE,
        default=DEFAULTS[NOISE],
        help=(
            "*Smallest* searches for the smallest budget that works, and then changes as few colour values as "
            "possible. *Whole budget* makes the strongest noise within the budget."
        ),
    )
    budget = st.slider(
        "Budget ε (levels of 255)",
        1,
        LARGEST,
        DEFAULTS[BUDGET],
        key=BUDGET,
        bind="query-params",
        help="Largest change of each red, green and blue value. The search for the smallest noise ends there.",
    )
    return Plan(method, target, noise == "smallest", budget)
