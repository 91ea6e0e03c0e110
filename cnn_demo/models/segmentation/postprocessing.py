"""Post-processing of segmentation logits: class, confidence and entropy of each pixel of the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypedDict

import cv2
import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.segmentation.tiling import Frame

if TYPE_CHECKING:
    import torch

Rows: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
SMALLEST = np.finfo(np.float16).tiny  # 0.00006
AT_ONCE = 1 << 20  # values processed together: they fit into a CPU's cache


class SegmentationArrays(TypedDict):
    """The arrays of a `Segmentation`, by the names of its attributes."""

    class_map: np.ndarray
    confidence: np.ndarray
    entropies: np.ndarray
    probabilities: np.ndarray | None


def postprocess(
    logits: torch.Tensor | np.ndarray, frame: Frame, keep_probabilities: bool = False
) -> SegmentationArrays:
    """Convert logits into the arrays of a `Segmentation`, a few rows of the photo at a time.

    The logits are resized bilinearly to the photo's size before the argmax: boundaries then have the photo's
    resolution, and the probabilities of a pixel sum to 1.

    Args:
        logits: (C, H, W) logits of the network's input. NumPy computes with those on the CPU, faster than torch does.
        frame: Position of the photo in the input.
        keep_probabilities: Whether to return the probabilities of all classes.

    Returns:
        `class_map` (H, W) uint8 or int16, `confidence` and `entropies` (H, W) float32, `probabilities` (C, H, W)
        float16 or None, where NumPy gives 0 for those below 0.00006.
    """
    if not isinstance(logits, np.ndarray) and logits.device.type == "cpu":
        logits = logits.float().numpy()
    height, width = frame.photo
    logits = logits[:, : frame.scaled[0], : frame.scaled[1]]
    classes = len(logits)
    class_map = np.empty((height, width), np.uint8 if classes <= 256 else np.int16)
    confidence, entropies = np.empty((2, height, width), np.float32)
    probabilities = np.empty((classes, height, width), np.float16) if keep_probabilities else None
    step = max(1, AT_ONCE // (classes * width))
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        out = None if probabilities is None else probabilities[:, rows]
        if isinstance(logits, np.ndarray):
            found = _rows_in_numpy(logits, frame, rows, out)
        else:
            found = _rows_in_torch(logits, frame, rows, out)
        class_map[rows], confidence[rows], entropies[rows] = found
    return {
        "class_map": class_map,
        "confidence": confidence,
        "entropies": entropies,
        "probabilities": probabilities,
    }


def _rows_in_torch(logits: torch.Tensor, frame: Frame, rows: slice, probabilities: np.ndarray | None) -> Rows:
    """Return class, confidence and entropy of some rows of the photo, and write their probabilities."""
    with frameworks.torch().inference_mode():
        some = _on_photo(logits, frame, rows)  # (C, rows, W)
        best, chosen = some.max(0)  # each (rows, W)
        some = some - best
        odds = some.exp()
        total = odds.sum(0)
        disorder = total.log() - (odds * some).sum(0) / total  # Σ −p log p, without a logarithm for each p
        if probabilities is not None:
            probabilities[:] = (odds / total).half().cpu().numpy()
        entropies = (disorder / np.log(max(len(logits), 2))).clamp(0, 1)
        return chosen.cpu().numpy(), (1 / total).cpu().numpy(), entropies.cpu().numpy()


def _rows_in_numpy(logits: np.ndarray, frame: Frame, rows: slice, probabilities: np.ndarray | None) -> Rows:
    """Do as `_rows_in_torch` does."""
    some = _array_on_photo(logits, frame, rows)  # (C, rows, W)
    best, chosen = some[0].copy(), np.zeros(some.shape[1:], np.int16)
    for index, plane in enumerate(some[1:], 1):  # several times faster than an argmax across the planes
        np.copyto(chosen, index, where=plane > best)
        np.maximum(best, plane, out=best)
    some -= best
    odds = np.exp(some)
    total = odds.sum(0)
    disorder = np.log(total) - np.einsum("crw,crw->rw", odds, some) / total
    if probabilities is not None:
        np.divide(odds, total, out=odds)
        odds *= odds >= SMALLEST  # NumPy converts subnormal numbers ten times as slowly
        probabilities[:] = odds
    return chosen, 1 / total, np.clip(disorder / np.log(max(len(logits), 2)), 0, 1)


def _on_photo(logits: torch.Tensor, frame: Frame, rows: slice) -> torch.Tensor:
    """Return the logits (C, rows, W) of some rows of the photo, equal to bilinear interpolation of the whole map."""
    if frame.scaled == frame.photo:
        return logits[:, rows].float()
    torch = frameworks.torch()
    above, below, weight = _rows_in_map(frame, rows)
    first, second = (logits[:, torch.from_numpy(index).to(logits.device)].float() for index in (above, below))
    some = torch.lerp(first, second, torch.from_numpy(weight).to(logits.device))  # (C, rows, w)
    size = (some.shape[1], frame.photo[1])
    return torch.nn.functional.interpolate(some[None], size, mode="bilinear", align_corners=False)[0]


def _array_on_photo(logits: np.ndarray, frame: Frame, rows: slice) -> np.ndarray:
    """Do as `_on_photo` does; the result is a copy."""
    if frame.scaled == frame.photo:
        return logits[:, rows].copy()
    above, below, weight = _rows_in_map(frame, rows)
    first = logits[:, above]
    some = first + (logits[:, below] - first) * weight  # (C, rows, w)
    wide = cv2.resize(some.reshape(-1, some.shape[2]), (frame.photo[1], some.shape[0] * some.shape[1]))
    return wide.reshape(len(logits), -1, frame.photo[1])


def _rows_in_map(frame: Frame, rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two rows of the map between which each row of the photo lies, and the weight (rows, 1) of the lower.

    Returns:
        Two int64 arrays and one of float32.
    """
    positions = (np.arange(rows.start, rows.stop) + 0.5) * (frame.scaled[0] / frame.photo[0]) - 0.5
    positions = np.maximum(positions, 0)
    above = positions.astype(np.int64)
    below = np.minimum(above + 1, frame.scaled[0] - 1)
    return above, below, (positions - above).astype(np.float32)[:, None]
