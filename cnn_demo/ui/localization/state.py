"""Page 5: the chosen localizer, its prediction, and the ground-truth box, shared by all views."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.drawing.shapes import box_shape, boxes_of
from cnn_demo.images import Photo, sample_photos
from cnn_demo.lessons.localization import TRUTHS
from cnn_demo.models import ModelSpec, ModelUnavailable, find, list_models, load_localizer
from cnn_demo.models.boxes import to_pixels
from cnn_demo.models.localization.localizers import NOTHING, LocalizerDetails
from cnn_demo.ui.components.annotator import drawing_of
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.widgets.linked_drawing import drawing_name, follow_drawing, link_drawing

MODEL, SURE = "localizer", "sure"
DEFAULTS: dict[str, Any] = {MODEL: None, SURE: None}  # None stands for the network's own threshold
_SURE_OF = "sure_of"  # the network whose threshold the slider has
_DRAWN = "drawn_truths"  # photo key -> (4,) corners in pixels, of this visitor
ON_MOBILENET = "caltech_localizer_mobilenet_v2"
_ABOUT = {
    "everyday_localizer": "twenty classes of Pascal VOC; backbone pretrained on ImageNet.",
    "caltech_localizer": "three classes; trained from scratch on about 1,400 photos of Caltech-101.",
    ON_MOBILENET: "the same three classes; backbone pretrained on ImageNet.",
}
CANVAS, _LINK = "truth_canvas", "truth_box"
_KEPT = 20  # photos whose drawn box is kept


def usable_localizers() -> tuple[ModelSpec, ...]:
    """Return the localizers whose weights, and whose backbone's, are on this machine, in the table's order.

    Raises:
        ModelUnavailable: If there is none.
    """
    usable = tuple(spec for spec in list_models("localization") if spec.availability() in ("bundled", "at hand"))
    if not usable:
        raise ModelUnavailable("No localizer is on this machine: restore the bundled weights.")
    return usable


def pick_localizer() -> ModelSpec:
    """Let the visitor choose a localizer if there are several; the first one is the default.

    Raises:
        ModelUnavailable: If there is none.
    """
    titles = {spec.key: spec.title for spec in usable_localizers()}
    first = next(iter(titles))
    if st.session_state.get(MODEL, first) not in titles:
        st.session_state[MODEL] = first
    if len(titles) == 1:
        return find(first)
    chosen = st.segmented_control(
        "Model",
        list(titles),
        default=first,
        required=True,
        format_func=lambda key: titles.get(key, key),
        key=MODEL,
        bind="query-params",
        help="\n".join(f"- **{titles[key]}**: {_ABOUT[key]}" for key in titles if key in _ABOUT) + _offered(titles),
        wrap=True,
    )
    return find(chosen if chosen in titles else first)


def _offered(titles: Collection[str]) -> str:
    """Return how to get the localizer that needs the backbone of another page, as Markdown; "" if it is here."""
    if ON_MOBILENET in titles:
        return ""
    return (
        f"\n- **{find(ON_MOBILENET).title}** is offered after a download of MobileNetV2 in the tab *Models* of page 4."
    )


def threshold_slider(spec: ModelSpec) -> float:
    """Let the visitor set the confidence threshold, which is reset if the network changes; returns a fraction."""
    own = round(100 * spec.threshold)
    if SURE in st.session_state and (
        st.session_state[SURE] is None or st.session_state.get(_SURE_OF, spec.key) != spec.key
    ):
        st.session_state[SURE] = own
    st.session_state[_SURE_OF] = spec.key
    percents = st.slider(
        "Confidence threshold",
        0,
        100,
        own,
        5,
        format="%d%%",
        key=SURE,
        bind="query-params",
        help=(
            "Below it no box is shown. At 0 the box of the most probable class is shown, unless “nothing” is more "
            "probable."
        ),
    )
    return percents / 100


def pick_class(title: str, names: Sequence[str], key: str, likely: str, why: str) -> str:
    """Let the visitor choose a class; until then it is the likely one.

    Args:
        title: Label of the select box.
        names: Class names of the network; a class chosen for another network may not be among them.
        key: Widget key, and the name in the link.
        likely: One of the names.
        why: Why it is likely, in a word or two.
    """
    if st.session_state.get(key) not in (None, *names):
        st.session_state[key] = None
    chosen = st.selectbox(title, list(names), index=None, placeholder=f"{likely}: {why}", key=key, bind="query-params")
    return chosen or likely


@photo_cache(queued=True)
def evidence_of(photo: Photo, key: str, threshold: float | None = None) -> LocalizerDetails:
    """Return a localizer's prediction for a photo with its details; cached for all visitors, so not to be changed.

    Raises:
        ModelUnavailable: If the network is not available.
    """
    localizer = load_localizer(key)
    return timed_warm(localizer, lambda: localizer.evidence(photo.pixels, threshold))


def drawn_truth(photo: Photo) -> np.ndarray | None:
    """The box (4,) that the visitor drew on this photo, corners in its pixels."""
    return st.session_state.get(_DRAWN, {}).get(photo.key)


def keep_truth(photo: Photo, box: np.ndarray | None) -> None:
    """Keep the box that the visitor drew on this photo; None forgets it."""
    drawn = st.session_state.setdefault(_DRAWN, {})
    drawn.pop(photo.key, None)
    if box is not None:
        drawn[photo.key] = box
    while len(drawn) > _KEPT:
        drawn.pop(next(iter(drawn)))


def link_truth(photo: Photo) -> None:
    """Keep the drawn box in the link, for all tabs; take it from the link when the session begins."""
    name = drawing_name(photo)
    if follow_drawing(_LINK, CANVAS, name, photo.size, 1):
        boxes, _ = boxes_of(drawing_of(CANVAS, name))
        keep_truth(photo, boxes[-1] if len(boxes) else None)
    drawn = drawn_truth(photo)
    link_drawing(_LINK, name, () if drawn is None else [box_shape(drawn)])


def sample_truth(photo: Photo, labels: Sequence[str]) -> tuple[str, np.ndarray] | None:
    """The class of these and the box (4,) of a sample photo that comes with them; None for all others."""
    key = next((sample.key for sample in sample_photos() if photo.credit and sample.title == photo.name), None)
    if key is None:
        return None
    for label, fractions in TRUTHS.get(key, {}).items():
        if label in labels:
            return label, to_pixels(np.array(fractions), photo.size)
    return None


def likely_class(photo: Photo, evidence: LocalizerDetails) -> str:
    """The class that a photo is probably of: the sample's, else the predicted one, else "nothing"."""
    labelled = sample_truth(photo, evidence.localization.labels)
    return labelled[0] if labelled else evidence.localization.label or NOTHING


def truth_of(photo: Photo, labels: Sequence[str]) -> np.ndarray | None:
    """The ground truth (4,) that predictions are compared with: the visitor's own, else the sample's, else none."""
    drawn = drawn_truth(photo)
    if drawn is not None:
        return drawn
    labelled = sample_truth(photo, labels)
    return None if labelled is None else labelled[1]
