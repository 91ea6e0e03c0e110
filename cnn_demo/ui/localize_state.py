"""Page 5: the chosen localizer, its answer, and the true box, which all views share."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.images import Photo, sample_photos
from cnn_demo.lessons.localization import TRUTHS
from cnn_demo.models import ModelSpec, ModelUnavailable, find, list_models, load
from cnn_demo.models.boxes import to_pixels
from cnn_demo.models.localizers import THRESHOLD, LocalizerEvidence
from cnn_demo.ui.caching import BY_KEY

MODEL, SURE = "localizer", "sure"
DEFAULTS: dict[str, Any] = {MODEL: None, SURE: round(100 * THRESHOLD)}
_DRAWN = "drawn_truths"  # photo key -> (4,) corners in pixels, of this visitor
_KEPT = 20  # photos whose drawn box is kept


def usable_localizers() -> tuple[ModelSpec, ...]:
    """Return the localizers whose weights, and whose backbone's, are on this machine; the bundled one first.

    Raises:
        ModelUnavailable: If there is none.
    """
    usable = tuple(spec for spec in list_models("localization") if spec.availability() in ("bundled", "at hand"))
    if not usable:
        raise ModelUnavailable("No localizer is on this machine: please put the bundled weights back.")
    return usable


def pick_localizer() -> ModelSpec:
    """Let the visitor choose a localizer where there are several; the bundled one is where a page begins.

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
        "Network",
        list(titles),
        default=first,
        required=True,
        format_func=lambda key: titles.get(key, key),
        key=MODEL,
        bind="query-params",
        help="The bundled one learned all it knows from about 1,400 photos. The other has only its two heads from "
        "there: its trunk learned to see from a million photos of ImageNet before.",
    )
    return find(chosen if chosen in titles else first)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_KEY)
def evidence_of(photo: Photo, key: str, threshold: float = THRESHOLD) -> LocalizerEvidence:
    """What a localizer says of a photo, and why; kept for who looks at it next. Nobody may change it.

    Raises:
        ModelUnavailable: If the network is not to be had.
    """
    return load(key).evidence(photo.pixels, threshold)


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


def known_truth(photo: Photo) -> tuple[str, np.ndarray] | None:
    """The class and the box of a sample photo that comes with them; None for all others."""
    key = next((sample.key for sample in sample_photos() if photo.credit and sample.title == photo.name), None)
    if key not in TRUTHS:
        return None
    label, shares = TRUTHS[key]
    return label, to_pixels(np.array(shares), photo.pixels.shape[:2])


def truth_of(photo: Photo) -> np.ndarray | None:
    """The box that answers are held against: the visitor's own, else the sample's, else none."""
    drawn = drawn_truth(photo)
    if drawn is not None:
        return drawn
    known = known_truth(photo)
    return None if known is None else known[1]
