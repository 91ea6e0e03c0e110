"""The effect of the noise elsewhere: on other networks, after changes of the photo, and beside random noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.images import Photo
from cnn_demo.images.corruptions import CORRUPTIONS
from cnn_demo.models import ModelSpec, ModelUnavailable, load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.robustness.adversarial import Attack
from cnn_demo.models.robustness.survival import (
    CONDITIONS,
    Outcome,
    changed_by_chance,
    corrupted_pairs,
    outcomes,
    picture_with,
)
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.fool.noise import in_quotes
from cnn_demo.ui.pretrained.fool.settings import Plan
from cnn_demo.ui.pretrained.fool.words import by_chance, elsewhere, network, survived
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.heatmap_controls import is_small, picture_url
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Effect of the noise elsewhere.

    Attributes:
        survivals: Predictions of the attacked network under each of `CONDITIONS`.
        chance: Number of random noises of the same size that change the prediction.
        transfers: Title of each other network, and its predictions.
    """

    survivals: list[Outcome]
    chance: int
    transfers: dict[str, Outcome] = field(default_factory=dict)


def show_elsewhere(
    photo: Photo,
    model: Classifier,
    plan: Plan,
    attack: Attack,
    label: str,
    others: Sequence[ModelSpec],
    words: DeltaGenerator,
) -> Elsewhere:
    """Compute and show the effect of the noise on other networks and under other conditions.

    Args:
        photo: The photo.
        model: The attacked network.
        plan: Settings of the attack.
        attack: An attack that succeeds.
        label: Prediction without noise.
        others: Other networks.
        words: Container of the summary, beside the noise.
    """
    st.subheader("Does it work elsewhere?", anchor=False)
    container = st.empty()
    seen = model.prepare(photo.pixels)
    pictures = picture_with(model, photo.pixels, seen), picture_with(model, photo.pixels, attack.altered)
    name = (photo.key, model.spec.key, *plan.name, attack.altered.tobytes())

    def here(report: Callable[[float], None]) -> Elsewhere:
        survivals = outcomes(model, corrupted_pairs(*pictures), lambda fraction: report(fraction / 2))
        chance = changed_by_chance(model, seen, attack.budget, lambda fraction: report(0.5 + fraction / 2))
        return Elsewhere(survivals, chance)

    found = computed([photo], ("fool here", *name), "Changing the photo…", container, here)
    for spec in others:

        def there(report: Callable[[float], None], spec: ModelSpec = spec) -> Outcome:
            return outcomes(load_classifier(spec.key), [pictures], report)[0]

        try:
            title = f"Running {spec.title}…"
            outcome = computed([photo], ("fool there", spec.key, *name), title, container, there)
        except ModelUnavailable as error:
            st.error(plain(str(error)), icon=":material/cloud_off:")
            continue
        found = Elsewhere(found.survivals, found.chance, found.transfers | {spec.title: outcome})
    transfers = list(found.transfers.values())
    words.markdown(elsewhere(label, transfers, found.survivals, plan.smallest, plan.target))
    lines = [network(title, each, plan.target) for title, each in found.transfers.items()]
    st.markdown("\n".join(f"- {line}" for line in (*lines, by_chance(found.chance, attack.budget))))
    _conditions(photo, found.survivals, corrupted_pairs(*pictures), label, plan.target)
    return found


def _conditions(
    photo: Photo,
    survivals: Sequence[Outcome],
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    label: str,
    target: str | None,
) -> None:
    """Show the altered photo under each condition, and the prediction for it."""
    cards = []
    for (kind, amount), each, (_, picture) in zip(CONDITIONS, survivals, pairs, strict=True):
        one = CORRUPTIONS[kind]
        title = f"{one.title} {one.written(amount)}"
        cards.append(
            Card(
                picture_url(picture),
                f"The photo with the noise, {title}: {photo.description}",
                title,
                (in_quotes(each.altered_label, each.altered_probability), survived(each, label, target)),
            )
        )
    picture_cards(cards, width=120, columns=4, ratio="1", pixelated=is_small(pairs[0][0]))
