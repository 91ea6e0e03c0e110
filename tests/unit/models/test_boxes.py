"""Boxes: the encodings and their inverses, and four measures of overlap beside torchvision's."""

import numpy as np
import pytest

from cnn_demo.models import boxes, frameworks

SIZE = (300, 400)  # of the photo, height and width


def random_boxes(count: int, seed: int) -> np.ndarray:
    """Draw corners in pixels; every fourth box has no width, every fourth no height, every eighth neither."""
    ends = np.random.default_rng(seed).uniform(0, 400, (count, 2, 2))
    drawn = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
    drawn[::4, 2] = drawn[::4, 0]
    drawn[1::4, 3] = drawn[1::4, 1]
    drawn[2::8, 2:] = drawn[2::8, :2]
    return drawn


def pairs(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs that meet or not; some are the same box twice, some one inside the other."""
    first, second = random_boxes(count, 0), np.random.default_rng(2).permutation(random_boxes(count, 1))
    second[::10] = first[::10]
    inset = np.minimum(first[5::10, 2:] - first[5::10, :2], 4) / 4
    second[5::10] = first[5::10] + np.concatenate([inset, -inset], axis=1)
    return first, second


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("iou", "box_iou"),
        ("giou", "generalized_box_iou"),
        ("diou", "distance_box_iou"),
        ("ciou", "complete_box_iou"),
    ],
)
@pytest.mark.parametrize("scale", [1, 1 / 400], ids=["pixels", "fractions"])
def test_overlaps_are_those_of_torchvision(ours, theirs, scale):
    torch, torchvision = frameworks.torch(), frameworks.torchvision()
    first, second = (part * scale for part in pairs())
    expected = getattr(torchvision.ops, theirs)(torch.from_numpy(first), torch.from_numpy(second)).numpy().diagonal()
    values = getattr(boxes, ours)(first, second)
    assert 0 < np.isnan(expected).sum() < 200  # two boxes without area have no IoU
    assert np.isfinite(expected).sum() > 200
    np.testing.assert_allclose(values, expected, atol=1e-5, equal_nan=True)


def test_ious_worked_out_by_hand():
    one = np.array([0.0, 0, 4, 4])
    assert boxes.iou(one, one) == boxes.giou(one, one) == boxes.diou(one, one) == 1
    assert boxes.iou(one, [2, 0, 6, 4]) == pytest.approx(8 / 24)
    assert boxes.giou(one, [2, 0, 6, 4]) == pytest.approx(8 / 24)  # the enclosing box is covered
    assert boxes.iou(one, [6, 0, 10, 4]) == 0
    assert boxes.giou(one, [6, 0, 10, 4]) == pytest.approx(-8 / 40)
    assert boxes.diou(one, [6, 0, 10, 4]) == pytest.approx(-36 / 116)
    assert boxes.giou(one, [16, 0, 20, 4]) < boxes.giou(one, [6, 0, 10, 4])
    # In the same enclosing box with the same centre, a box with the same aspect ratio is nearer.
    assert boxes.diou(one, [1, 1, 3, 3]) == boxes.iou(one, [1, 1, 3, 3]) == boxes.ciou(one, [1, 1, 3, 3]) == 0.25
    assert boxes.ciou(one, [0, 1.5, 4, 2.5]) < boxes.diou(one, [0, 1.5, 4, 2.5]) == 0.25


def test_areas():
    assert boxes.area([1, 2, 4, 6]) == 12
    assert boxes.intersection([0, 0, 3, 3], [2, 1, 9, 2]) == 1
    assert boxes.intersection([0, 0, 1, 1], [2, 2, 3, 3]) == 0
    assert boxes.union([0, 0, 3, 3], [2, 1, 9, 2]) == 15
    assert boxes.enclosing([0, 0, 1, 1], [2, -2, 3, 3]).tolist() == [0, -2, 3, 3]


def test_many_are_compared_at_once():
    first, second = pairs(24)
    np.testing.assert_array_equal(
        boxes.giou(first.reshape(2, 12, 4), second.reshape(2, 12, 4)).ravel(), boxes.giou(first, second)
    )
    np.testing.assert_array_equal(boxes.iou(first, second[3]), [boxes.iou(one, second[3]) for one in first])


def test_encodings_worked_out_by_hand():
    box = [40, 30, 120, 90]
    assert boxes.corners_to_centre(box).tolist() == [80, 60, 80, 60]
    assert boxes.normalize_boxes(box, SIZE).tolist() == pytest.approx([0.1, 0.1, 0.3, 0.3])
    anchor = [0, 0, 80, 120]  # half as high is the box, and to the right by half the anchor's width
    offsets = boxes.to_offsets(box, anchor, (1, 1, 1, 1))
    assert offsets.tolist() == pytest.approx([0.5, 0, 0, np.log(0.5)])
    assert boxes.to_offsets(box, anchor).tolist() == pytest.approx([5, 0, 0, 5 * np.log(0.5)])


def test_offsets_are_those_of_torchvision():
    torch = frameworks.torch()
    frameworks.torchvision()
    from torchvision.models.detection._utils import BoxCoder

    coder = BoxCoder(boxes.OFFSET_WEIGHTS)
    kept = np.all(random_boxes(200, 4)[:, 2:] > random_boxes(200, 4)[:, :2] + 1, axis=1)
    truth = random_boxes(200, 4)[kept]
    anchors = truth + np.random.default_rng(5).uniform(-0.3, 0.3, truth.shape)
    ours = boxes.to_offsets(truth, anchors)
    theirs = coder.encode_single(torch.from_numpy(truth), torch.from_numpy(anchors))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)  # torchvision's weights are float32
    back = coder.decode_single(torch.from_numpy(ours), torch.from_numpy(anchors))
    np.testing.assert_allclose(boxes.from_offsets(ours, anchors), back, atol=1e-3)


def test_every_encoding_can_be_decoded():
    drawn = random_boxes(100, 6)
    np.testing.assert_allclose(boxes.centre_to_corners(boxes.corners_to_centre(drawn)), drawn, atol=1e-9)
    np.testing.assert_allclose(boxes.to_pixels(boxes.normalize_boxes(drawn, SIZE), SIZE), drawn, atol=1e-9)
    roomy = drawn[boxes.area(drawn) > 0]
    anchors = np.array([30.0, 50, 170, 90])
    np.testing.assert_allclose(boxes.from_offsets(boxes.to_offsets(roomy, anchors), anchors), roomy, atol=1e-6)


@pytest.mark.parametrize(("box", "anchor"), [([0, 0, 0, 5], [0, 0, 1, 1]), ([0, 0, 1, 1], [3, 3, 2, 4])])
def test_a_box_without_area_has_no_offsets(box, anchor):
    with pytest.raises(ValueError, match="wider and higher than 0"):
        boxes.to_offsets(box, anchor)


def test_smooth_l1_is_torchs():
    torch = frameworks.torch()
    first, second = pairs(50)
    for beta in (0.5, 1.0, 20.0):
        expected = torch.nn.functional.smooth_l1_loss(
            torch.from_numpy(first), torch.from_numpy(second), reduction="none", beta=beta
        )
        np.testing.assert_allclose(boxes.smooth_l1(first - second, beta), expected, atol=1e-9)


def test_the_parts_of_the_loss_add_up():
    torch = frameworks.torch()
    logits, box, truth = np.array([2.0, 0.5, -1.0, 0.0]), np.array([0.1, 0.2, 0.6, 0.7]), np.array([0.2, 0.2, 0.7, 0.6])
    parts = boxes.loss_parts(logits, 1, box, truth, {"class": 2.0, "smooth_l1": 5.0, "giou": 0.0})
    assert [part.name for part in parts] == ["class", "smooth_l1", "giou"]
    crossed = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(1)).item()
    assert parts[0].value == pytest.approx(crossed)
    assert parts[1].value == pytest.approx(3 * (0.1 - boxes.BETA / 2))
    assert parts[2].value == pytest.approx(1 - float(boxes.giou(box, truth)))
    assert [part.weighted for part in parts] == pytest.approx([2 * crossed, 15 * (0.1 - boxes.BETA / 2), 0])


def test_a_picture_of_nothing_has_no_box_loss():
    parts = boxes.loss_parts(np.zeros(4), 3, np.array([0, 0, 1, 1.0]), None)
    assert [part.value for part in parts] == pytest.approx([np.log(4), 0, 0])


@pytest.mark.parametrize(
    ("weights", "label", "message"),
    [({"class": -1.0}, 0, "0 or more"), ({"l2": 1.0}, 0, "choose from class"), ({}, 4, "from 0 to 3")],
)
def test_bad_losses_are_refused(weights, label, message):
    with pytest.raises(ValueError, match=message):
        boxes.loss_parts(np.zeros(4), label, np.zeros(4), np.ones(4), weights)


def test_the_weighted_median_is_the_median_of_repeated_votes():
    draw = np.random.default_rng(3)
    votes, weights = draw.normal(size=(5, 9, 4)), draw.integers(0, 6, (5, 9))
    weights[:, 0] += weights.sum(axis=1) % 2 == 0  # an odd sum: a single value in the middle
    expected = [np.median(np.repeat(v, w, axis=0), axis=0) for v, w in zip(votes, weights, strict=True)]
    np.testing.assert_array_equal(boxes.weighted_median(votes, weights), expected)
    np.testing.assert_array_equal(boxes.weighted_median(votes[0], weights[0] / 7), expected[0])
