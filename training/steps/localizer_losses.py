"""The loss of the localizer's box head, in torch; `cnn_demo.models.boxes` has the same for one pair of boxes."""

from torch import Tensor

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import BETA

torch = frameworks.torch()

EPSILON = 1e-6


def box_losses(
    box: Tensor, votes: Tensor, truth: Tensor, with_box: Tensor, others: Tensor | None = None
) -> dict[str, Tensor]:
    """Return the parts of the box head's loss, each the mean over the pictures that have a box.

    Args:
        box: (N, 4) predicted box, corners as fractions of the side.
        votes: (N, h, w, 4) box predicted by each cell.
        truth: (N, 4) ground-truth box.
        with_box: (N,) 1 if there is an object, else 0.
        others: (N, K, 4) boxes of other objects, or zeros.

    Returns:
        `smooth_l1` and `giou` of the prediction; `votes`: 1 − GIoU of each cell inside the ground-truth box, so cells
        learn whatever their attention weight. A cell that is inside others only learns the first of them.
    """
    height, width = votes.shape[1:3]
    columns = (torch.arange(width, device=box.device) + 0.5) / width
    rows = ((torch.arange(height, device=box.device) + 0.5) / height)[:, None]  # (h, 1)
    boxes = truth[:, None] if others is None else torch.cat([truth[:, None], others], 1)  # (N, 1 + K, 4)
    left, top, right, bottom = (boxes[..., None, None, side] for side in range(4))  # each (N, 1 + K, 1, 1)
    within = (columns > left) & (columns < right) & (rows > top) & (rows < bottom)  # (N, 1 + K, h, w)
    inside = within.any(1).float()  # (N, h, w)
    first = within.float().argmax(1)  # (N, h, w)
    targets = torch.take_along_dim(boxes[:, :, None, None], first[:, None, ..., None], 1)[:, 0]  # (N, h, w, 4)
    of_cells = (inside * (1 - giou(votes, targets))).sum((1, 2))  # (N,)
    parts = {
        "smooth_l1": torch.nn.functional.smooth_l1_loss(box, truth, reduction="none", beta=BETA).sum(1),
        "giou": 1 - giou(box, truth),
        "votes": of_cells / (inside.sum((1, 2)) + EPSILON),
    }
    return {name: (part * with_box).sum() / (with_box.sum() + EPSILON) for name, part in parts.items()}


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalized IoU of (..., 4) corners; a box whose corners are crossed has no area."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = _area(first) + _area(second) - shared
    least = torch.minimum(first[..., :2], second[..., :2])
    most = torch.maximum(first[..., 2:], second[..., 2:])
    around = (most - least).clamp(min=0).prod(-1)
    return shared / (union + EPSILON) - (around - union) / (around + EPSILON)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
