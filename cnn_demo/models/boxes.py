"""Box formats, IoU and its variants, and box losses.

Unless stated otherwise, boxes are corners (xmin, ymin, xmax, ymax), y pointing down; arrays of boxes are (..., 4), and
two arrays are compared element-wise. All computations are in float64.

The IoU of two boxes without area is NaN, as in torchvision.
"""

from dataclasses import dataclass

import numpy as np

from cnn_demo.models.calibration import softmax

# R-CNN's anchor offsets are scaled to roughly unit variance (Ren et al. 2015).
OFFSET_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
EPSILON = 1e-7  # keeps DIoU and CIoU from dividing by zero, as in torchvision
BETA = 0.05  # difference, relative to the image side, above which smooth L1 is linear
LOSS_WEIGHTS = {"class": 1.0, "smooth_l1": 5.0, "giou": 2.0}  # loss weights of the localizer's training


def corners_to_centre(boxes: np.ndarray) -> np.ndarray:
    """Convert corners to (centre x, centre y, width, height)."""
    boxes = np.asarray(boxes, np.float64)
    low, high = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def centre_to_corners(boxes: np.ndarray) -> np.ndarray:
    """Convert (centre x, centre y, width, height) to corners."""
    boxes = np.asarray(boxes, np.float64)
    centre, size = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def normalize_boxes(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Normalize boxes from pixels to fractions of the photo's sides, as corners or as centre and size.

    Args:
        boxes: (..., 4) boxes in pixels.
        size: (height, width) of the photo.
    """
    height, width = size
    return np.asarray(boxes, np.float64) / (width, height, width, height)


def to_pixels(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Convert normalized boxes to pixels: the inverse of `normalize_boxes`."""
    height, width = size
    return np.asarray(boxes, np.float64) * (width, height, width, height)


def to_offsets(boxes: np.ndarray, anchors: np.ndarray, weights: tuple[float, ...] = OFFSET_WEIGHTS) -> np.ndarray:
    """Encode boxes as offsets to anchors: centre shifts in anchor sizes and logarithms of the scale factors.

    Ren et al., "Faster R-CNN" (2015), https://arxiv.org/abs/1506.01497, equation 2.

    Args:
        boxes: (..., 4) corners.
        anchors: (..., 4) corners.
        weights: Factors for the four offsets.

    Returns:
        (..., 4): shift right, shift down, log width ratio, log height ratio.

    Raises:
        ValueError: If a box or an anchor has no area.
    """
    boxes, anchors = corners_to_centre(boxes), corners_to_centre(anchors)
    if (boxes[..., 2:] <= 0).any() or (anchors[..., 2:] <= 0).any():
        raise ValueError("Boxes and anchors must be wider and higher than 0 to be written as offsets.")
    moves = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return np.concatenate([moves, np.log(boxes[..., 2:] / anchors[..., 2:])], axis=-1) * weights


def from_offsets(offsets: np.ndarray, anchors: np.ndarray, weights: tuple[float, ...] = OFFSET_WEIGHTS) -> np.ndarray:
    """Decode offsets to corners: the inverse of `to_offsets`."""
    anchors = corners_to_centre(anchors)
    offsets = np.asarray(offsets, np.float64) / weights
    centre = anchors[..., :2] + offsets[..., :2] * anchors[..., 2:]
    return centre_to_corners(np.concatenate([centre, np.exp(offsets[..., 2:]) * anchors[..., 2:]], axis=-1))


def area(boxes: np.ndarray) -> np.ndarray:
    """Return the area, width times height, (...)."""
    boxes = np.asarray(boxes, np.float64)
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the area of the intersection of two boxes, (...); 0 if they are disjoint."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    return np.maximum(high - low, 0).prod(axis=-1)


def union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the area of the union of two boxes, (...)."""
    return area(first) + area(second) - intersection(first, second)


def enclosing(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the smallest box that encloses both, (..., 4)."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    low = np.minimum(first[..., :2], second[..., :2])
    high = np.maximum(first[..., 2:], second[..., 2:])
    return np.concatenate([low, high], axis=-1)


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (IoU), from 0 to 1: 1 for identical boxes, 0 for disjoint ones, however far apart.

    Example:
        >>> import numpy as np
        >>> from cnn_demo.models.boxes import iou
        >>> iou(np.array([0, 0, 10, 10]), np.array([[0, 0, 10, 5], [20, 20, 30, 30]]))  # one box with two others
        array([0.5, 0. ])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return intersection(first, second) / union(first, second)


def giou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Generalized IoU, from −1 to 1: IoU minus the fraction of the enclosing box that neither box covers.

    Unlike IoU, it also measures how far apart two disjoint boxes are.
    Rezatofighi et al. (2019), https://arxiv.org/abs/1902.09630.
    """
    enclosure = area(enclosing(first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        return iou(first, second) - (enclosure - union(first, second)) / enclosure


def diou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distance IoU: IoU minus the squared distance of the centres over the squared diagonal of the enclosing box.

    Zheng et al. (2020), https://arxiv.org/abs/1911.08287.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    enclosure = enclosing(first, second)
    diagonal = ((enclosure[..., 2:] - enclosure[..., :2]) ** 2).sum(axis=-1) + EPSILON
    centres = corners_to_centre(first)[..., :2] - corners_to_centre(second)[..., :2]
    return iou(first, second) - (centres**2).sum(axis=-1) / diagonal


def ciou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Complete IoU: DIoU minus a penalty for different aspect ratios, weighted more the higher the IoU.

    Zheng et al. (2020), https://arxiv.org/abs/1911.08287. NaN for a box without width and height.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    sizes = first[..., 2:] - first[..., :2], second[..., 2:] - second[..., :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = [np.arctan(size[..., 0] / size[..., 1]) for size in sizes]
        v = 4 / np.pi**2 * (slopes[0] - slopes[1]) ** 2
        alpha = v / (1 - iou(first, second) + v + EPSILON)
        return diou(first, second) - alpha * v


@dataclass(frozen=True)
class LossPart:
    """One term of a localizer's loss: its name, value and weight."""

    name: str
    value: float
    weight: float

    @property
    def weighted(self) -> float:
        """Weighted value of the term."""
        return self.value * self.weight


def weighted_median(votes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the box whose every coordinate is the weighted median of the votes' coordinates.

    Votes for another object move a mean, but not a median as long as they weigh less than half.

    Args:
        votes: (..., N, 4) boxes.
        weights: (..., N) weights of the votes, 0 or more, with a positive sum.

    Returns:
        (..., 4): for each coordinate the smallest value at which half of the weight is reached.

    Example:
        >>> weighted_median([[0, 0, 4, 4], [1, 0, 5, 4], [9, 9, 9, 9]], [0.4, 0.3, 0.3]).tolist()
        [1.0, 0.0, 5.0, 4.0]
    """
    votes = np.asarray(votes, np.float64)
    order = votes.argsort(axis=-2, kind="stable")
    reached = np.take_along_axis(np.asarray(weights, np.float64)[..., None], order, axis=-2).cumsum(axis=-2)
    median = (reached < 0.5 * reached[..., -1:, :]).sum(axis=-2, keepdims=True)  # (..., 1, 4)
    return np.take_along_axis(np.take_along_axis(votes, order, axis=-2), median, axis=-2)[..., 0, :]


def smooth_l1(differences: np.ndarray, beta: float = BETA) -> np.ndarray:
    """Smooth L1 loss: quadratic up to `beta`, linear above, so that outliers do not dominate the gradient.

    Girshick, "Fast R-CNN" (2015), https://arxiv.org/abs/1504.08083.

    Args:
        differences: Differences between predictions and targets, of any shape.
        beta: Threshold between the two parts, above 0, in the same unit.
    """
    size = np.abs(np.asarray(differences, np.float64))
    return np.where(size < beta, size**2 / (2 * beta), size - beta / 2)


def loss_parts(
    logits: np.ndarray,
    label: int,
    box: np.ndarray,
    truth: np.ndarray | None,
    weights: dict[str, float] | None = None,
) -> tuple[LossPart, ...]:
    """Return the terms of the localizer's training loss for one prediction.

    Args:
        logits: (C,) logits of all classes, "nothing" included.
        label: Index of the ground-truth class.
        box: (4,) predicted box, corners as fractions of the image sides.
        truth: (4,) ground-truth box; None if there is none: the box terms are then 0.
        weights: Weights of the terms; those not given default to `LOSS_WEIGHTS`.

    Returns:
        `class`, the cross-entropy; `smooth_l1`, summed over the four coordinates; `giou`, 1 − GIoU.

    Raises:
        ValueError: If the class or a term does not exist, or a weight is negative.
    """
    if not 0 <= label < len(logits):
        raise ValueError(f"The class must be from 0 to {len(logits) - 1}, not {label}.")
    if unknown := set(weights or {}) - set(LOSS_WEIGHTS):
        raise ValueError(f"The loss has no part {min(unknown)!r}: choose from {', '.join(LOSS_WEIGHTS)}.")
    used = LOSS_WEIGHTS | (weights or {})
    if min(used.values()) < 0:
        raise ValueError("The weights of the loss must be 0 or more.")
    values = {"class": -float(np.log(softmax(logits)[label])), "smooth_l1": 0.0, "giou": 0.0}
    if truth is not None:
        values["smooth_l1"] = float(smooth_l1(np.asarray(box, np.float64) - truth).sum())
        values["giou"] = 1 - float(giou(box, truth))
    return tuple(LossPart(name, value, used[name]) for name, value in values.items())
