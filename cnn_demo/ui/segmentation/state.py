"""Page 7: the chosen semantic segmentation network and its prediction for a photo, shared by all views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import streamlit as st

from cnn_demo.drawing.palette import as_hex, class_colours
from cnn_demo.drawing.pictures import reduced
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load_segmenter
from cnn_demo.models.segmentation.segmenters import MODES, SemanticSegmenter
from cnn_demo.models.segmentation.tiling import TILE
from cnn_demo.results import BACKGROUND, Segmentation, percent
from cnn_demo.ui.components.mask_view import Layer, mask_view
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model, pick_side

MODEL, SIDE, MODE = "segmenter", "segment_side", "segment_mode"
DEFAULTS: dict[str, Any] = {
    MODEL: None,
    SIDE: None,
    MODE: "whole",
}
SHOWN_SIDE = 960  # pixels of the longer side that are sent to the browser


def pick_segmenter(photo: Photo) -> tuple[ModelSpec, int, str]:
    """Let the visitor choose the semantic segmentation model, its image size, and the mode.

    Returns:
        Its row, the pixels of the photo's shorter side, and a key of `MODES`.

    Raises:
        ModelUnavailable: If there is no such network, or it cannot be loaded.
    """
    spec = pick_model(MODEL, "Model", task="semantic-segmentation")
    segmenter = load_with_spinner(spec, load_segmenter)
    sides, own = sides_for(segmenter, photo.size)
    side = pick_side(
        SIDE,
        sides,
        own,
        "The photo is resized so that its shorter side has this many pixels. A larger size gives finer borders and "
        "takes longer; far larger than in training, predictions become worse.",
    )
    mode = st.segmented_control(
        "Inference",
        list(MODES),
        default=DEFAULTS[MODE],
        required=True,
        format_func=lambda mode: MODES.get(mode, mode),
        key=MODE,
        help=(
            f"Tiles of {TILE} pixels overlap by a quarter and are blended: the feature maps of a large photo then "
            "fit into little memory. On the sample photos, about one pixel in a hundred then gets another class."
        ),
        **LINKED_AND_PERSISTENT,
        wrap=True,
    )
    return spec, side, mode if mode in MODES else DEFAULTS[MODE]


def sides_for(segmenter: SemanticSegmenter, size: tuple[int, int]) -> tuple[list[int], int]:
    """Return the image sizes that suit a photo of this (height, width), and the one that the network begins with.

    A long and narrow photo cannot have all sizes: its input would be too long.
    """
    own = min(segmenter.frame(size).scaled)
    return sorted({own, *(side for side in segmenter.sides if _fits(segmenter, size, side))}), own


def _fits(segmenter: SemanticSegmenter, size: tuple[int, int], side: int) -> bool:
    try:
        segmenter.frame(size, side)
    except ValueError:
        return False
    return True


@photo_cache(spinner="Running the network…", queued=True)
def segmentation_of(photo: Photo, key: str, side: int | None, mode: str) -> Segmentation:
    """A network's prediction for every pixel; cached, so that sliders do not run it again. It must not be modified.

    Args:
        photo: The visitor's.
        key: The network's.
        side: Shorter side of the network's input in pixels; None for the network's default.
        mode: A key of `MODES`.

    Raises:
        ModelUnavailable: If the network is not available.
    """
    segmenter = load_segmenter(key)
    return timed_warm(
        segmenter,
        lambda: segmenter.predict(photo.pixels, mode, side),
        None if mode == "tiled" else photo.size,  # all tiles have one shape, and take long enough once
        side,
    )


def layers_of(segmentation: Segmentation) -> list[Layer]:
    """Return a layer for each class that is on the photo, the largest first; the background has none."""
    colours = class_colours(segmentation.labels)
    layers = []
    for label, fraction in segmentation.coverage().items():
        if label != BACKGROUND:
            index = segmentation.labels.index(label)
            layers.append(Layer(index, label, as_hex(colours[index]), fraction))
    return layers


def masks_on(
    photo: Photo,
    segmentation: Segmentation,
    *,
    key: str,
    alt: str = "The photo under the masks of its classes.",
    max_height: int = 560,
    name_of: Callable[[str], str] = str,
) -> None:
    """Show a photo under its classes.

    Args:
        photo: The photo.
        segmentation: Its segmentation, at the photo's size.
        key: Widget key.
        alt: Text alternative, one sentence; the classes are appended.
        max_height: Greatest height in CSS pixels.
        name_of: Function of a class's label that returns its shown name.
    """
    small, small_segmentation = reduced_segmentation(photo, segmentation, SHOWN_SIDE)
    layers = [replace(layer, name=name_of(layer.name)) for layer in layers_of(segmentation)]
    names = ", ".join(layer.name for layer in layers) or "background only"
    mask_view(
        small,
        small_segmentation.class_map,
        layers,
        key=key,
        alt=f"{alt} Classes: {names}. {photo.description}",
        confidence=small_segmentation.confidence,
        max_height=max_height,
    )
    if not layers:
        st.info(
            "No class was found on this photo: everything is background. Try a model with more classes.",
            icon=":material/search_off:",
        )


def resized_map(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map (H, W) to another (height, width) by nearest neighbours, for classes cannot be averaged."""
    if values.shape == size:
        return values
    if values.dtype == bool:
        return resized_map(values.astype(np.uint8), size).astype(bool)
    return cv2.resize(values, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def reduced_segmentation(photo: Photo, segmentation: Segmentation, side: int) -> tuple[np.ndarray, Segmentation]:
    """Reduce a photo and its segmentation.

    Args:
        photo: The photo.
        segmentation: Its segmentation, at the photo's size.
        side: Pixels of the longer side, at most.

    Returns:
        The picture (h, w, 3) uint8, averaged, and classes and confidences by nearest neighbours.
    """
    small = reduced(photo.pixels, side)
    size = small.shape[:2]
    entropies = segmentation.entropies
    return small, replace(
        segmentation,
        class_map=resized_map(segmentation.class_map, size),
        confidence=resized_map(segmentation.confidence, size),
        entropies=None if entropies is None else resized_map(entropies, size),
    )


def covered(segmentation: Segmentation, limit: int = 6) -> str:
    """Return the fraction of the photo that each class covers, as Markdown: the largest first, the background last."""
    fractions = segmentation.coverage()
    background = fractions.pop(BACKGROUND, None)
    words = [f"**{percent(fraction)}** {label}" for label, fraction in list(fractions.items())[:limit]]
    if len(fractions) > limit:
        words.append(f"{len(fractions) - limit} more")
    if background is not None:
        words.append(f"{percent(background)} {BACKGROUND}")
    return " · ".join(words)
