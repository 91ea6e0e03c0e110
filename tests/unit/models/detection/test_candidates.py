"""Confidence threshold, NMS and max detections, compared with torchvision and Ultralytics, and the removed boxes."""

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.candidates import NOT_SUPPRESSED, Candidates, Grid, select, suppress
from cnn_demo.models.detection.letterbox import Letterbox

LABELS = ("cat", "dog", "bird")


def drawn(count: int, seed: int = 0, **facts) -> Candidates:
    """Random boxes, crowded enough to overlap."""
    draw = np.random.default_rng(seed)
    low, extent = draw.uniform(0, 200, (count, 2)), draw.uniform(10, 150, (count, 2))
    return Candidates(
        size=(400, 400),
        boxes_xyxy=np.concatenate([low, low + extent], axis=1).astype(np.float32),
        scores=draw.random(count).astype(np.float32),
        class_ids=draw.integers(0, len(LABELS), count),
        labels=LABELS,
        **facts,
    )


def boxes(*rows: tuple[float, ...]) -> Candidates:
    """Rows of xmin, ymin, xmax, ymax, score, class."""
    table = np.array(rows, np.float32)
    return Candidates((400, 400), table[:, :4], table[:, 4], table[:, 5].astype(np.int64), LABELS)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_suppression_is_that_of_torchvision(threshold, seed):
    torch, ops = frameworks.torch(), frameworks.torchvision().ops
    found = drawn(400, seed)
    order = np.argsort(-found.scores, kind="stable")
    suppressor, _ = suppress(found.boxes_xyxy[order], found.class_ids[order], threshold)
    kept = order[suppressor == NOT_SUPPRESSED]
    arguments = (torch.tensor(values) for values in (found.boxes_xyxy, found.scores, found.class_ids))
    assert kept.tolist() == ops.batched_nms(*arguments, threshold).tolist()


@pytest.mark.parametrize("settings", [(0.25, 0.7, None, 300), (0.6, 0.4, (1,), 300), (0.1, 0.5, (0, 2), 5)])
def test_the_selection_is_that_of_ultralytics(settings):
    confidence, iou, classes, limit = settings
    frameworks.ultralytics()
    from ultralytics.utils.nms import non_max_suppression

    found = drawn(300, 7)
    centres = (found.boxes_xyxy[:, :2] + found.boxes_xyxy[:, 2:]) / 2
    sizes = found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
    scores = np.zeros((300, len(LABELS)), np.float32)
    scores[np.arange(300), found.class_ids] = found.scores
    prediction = frameworks.torch().tensor(np.concatenate([centres, sizes, scores], axis=1).T[None])
    expected = non_max_suppression(prediction, confidence, iou, classes, max_det=limit)[0].numpy()
    detections = select(found, confidence, iou, classes, limit).detections()
    np.testing.assert_allclose(detections.xyxy, expected[:, :4], atol=1e-3)
    np.testing.assert_allclose(detections.confidence, expected[:, 4], atol=1e-6)
    assert detections.class_id.tolist() == expected[:, 5].astype(int).tolist()


def test_each_suppressed_box_has_its_suppressor_and_iou():
    found = drawn(200, 3)
    selection = select(found, 0.2, 0.4)
    of, classes = found.boxes_xyxy[selection.order], found.class_ids[selection.order]
    suppressed = np.flatnonzero(selection.suppressor != NOT_SUPPRESSED)
    assert len(suppressed) > 20
    for index in suppressed:
        by = selection.suppressor[index]
        assert by < index  # more confident
        assert selection.suppressor[by] == NOT_SUPPRESSED  # a suppressed box suppresses no others
        assert classes[by] == classes[index]
        assert selection.overlap[index] == pytest.approx(float(overlap_of(of[by], of[index])))
        assert selection.overlap[index] > 0.4
        assert index in selection.suppressed(by)
    assert sorted([*selection.kept, *suppressed]) == list(range(len(selection.order)))


def test_a_box_may_survive_because_its_suppressor_was_suppressed():
    chain = boxes((0, 0, 10, 10, 0.9, 0), (4, 0, 14, 10, 0.8, 0), (8, 0, 18, 10, 0.7, 0))
    selection = select(chain, 0.1, 0.4)
    assert selection.suppressor.tolist() == [NOT_SUPPRESSED, 0, NOT_SUPPRESSED]


def test_other_classes_are_left_alone():
    assert len(select(boxes((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 1)), 0.1, 0.0).kept) == 2


def test_a_score_at_the_threshold_is_below_it_as_in_ultralytics():
    found = boxes((0, 0, 9, 9, 0.5, 0), (20, 0, 29, 9, 0.75, 0))
    assert select(found, 0.5).detections()["candidate"].tolist() == [1]


def test_boxes_beyond_max_detections_are_counted():
    found = boxes((0, 0, 9, 9, 0.3, 0), (20, 0, 29, 9, 0.9, 0), (40, 0, 49, 9, 0.6, 1))
    selection = select(found, 0.1, 0.5, max_detections=2)
    assert selection.order.tolist() == [1, 2, 0]
    assert selection.kept.tolist() == [0, 1]
    assert selection.over_limit.tolist() == [2]


def test_detections_have_class_names_and_candidate_indices():
    found = boxes((0, 0, 9, 9, 0.3, 0), (20, 0, 29, 9, 0.9, 2))
    detections = select(found, 0.1).detections()
    assert detections["class_name"].tolist() == ["bird", "cat"]
    assert detections["candidate"].tolist() == [1, 0]
    assert detections.metadata["engine"] == "torch"
    assert detections.xyxy.dtype == np.float32
    nothing = select(found, 0.95).detections()
    assert len(nothing) == 0
    assert nothing["class_name"].shape == (0,)


def test_boxes_that_do_not_overlap_are_not_suppressed():
    assert len(select(drawn(50, 1, needs_nms=False), 0.0, 0.0).kept) == 50


def test_classes_may_be_named():
    found = drawn(60, 2)
    assert select(found, classes=["dog"]).order.tolist() == select(found, classes=[1]).order.tolist()
    assert len(select(found, classes=[]).order) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 1.5}, "The confidence must be from 0 to 1, not 1.5"),
        ({"iou": -0.1}, "The IoU must be from 0 to 1"),
        ({"max_detections": 0}, "Max detections must be at least 1"),
        ({"classes": ["cow"]}, "There is no class 'cow': choose from cat, dog, bird"),
        ({"classes": [3]}, "There is no class 3"),
    ],
)
def test_invalid_settings_are_refused_in_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        select(drawn(5), **settings)


def test_a_candidate_has_its_cell():
    frame = Letterbox.fit((300, 600), 320, 32)  # half size and a little more, 160 rows
    cells = np.array([[1, 2, 3]])
    found = Candidates(
        (300, 600), np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), LABELS,
        cells=cells, grids=(Grid(8, 20, 40), Grid(16, 10, 20)), frame=frame,
    )  # fmt: skip
    left, top, right, _ = found.cell_xyxy(0)
    assert right - left == pytest.approx(16 * 600 / 320)
    assert left == pytest.approx(48 * 600 / 320)
    assert top == pytest.approx(32 * 300 / 160)
    with pytest.raises(ValueError, match="do not come from the cells"):
        drawn(1).cell_xyxy(0)


def test_boxes_are_clipped_to_the_photo_after_nms():
    found = boxes((-50, 10, 50, 500, 0.9, 0), (-50, 10, 60, 500, 0.8, 0))
    selection = select(found, 0.1, 0.9)
    assert selection.overlap[1] == pytest.approx(100 / 110)  # of the whole boxes, as Ultralytics compares them
    assert selection.detections().xyxy.tolist() == [[0, 10, 50, 400]]
    assert found.visible([1]).tolist() == [[0, 10, 60, 400]]


def test_as_many_boxes_as_scores():
    with pytest.raises(ValueError, match="need as many boxes"):
        Candidates((9, 9), np.zeros((2, 4), np.float32), np.zeros(3, np.float32), np.zeros(3, np.int64), LABELS)
