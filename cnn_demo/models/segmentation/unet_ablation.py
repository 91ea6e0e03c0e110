"""Intermediate feature maps of a trained U-Net and ablation of its skip connections."""

from __future__ import annotations

import time
from collections.abc import Collection

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.segmentation import unets
from cnn_demo.models.segmentation.postprocessing import postprocess
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
from cnn_demo.results import Segmentation


def can_be_opened(spec: ModelSpec) -> bool:
    """Return whether the feature maps of a network can be inspected: U-Nets of segmentation-models-pytorch only."""
    return spec.family == "smp" and spec.builder == "Unet"


@gpu_memory.or_on_cpu
def maps_inside(model: SemanticSegmenter, pixels: np.ndarray, side: int | None = None) -> dict[str, np.ndarray]:
    """Return the feature maps of every stage.

    Args:
        model: A U-Net.
        pixels: (H, W, 3) uint8, of any size.
        side: Image size, as in `SemanticSegmenter.predict`.

    Returns:
        In the order of computation, "encoder 1/2" to "decoder 1/1": feature maps (h, w, C) float32 without the padding
        of the input.

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


@gpu_memory.or_on_cpu
def without_skips(
    model: SemanticSegmenter, pixels: np.ndarray, skips_off: Collection[int], side: int | None = None
) -> Segmentation:
    """Predict the class of every pixel with some skip connections ablated.

    Args:
        model: A U-Net.
        pixels: (H, W, 3) uint8, of any size.
        skips_off: Strides of the skip connections to ablate, from `unets.SKIPS`.
        side: Image size, as in `SemanticSegmenter.predict`.

    Raises:
        ValueError: As `SemanticSegmenter.predict` and `unets.forward_without` do.
    """
    start = time.perf_counter()
    check_pixels(pixels)
    frame = model.frame(pixels.shape[:2], side)
    batch = model.batch(frame.apply(pixels))
    with model.lock, frameworks.torch().inference_mode():
        logits = unets.forward_without(model.network, batch, skips_off)[0]
    arrays = postprocess(logits, frame)
    milliseconds = (time.perf_counter() - start) * 1000
    return Segmentation(labels=model.labels, milliseconds=milliseconds, device=model.device, engine="torch", **arrays)
