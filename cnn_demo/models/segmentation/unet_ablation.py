"""A trained U-Net opened on a photo: what it computes at every resolution, and what it says without its skips."""

from __future__ import annotations

import time
from collections.abc import Collection

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.segmentation import unets
from cnn_demo.models.segmentation.postprocessing import answers
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
from cnn_demo.results import Segmentation


def can_be_opened(spec: ModelSpec) -> bool:
    """Whether a network is a U-Net whose steps are known."""
    return spec.family == "smp" and spec.builder == "Unet"


def maps_inside(model: SemanticSegmenter, pixels: np.ndarray, side: int | None = None) -> dict[str, np.ndarray]:
    """Return the feature maps of every step.

    Args:
        model: A U-Net.
        pixels: (H, W, 3) uint8, of any size.
        side: As for `SemanticSegmenter.predict`.

    Returns:
        In the order of computation, "encoder 1/2" to "decoder 1/1": (h, w, C) float32 of the network's input, without
        what fills that up.

    Raises:
        ValueError: As `SemanticSegmenter.predict` does.
    """
    check_pixels(pixels)
    frame = model.frame(pixels.shape[:2], side)
    batch = model.batch(frame.apply(pixels))
    with model.lock, frameworks.torch().inference_mode():
        found = unets.feature_maps(model.network, batch)
    maps = {}
    for name, values in found.items():
        if name != "logits":
            height, width = (
                max(1, round(length * values.shape[axis + 2] / frame.input[axis]))
                for axis, length in enumerate(frame.scaled)
            )
            maps[name] = values[0, :, :height, :width].permute(1, 2, 0).float().cpu().numpy()
    return maps


def without_skips(
    model: SemanticSegmenter, pixels: np.ndarray, skips_off: Collection[int], side: int | None = None
) -> Segmentation:
    """Label every pixel of a photo with some skip connections switched off.

    Args:
        model: A U-Net.
        pixels: (H, W, 3) uint8, of any size.
        skips_off: Strides of the skips, of `unets.SKIPS`.
        side: As for `SemanticSegmenter.predict`.

    Raises:
        ValueError: As `SemanticSegmenter.predict` and `unets.forward_without` do.
    """
    start = time.perf_counter()
    check_pixels(pixels)
    frame = model.frame(pixels.shape[:2], side)
    batch = model.batch(frame.apply(pixels))
    with model.lock, frameworks.torch().inference_mode():
        logits = unets.forward_without(model.network, batch, skips_off)[0]
    arrays = answers(logits, frame)
    milliseconds = (time.perf_counter() - start) * 1000
    return Segmentation(labels=model.labels, milliseconds=milliseconds, device=model.device, **arrays)
