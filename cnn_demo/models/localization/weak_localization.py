"""Localization without a box head: CAM thresholding and sliding window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.images.resizing import resized
from cnn_demo.models.boxes import to_pixels
from cnn_demo.models.calibration import softmax

if TYPE_CHECKING:
    from cnn_demo.models.localization.localizers import Localizer, LocalizerDetails

CAM_THRESHOLD = 0.2  # fraction of the map's maximum, as in Zhou et al.
DETAIL = 128  # size to which a map is resized before thresholding
SCALES = (1.0, 0.7, 0.5, 0.35)
STEP = 0.25  # as a fraction of the window's size
MAX_WINDOWS = 2000
BATCH = 32


@dataclass(frozen=True, eq=False)
class CamBox:
    """A bounding box from a thresholded class activation map.

    Attributes:
        label: The class.
        map: (h, w) float32, the class activation map: class weights times feature maps, non-negative, not normalized.
        mask: (`DETAIL`, `DETAIL`) bool: where the resized map is above the threshold.
        box_xyxy: (4,) float32 in pixels of the photo, the bounding box of the mask's largest connected component; None
            if the map is nowhere above 0.
    """

    label: str
    map: np.ndarray = field(repr=False)
    mask: np.ndarray = field(repr=False)
    box_xyxy: np.ndarray | None


@dataclass(frozen=True, eq=False)
class WindowScan:
    """Predictions of a classifier for every window.

    Attributes:
        labels: Class names, "nothing" last.
        boxes: (N, 4) float32, windows in pixels of the photo, large ones first.
        scales: (N,) float32, size of each window as a fraction of the photo's sides.
        probabilities: (N, K + 1) float32, class probabilities of each window.
    """

    labels: tuple[str, ...]
    boxes: np.ndarray = field(repr=False)
    scales: np.ndarray = field(repr=False)
    probabilities: np.ndarray = field(repr=False)

    @property
    def passes(self) -> int:
        """Number of images classified."""
        return len(self.boxes)

    def best(self, label: str) -> int:
        """Return the index of the window with the highest probability of this class; the first one for ties."""
        return int(self.probabilities[:, self.labels.index(label)].argmax())


def cam_box(
    model: Localizer,
    evidence: LocalizerDetails,
    label: str,
    size: tuple[int, int],
    threshold: float = CAM_THRESHOLD,
) -> CamBox:
    """Localize an object by thresholding the class activation map of the class head, which is trained without boxes.

    With global average pooling and a dense layer the map has a closed form: at each position, the sum of the feature
    maps weighted by the class's weights in the dense layer. Zhou et al. (2016), https://arxiv.org/abs/1512.04150, also
    use the bounding box of the largest connected component above a fifth of the maximum.

    Args:
        model: The localizer.
        evidence: Details of the prediction for the photo.
        label: One of `model.labels`.
        size: (height, width) of the photo.
        threshold: Threshold as a fraction of the map's maximum, above 0 and below 1.

    Raises:
        ValueError: If there is no such class, or the threshold is not between 0 and 1.
    """
    if label not in model.labels:
        raise ValueError(f"There is no class {label!r}: choose one of {', '.join(model.labels)}.")
    if not 0 < threshold < 1:
        raise ValueError(f"The threshold must be between 0 and 1, not {threshold}.")
    warmth = np.maximum(evidence.maps @ model.class_weights[:, model.labels.index(label)], 0).astype(np.float32)
    enlarged = cv2.resize(warmth, (DETAIL, DETAIL), interpolation=cv2.INTER_LINEAR)
    mask = (enlarged > threshold * enlarged.max()) if enlarged.max() > 0 else np.zeros(enlarged.shape, bool)
    return CamBox(label, warmth, mask, _around_largest_part(mask, size))


def _around_largest_part(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """Return the bounding box, in pixels of the photo, of the largest 8-connected component of its mask."""
    count, _, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:  # component 0 is the background
        return None
    left, top, width, height, _ = facts[1 + facts[1:, cv2.CC_STAT_AREA].argmax()]
    rows, columns = mask.shape
    fractions = np.array([left, top, left + width, top + height]) / (columns, rows, columns, rows)
    return to_pixels(fractions, size).astype(np.float32)


def windows(size: tuple[int, int], scales: Sequence[float] = SCALES, step: float = STEP) -> np.ndarray:
    """List the windows of a scan; they have the photo's aspect ratio, and the outermost touch its borders.

    Args:
        size: (height, width) of the photo.
        scales: Window sizes as fractions of the photo's sides, each above 0 and at most 1.
        step: Maximum step as a fraction of the window's size, above 0 and at most 1.

    Returns:
        (N, 4) float32 corners in pixels, in the order of the scales, then top to bottom and left to right.

    Raises:
        ValueError: If a scale or the step is out of range, or there would be more than `MAX_WINDOWS`.
    """
    if not scales or not all(0 < scale <= 1 for scale in scales):
        raise ValueError("Each scale must be above 0 and at most 1, and there must be one at least.")
    if not 0 < step <= 1:
        raise ValueError(f"The step must be above 0 and at most 1, not {step}.")
    counts = [1 + int(np.ceil((1 - scale) / (step * scale) - 1e-9)) for scale in scales]
    if (total := sum(count**2 for count in counts)) > MAX_WINDOWS:
        raise ValueError(f"That would be {total:,} windows: take larger scales or steps, for {MAX_WINDOWS:,} at most.")
    fractions = []
    for scale, count in zip(scales, counts, strict=True):
        starts = np.linspace(0, 1 - scale, count)
        fractions += [(left, top, left + scale, top + scale) for top in starts for left in starts]
    return to_pixels(np.array(fractions), size).astype(np.float32)


def slide(
    model: Localizer,
    pixels: np.ndarray,
    scales: Sequence[float] = SCALES,
    step: float = STEP,
    progress: Callable[[int, int], None] | None = None,
) -> WindowScan:
    """Classify every window with the class head, as detectors did before box regression.

    Args:
        model: The localizer; its box head is not used.
        pixels: (H, W, 3) uint8 photo.
        scales: Window sizes, as in `windows`.
        step: Maximum step, as in `windows`.
        progress: Callback that receives the completed and total number of windows after each batch.

    Raises:
        ValueError: As `windows` does.
    """
    height, width = pixels.shape[:2]
    boxes = windows((height, width), scales, step)
    logits = []
    for start in range(0, len(boxes), BATCH):
        crops = [_cut(pixels, box) for box in boxes[start : start + BATCH]]
        logits.append(model.outputs(np.stack([resized(crop, model.spec.input_size) for crop in crops]))[0])
        if progress:
            progress(min(start + BATCH, len(boxes)), len(boxes))
    fractions = (boxes[:, 2] - boxes[:, 0]) / width
    return WindowScan(model.labels, boxes, fractions, softmax(np.concatenate(logits)).astype(np.float32))


def _cut(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Crop a box, at least one pixel wide and high."""
    left, top = np.minimum(np.floor(box[:2]).astype(int), (pixels.shape[1] - 1, pixels.shape[0] - 1))
    right, bottom = np.ceil(box[2:]).astype(int)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
