"""Page 7: the chosen instance segmentation network and its predictions for a photo."""

from __future__ import annotations

from typing import Any

import supervision as sv

from cnn_demo.detections import class_names, confidences, masks
from cnn_demo.drawing.masks import BLANK
from cnn_demo.drawing.palette import as_hex, distinct_colours
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load_detector
from cnn_demo.models.detection.candidates import IOU, Candidates, select
from cnn_demo.results import percent
from cnn_demo.ui.components.mask_view import Layer
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.widgets.detection_controls import confidence_slider
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model, pick_side

MODEL, SIDE, SURE = "instance_segmenter", "instance_side", "instance_confidence"
DEFAULTS: dict[str, Any] = {MODEL: None, SIDE: None, SURE: None}
MAX_OBJECTS = 100  # of which masks are made: each is a photo of bits


def pick_instances() -> tuple[ModelSpec, int, float]:
    """Let the visitor choose the instance segmentation model, its image size and the confidence threshold.

    Returns:
        Its row, the size in pixels, and the confidence threshold from 0 to 1.

    Raises:
        ModelUnavailable: If there is no such network, or it cannot be loaded.
    """
    spec = pick_model(MODEL, "Instance model", task="instance-segmentation")
    segmenter = load_with_spinner(spec, load_detector)
    side = pick_side(
        SIDE,
        segmenter.sides,
        spec.input_size[0],
        "Longer side of the input in pixels (with Mask R-CNN, the shorter one).",
        label="Image size, instance model",
    )
    return spec, side, confidence_slider(spec.threshold, SURE)


@photo_cache(spinner="Running the network…", queued=True)
def objects_of(photo: Photo, key: str, side: int) -> Candidates:
    """All candidates of an instance segmentation model for a photo; cached for the sliders. Do not modify.

    Raises:
        ModelUnavailable: If the network is not available.
    """
    detector = load_detector(key)
    return timed_warm(detector, lambda: detector.candidates(photo.pixels, side), photo.size, side)


@photo_cache(spinner="Running the network…")
def found_of(photo: Photo, key: str, side: int, confidence: float) -> sv.Detections:
    """The objects above the threshold after NMS, the most confident first, with masks (K, H, W); do not modify.

    Raises:
        ModelUnavailable: If the network is not available.
    """
    return select(objects_of(photo, key, side), confidence, IOU, max_detections=MAX_OBJECTS).detections()


def numbered(found: sv.Detections) -> list[str]:
    """Name the objects "person 1", "person 2", the most confident first within each class."""
    seen: dict[str, int] = {}
    names = []
    for name in class_names(found):
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name} {seen[name]}")
    return names


def object_layers(found: sv.Detections) -> list[Layer]:
    """Return a layer for each object, numbered as `drawing.masks.instance_map` does: from 1 on, a colour each."""
    colours = distinct_colours(min(len(found), BLANK - 1))
    named = zip(numbered(found), masks(found), confidences(found).tolist(), colours, strict=False)
    return [
        Layer(number, name, as_hex(colour), float(mask.mean()), detail=f"confidence {percent(confidence)}")
        for number, (name, mask, confidence, colour) in enumerate(named, 1)
    ]
