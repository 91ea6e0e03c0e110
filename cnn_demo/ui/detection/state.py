"""Page 6: the chosen detector, the thresholds, and its candidate boxes for a photo, which all views share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.lessons import Lesson
from cnn_demo.lessons.detection import LESSON, lesson_for
from cnn_demo.models import ModelSpec, ModelUnavailable, load_detector, preferred_model
from cnn_demo.models.detection.candidates import CONFIDENCE, IOU, MAX_DETECTIONS, Candidates, Selection, select
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT
from cnn_demo.ui.widgets.detection_controls import SURE, confidence_slider
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model, pick_side

MODEL, SIDE = "detector", "detect_side"
OVERLAP, LIMIT, CLASSES = "detect_iou", "detect_limit", "detect_classes"
DEFAULTS: dict[str, Any] = {
    MODEL: None,
    SIDE: None,
    SURE: None,  # stands for the model's own threshold
    OVERLAP: round(100 * IOU),
    LIMIT: MAX_DETECTIONS,
    CLASSES: [],
}
POINTED = "detect_pointed"  # (photo, network, size, candidate) that the visitor points at
TURN = "detect_turn"  # of the table of detections: a new one where the choice came from elsewhere
LIMITS = (1, 3, 10, 30, 100, MAX_DETECTIONS)
SIZE_HELP = (
    "The photo is resized so that its longer side has this many pixels (with torchvision's networks, its shorter one). "
    "A larger size finds smaller objects and takes longer."
)


@dataclass(frozen=True)
class Cuts:
    """The visitor's thresholds: the arguments of `candidates.select`."""

    confidence: float = CONFIDENCE
    iou: float = IOU
    classes: tuple[str, ...] | None = None
    limit: int = MAX_DETECTIONS

    def of(self, candidates: Candidates) -> Selection:
        """Make the cuts."""
        return select(candidates, self.confidence, self.iou, self.classes, self.limit)


def lesson_here() -> Lesson:
    """Return the page's lesson, with photos for the network that a visitor begins with on this machine."""
    try:
        return lesson_for(preferred_model("detection").labels)
    except ModelUnavailable:
        return LESSON


def pick_detector() -> tuple[ModelSpec, int]:
    """Let the visitor choose the model and its image size.

    Raises:
        ModelUnavailable: If there is no detector, or it cannot be loaded.
    """
    spec = pick_model(MODEL, "Model", task="detection", on_change=_begin_at_its_threshold)
    detector = load_with_spinner(spec, load_detector)
    return spec, pick_side(SIDE, detector.sides, spec.input_size[0], SIZE_HELP)


def _begin_at_its_threshold() -> None:
    st.session_state[SURE] = None


@photo_cache(queued=True)
def candidates_of(photo: Photo, key: str, side: int) -> Candidates:
    """All candidate boxes of a detector for a photo; cached, so that sliders do not run it again. Do not modify.

    Raises:
        ModelUnavailable: If the network is not available.
    """
    detector = load_detector(key)
    return timed_warm(detector, lambda: detector.candidates(photo.pixels, side), photo.size, side)


def pointed_candidate(where: tuple) -> int | None:
    """Return the index of the candidate that the visitor has selected, or None if it is of another photo or network.

    Args:
        where: Keys of the photo and the network, and the image size.
    """
    *at, candidate = st.session_state.get(POINTED, (None, None))
    return candidate if tuple(at) == where else None


def point_at(where: tuple, candidate: int | None, *, new_table: bool = True) -> None:
    """Select a detection for the tabs *Detect* and *Explain*.

    Args:
        where: Keys of the photo and the network, and the image size.
        candidate: Index of its candidate; None for no detection.
        new_table: Whether the table of detections must be drawn anew to show it: if it was not chosen there.
    """
    st.session_state[POINTED] = (*where, candidate)
    if new_table:
        st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def overlap_slider(candidates: Candidates, spec: ModelSpec) -> float:
    """Let the visitor set the IoU threshold of NMS; if the model needs no NMS, show a note instead."""
    if not candidates.needs_nms:
        st.caption(
            f"**No NMS here.** {spec.title}'s head was trained to predict one box for each object, so there is no IoU "
            "threshold to set."
        )
        return IOU
    return (
        st.slider(
            "IoU threshold (NMS)",
            5,
            95,
            DEFAULTS[OVERLAP],
            5,
            format="%d%%",
            key=OVERLAP,
            help=(
                "Of two boxes of one class with a higher IoU, only the more confident is kept (non-maximum "
                "suppression). Too low: neighbouring objects vanish. Too high: one object keeps several boxes."
            ),
            **LINKED_AND_PERSISTENT,
        )
        / 100
    )


def cuts_controls(candidates: Candidates, spec: ModelSpec) -> Cuts:
    """Show all four controls."""
    confidence = confidence_slider(spec.threshold)
    iou = overlap_slider(candidates, spec)
    classes = st.multiselect(
        "Classes",
        list(spec.labels),
        default=DEFAULTS[CLASSES],
        key=CLASSES,
        placeholder="All classes",
        **LINKED_AND_PERSISTENT,
    )
    limit = st.select_slider("Max detections", LIMITS, DEFAULTS[LIMIT], key=LIMIT, **LINKED_AND_PERSISTENT)
    return Cuts(confidence, iou, tuple(classes) or None, limit)
