"""The noise of *Fool it*: computed with a progress bar, kept, and shown beside the photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import png_url
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.robustness.adversarial import Attack, Attacker
from cnn_demo.models.robustness.smallest import Search, smallest_noise, strongest_noise
from cnn_demo.results import percent
from cnn_demo.ui.pretrained.fool.settings import Plan
from cnn_demo.ui.widgets.cached_progress import stoppable
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.heatmap_controls import is_small, picture_url
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards
from cnn_demo.ui.widgets.probability_bars import probability_bars

GAIN = 50  # enlargement of the noise that is shown
_SO_FAR = "fool_so_far"  # in the session: name and state of the search that runs or was stopped


def searched(photo: Photo, model: Classifier, plan: Plan) -> Search | None:
    """Return the result of the search; the state so far if the visitor has stopped it, and None without one."""
    name = ("fool", photo.key, model.spec.key, *plan.name)

    def compute(report: Callable[[float], None]) -> Search:
        def progress(state: Search) -> None:
            st.session_state[_SO_FAR] = (name, state)
            report(state.fraction)

        target = None if plan.target is None else model.labels.index(plan.target)
        attacker = Attacker(model, model.prepare(photo.pixels), target)
        if plan.smallest:
            return smallest_noise(attacker, plan.method, largest=plan.budget, report=progress)
        return strongest_noise(attacker, plan.method, plan.budget, report=progress)

    found = stoppable([photo], name, "Following the gradient…", st.empty(), compute)
    if found is not None:
        st.session_state.pop(_SO_FAR, None)
        return found
    kept, state = st.session_state.get(_SO_FAR, (None, None))
    return state if kept == name else None


def noise_picture(seen: np.ndarray, altered: np.ndarray) -> np.ndarray:
    """Return the noise times `GAIN` around middle grey, (h, w, 3) uint8."""
    return np.clip(128 + GAIN * (altered.astype(int) - seen), 0, 255).astype(np.uint8)


def show_noise(photo: Photo, seen: np.ndarray, attack: Attack, before: str, after: str) -> None:
    """Show the photo, the noise and the altered photo.

    Args:
        photo: The photo.
        seen: The network's input.
        attack: The attack.
        before: Prediction without noise.
        after: Prediction with noise.
    """
    changed = int(np.count_nonzero((attack.altered != seen).any(axis=2)))
    total = seen.shape[0] * seen.shape[1]
    cards = [
        Card(picture_url(seen), f"Input of the network: {photo.description}", "Photo", (before,)),
        Card(
            png_url(noise_picture(seen, attack.altered)),
            f"The noise, {GAIN} times as strong, around grey: {changed:,} of {total:,} pixels change",
            f"Noise × {GAIN}",
            (f"{changed:,} of {total:,} pixels",),
        ),
        Card(picture_url(attack.altered), f"The photo with the noise: {photo.description}", "With noise", (after,)),
    ]
    height, width = seen.shape[:2]
    picture_cards(cards, width=98, columns=3, ratio=f"{width} / {height}", pixelated=is_small(seen))


def show_predictions(model: Classifier, before: np.ndarray, attack: Attack) -> None:
    """Show the five most probable classes without and with the noise.

    Args:
        model: The network.
        before: (C,) probabilities without noise.
        attack: The attack.
    """
    after = model.probabilities(attack.logits)
    for cell, title, probabilities in zip(two_cells(), ("Without noise", "With noise"), (before, after), strict=True):
        best = np.argsort(-probabilities, kind="stable")[:5]
        with cell:
            st.markdown(f"**{title}**")
            probability_bars(
                [model.labels[index] for index in best], probabilities[best], caption=f"Prediction: {title.lower()}"
            )


def in_quotes(label: str, probability: float) -> str:
    """Write a class and its probability, such as "“tabby”, 84%"."""
    return f"“{label}”, {percent(probability)}"
