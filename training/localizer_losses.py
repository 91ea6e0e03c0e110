"""The loss of the localizer's box head, in TensorFlow; `cnn_demo.models.boxes` says the same for one pair of boxes."""

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import BETA

tf = frameworks.tensorflow()

EPSILON = 1e-6


def box_losses(box, votes, truth, with_box) -> dict:
    """Return the parts of the box head's loss, each the mean over the pictures that have a box.

    Args:
        box: (N, 4) what the head answers, corners as shares of the side.
        votes: (N, h, w, 4) the box that each place believes in.
        truth: (N, 4).
        with_box: (N,) 1 where there is an object, else 0.

    Returns:
        `smooth_l1` and `giou` of the answer; `votes`: 1 − GIoU of each place inside the true box, so that places learn
        whether or not they are listened to yet.
    """
    height, width = votes.shape[1:3]
    columns = (tf.range(width, dtype=tf.float32) + 0.5) / width
    rows = (tf.range(height, dtype=tf.float32) + 0.5)[:, None] / height
    left, top, right, bottom = (truth[:, None, None, side] for side in range(4))
    inside = tf.cast((columns > left) & (columns < right) & (rows > top) & (rows < bottom), tf.float32)
    of_places = tf.reduce_sum(inside * (1 - giou(votes, truth[:, None, None])), (1, 2))
    parts = {
        "smooth_l1": tf.reduce_sum(smooth_l1(box - truth), 1),
        "giou": 1 - giou(box, truth),
        "votes": of_places / (tf.reduce_sum(inside, (1, 2)) + EPSILON),
    }
    many = tf.reduce_sum(with_box) + EPSILON
    return {name: tf.reduce_sum(part * with_box) / many for name, part in parts.items()}


def smooth_l1(difference):
    """Girshick, "Fast R-CNN" (2015): a parabola near 0, straight from `BETA` on."""
    size = tf.abs(difference)
    return tf.where(size < BETA, size**2 / (2 * BETA), size - BETA / 2)


def giou(first, second):
    """Generalized IoU of (..., 4) corners; a box whose corners are crossed has no area."""
    low, high = tf.maximum(first[..., :2], second[..., :2]), tf.minimum(first[..., 2:], second[..., 2:])
    shared = tf.reduce_prod(tf.maximum(high - low, 0), -1)
    union = _area(first) + _area(second) - shared
    around = _area(
        tf.concat([tf.minimum(first[..., :2], second[..., :2]), tf.maximum(first[..., 2:], second[..., 2:])], -1)
    )
    return shared / (union + EPSILON) - (around - union) / (around + EPSILON)


def _area(boxes):
    return tf.reduce_prod(tf.maximum(boxes[..., 2:] - boxes[..., :2], 0), -1)
