"""Post-processing of segmentation logits: class, confidence and entropy of each pixel of the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.segmentation.tiling import Frame

if TYPE_CHECKING:
    import torch

AT_ONCE = 1 << 20  # values processed together: they fit into a CPU's cache


class SegmentationArrays(TypedDict):
    """The arrays of a `Segmentation`, by the names of its attributes."""

    class_map: np.ndarray
    confidence: np.ndarray
    entropies: np.ndarray
    probabilities: np.ndarray | None


def postprocess(logits: torch.Tensor, frame: Frame, keep_probabilities: bool = False) -> SegmentationArrays:
    """Convert logits into the arrays of a `Segmentation`, a few rows of the photo at a time.

    The logits are resized bilinearly to the photo's size before the argmax: boundaries then have the photo's
    resolution, and the probabilities of a pixel sum to 1.

    Args:
        logits: (C, H, W) logits of the network's input.
        frame: Position of the photo in the input.
        keep_probabilities: Whether to return the probabilities of all classes.

    Returns:
        `class_map` (H, W) uint8 or int16, `confidence` and `entropies` (H, W) float32, `probabilities` (C, H, W)
        float16 or None.
    """
    torch = frameworks.torch()
    height, width = frame.photo
    logits = logits[:, : frame.scaled[0], : frame.scaled[1]]
    classes = len(logits)
    class_map = np.empty((height, width), np.uint8 if classes <= 256 else np.int16)
    confidence, entropies = np.empty((2, height, width), np.float32)
    probabilities = np.empty((classes, height, width), np.float16) if keep_probabilities else None
    step = max(1, AT_ONCE // (classes * width))
    with torch.inference_mode():
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            some = _on_photo(logits, frame, rows)  # (C, rows, W)
            best, chosen = some.max(0)  # each (rows, W)
            some = some - best
            odds = some.exp()
            total = odds.sum(0)
            disorder = total.log() - (odds * some).sum(0) / total  # Σ −p log p, without a logarithm for each p
            class_map[rows] = chosen.cpu().numpy()
            confidence[rows] = (1 / total).cpu().numpy()
            entropies[rows] = (disorder / np.log(max(classes, 2))).clamp(0, 1).cpu().numpy()
            if probabilities is not None:
                probabilities[:, rows] = (odds / total).half().cpu().numpy()
    return {
        "class_map": class_map,
        "confidence": confidence,
        "entropies": entropies,
        "probabilities": probabilities,
    }


def _on_photo(logits: torch.Tensor, frame: Frame, rows: slice) -> torch.Tensor:
    """Return the logits (C, rows, W) of some rows of the photo, equal to bilinear interpolation of the whole map."""
    if frame.scaled == frame.photo:
        return logits[:, rows].float()
    torch = frameworks.torch()
    rows_in_map = (torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5) * (
        frame.scaled[0] / frame.photo[0]
    ) - 0.5
    rows_in_map = rows_in_map.clamp(min=0)
    above = rows_in_map.long()
    below = (above + 1).clamp(max=frame.scaled[0] - 1)
    weight = (rows_in_map - above).float()[:, None].to(logits.device)  # (rows, 1)
    above, below = above.to(logits.device), below.to(logits.device)
    some = torch.lerp(logits[:, above].float(), logits[:, below].float(), weight)  # (C, rows, w)
    size = (some.shape[1], frame.photo[1])
    return torch.nn.functional.interpolate(some[None], size, mode="bilinear", align_corners=False)[0]
