"""Page 4, fool it: the smallest noise that changes the prediction, and its effect elsewhere."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.evidence import evidence_zip
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import FOOL_IT
from cnn_demo.models import MAX_MODELS
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.robustness.smallest import Search
from cnn_demo.models.robustness.survival import CONDITIONS, DRAWS, picture_with
from cnn_demo.results import Classification
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.pretrained.fool.elsewhere import Elsewhere, show_elsewhere
from cnn_demo.ui.pretrained.fool.noise import in_quotes, noise_picture, searched, show_noise, show_predictions
from cnn_demo.ui.pretrained.fool.settings import OTHERS, Plan, ask
from cnn_demo.ui.pretrained.fool.words import verdict
from cnn_demo.ui.pretrained.one_network import one_network
from cnn_demo.ui.pretrained.questions import classified
from cnn_demo.ui.widgets.file_buttons import file_buttons, stem_of
from cnn_demo.ui.widgets.model_picker import pick_models

LITES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")


@fragment
def fool_view(photo: Photo) -> None:
    """Show noise that changes the prediction.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details, model = one_network("fool", FOOL_IT)
    prediction = classified(photo, model)
    label = prediction.top(1)[0][0]
    with panel:
        plan = ask(model, prediction)
        others = pick_models(OTHERS, "Other networks", MAX_MODELS - 1, preselected=LITES, without=model.spec.key)
    if plan.target == label:
        stage.info(f"“{label}” is the prediction already: choose another class.", icon=":material/category:")
        return
    with stage:
        words = st.container()
        search = searched(photo, model, plan)
        if search is None or search.best is None:
            return
        _show(photo, model, plan, search, prediction, words)
        summary = st.container()
    with details:
        show_predictions(model, prediction.probabilities, search.best)
        if search.best.succeeds:
            found = show_elsewhere(photo, model, plan, search.best, label, others, summary)
            _download(photo, model, plan, search, prediction, found)
        _explained()


def _show(
    photo: Photo, model: Classifier, plan: Plan, search: Search, prediction: Classification, words: DeltaGenerator
) -> None:
    attack = search.best
    assert attack is not None
    seen = model.prepare(photo.pixels)
    before = prediction.top(1)[0]
    probabilities = model.probabilities(attack.logits)
    after = model.labels[probabilities.argmax()], float(probabilities.max())
    left = float(probabilities[model.labels.index(before[0])])
    words.markdown(verdict(plan, search, seen, before, after, left))
    show_noise(photo, seen, attack, in_quotes(*before), in_quotes(*after))


def _download(
    photo: Photo, model: Classifier, plan: Plan, search: Search, prediction: Classification, found: Elsewhere
) -> None:
    attack = search.best
    assert attack is not None
    seen = model.prepare(photo.pixels)

    def picture() -> bytes:
        return png_bytes(picture_with(model, photo.pixels, attack.altered))

    def evidence() -> bytes:
        pictures = {
            "input": seen,
            "noise times 50": noise_picture(seen, attack.altered),
            "altered": picture_with(model, photo.pixels, attack.altered),
        }
        settings = {"attack": plan.method, "class": plan.target, "smallest": plan.smallest, "budget": plan.budget}
        figures = {
            "prediction": dict(prediction.top(5)),
            "prediction_with_noise": _top(model, attack.logits),
            "budget": attack.budget,
            "changed_values": int(np.count_nonzero(attack.altered != seen)),
            "budgets_tried": {str(budget): works for budget, works in sorted(search.tried.items())},
            "conditions": [
                {"kind": kind, "amount": amount, **vars(each)}
                for (kind, amount), each in zip(CONDITIONS, found.survivals, strict=True)
            ],
            "other_networks": {title: vars(each) for title, each in found.transfers.items()},
            "random_noises": DRAWS,
            "random_noises_that_change_it": found.chance,
        }
        return evidence_zip(photo, model.spec, pictures, {}, settings, figures)

    stem = stem_of(photo)
    file_buttons(
        "fool",
        {
            "Altered photo": (picture, f"{stem}_altered.png", "image/png"),
            "Evidence": (evidence, f"{stem}_fooled.zip", "application/zip"),
        },
        {
            "Altered photo": "A PNG, exact to the last bit: upload it here, and the network is fooled again.",
            "Evidence": "A zip: all pictures, all figures and settings as JSON, and versions.",
        },
    )


def _top(model: Classifier, logits: np.ndarray) -> dict[str, float]:
    return dict(Classification(model.labels, model.probabilities(logits)).top(5))


def _explained() -> None:
    st.caption(
        "**How it works**: the gradient of the prediction with respect to the colour values tells for each of them "
        "whether it should be a little higher or lower. One step changes a logit by the sum of thousands of tiny "
        "contributions, all in the same direction. "
        "[FGSM](https://arxiv.org/abs/1412.6572) takes one step, [PGD](https://arxiv.org/abs/1706.06083) several. The "
        "noise consists of whole levels of 8-bit colours, so a PNG keeps it, and is made for the network's input size."
    )
