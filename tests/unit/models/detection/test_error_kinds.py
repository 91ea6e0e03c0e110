"""Errors by their kind: a hand-made case of each, sums, gains against an oracle, and empty photos."""

import numpy as np
import pytest

from cnn_demo.models.detection.error_kinds import (
    KINDS,
    NO_OBJECT,
    Predictions,
    find_mistakes,
    mended,
    precision_gains,
)
from cnn_demo.models.detection.metrics import average_precision, mean_average_precision

CAT, DOG = (0, 0, 10, 10), (30, 0, 40, 10)  # the objects, of classes 0 and 1


def photo(predicted, objects=((CAT, 0), (DOG, 1))) -> Predictions:
    """Make a photo of (box, class, score) triples and (box, class) pairs."""
    boxes, class_ids, scores = zip(*predicted, strict=True) if predicted else ((), (), ())
    true_boxes, true_ids = zip(*objects, strict=True) if objects else ((), ())
    return Predictions(
        np.array(boxes, float).reshape(-1, 4),
        np.array(scores, float),
        np.array(class_ids, int),
        np.array(true_boxes, float).reshape(-1, 4),
        np.array(true_ids, int),
    )


@pytest.mark.parametrize(
    ("box", "class_id", "kind", "truth", "overlap"),
    [
        ((0, 0, 10, 8), 1, "classification", 0, 0.8),
        ((0, 0, 10, 4), 0, "localization", 0, 0.4),
        ((0, 0, 10, 4), 1, "both", 0, 0.4),
        ((30, 0, 40, 9), 1, "duplicate", 1, 0.9),
        ((60, 0, 70, 10), 0, "background", NO_OBJECT, 0.0),
        ((0, 0, 10, 0.5), 0, "background", NO_OBJECT, 0.05),
        ((0, 0, 10, 1), 1, "background", NO_OBJECT, 0.1),  # at the threshold, as in TIDE's program
        ((0, 0, 10, 1), 0, "localization", 0, 0.1),
    ],
)
def test_a_hand_made_case_of_each_kind(box, class_id, kind, truth, overlap):
    mistakes = find_mistakes(photo([(DOG, 1, 0.9), (box, class_id, 0.8)]))
    (mistake,) = mistakes.wrong
    assert (mistake.kind, mistake.prediction, mistake.truth) == (kind, 1, truth)
    assert mistake.overlap == pytest.approx(overlap)
    assert mistake.mendable == (kind in ("classification", "localization"))
    assert mistakes.counts[kind] == 1
    assert mistakes.covered.tolist() == ([0] if mistake.mendable else [])
    assert mistakes.missed.tolist() == ([] if mistake.mendable else [0])


def test_an_accurate_box_of_a_found_object_is_a_duplicate_unless_another_class_lies_there_too():
    twice = [(CAT, 0, 0.9), ((0, 0, 10, 9), 0, 0.8)]
    assert find_mistakes(photo(twice)).wrong[0].kind == "duplicate"
    assert find_mistakes(photo(twice, [(CAT, 0), (CAT, 1)])).wrong[0].kind == "classification"


def test_of_several_errors_on_one_object_the_most_confident_is_mended():
    near = [((0, 0, 10, 4), 0, 0.6), ((0, 0, 4, 10), 0, 0.8), ((0, 0, 10, 3), 0, 0.8)]
    mistakes = find_mistakes(photo(near))
    assert [(m.prediction, m.mendable) for m in mistakes.wrong] == [(1, True), (2, False), (0, False)]  # ties in order
    mended_photo = mended(photo(near), mistakes, "localization")
    np.testing.assert_array_equal(mended_photo.boxes, [CAT])
    assert mended_photo.scores.tolist() == [0.8]


def test_an_object_that_was_found_needs_no_mending():
    mistakes = find_mistakes(photo([(CAT, 0, 0.9), ((0, 0, 10, 4), 0, 0.8)]))
    assert [(m.kind, m.mendable) for m in mistakes.wrong] == [("localization", False)]


def random_photo(seed: int) -> Predictions:
    """Objects of three classes, and predictions near and away from them."""
    draw = np.random.default_rng(seed)
    corners = draw.uniform(0, 60, (8, 2))
    objects = np.concatenate([corners, corners + draw.uniform(10, 25, (8, 2))], axis=1)
    near = draw.integers(0, 8, 40)
    boxes = objects[near] + draw.normal(0, 4, (40, 4))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 2)
    classes = np.arange(8) % 3
    class_ids = np.where(draw.random(40) < 0.6, classes[near], draw.integers(0, 3, 40))
    return Predictions(boxes, draw.random(40).round(1), class_ids, objects, classes)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("foreground", [0.5, 0.75])
def test_the_kinds_sum_to_the_errors(seed, foreground):
    mistakes = find_mistakes(random_photo(seed), foreground)
    counts, right = mistakes.counts, int(mistakes.matches.right.sum())
    assert list(counts) == list(KINDS)
    assert sum(counts.values()) - counts["missed"] == 40 - right == len(mistakes.wrong)
    assert counts["missed"] + len(mistakes.covered) == 8 - right
    assert not set(mistakes.missed) & set(mistakes.covered)


def oracle(photos, kind: str) -> float:
    """Gain in mean AP by TIDE's own way: flags of true positives are changed, nothing is matched again."""

    def precision(kind) -> float:
        points, counts = [], np.zeros(3)
        for each in photos:
            mistakes = find_mistakes(each)
            wrong = {m.prediction: m for m in mistakes.wrong}
            classes = each.true_class_ids
            counts += np.bincount(classes, minlength=3)
            if kind == "missed":
                counts -= np.bincount(classes[mistakes.missed], minlength=3)
            for i, (class_id, score) in enumerate(zip(each.class_ids, each.scores, strict=True)):
                mistake = wrong.get(i)
                if mistake is None:
                    points.append((class_id, score, True))
                elif mistake.kind != kind:
                    points.append((class_id, score, False))
                elif mistake.mendable:
                    points.append((classes[mistake.truth], score, True))
        points.sort(key=lambda point: -point[1])
        flags = [np.array([right for of, _, right in points if of == label], bool) for label in range(3)]
        return float(np.mean([average_precision(*each) for each in zip(flags, counts.astype(int), strict=True)]))

    return precision(kind) - precision(None)


@pytest.mark.parametrize("kind", KINDS)
def test_gains_agree_with_the_precision_of_changed_flags(kind):
    photos = [random_photo(seed) for seed in range(5)]
    photos = [  # scores all different: the order of equal ones is not what is tested
        Predictions(p.boxes, p.scores + np.arange(40) / 1e4 + n / 1e5, p.class_ids, p.true_boxes, p.true_class_ids)
        for n, p in enumerate(photos)
    ]
    gain = precision_gains(photos)[kind]
    assert gain == pytest.approx(oracle(photos, kind), abs=1e-9)
    assert gain > 0


def test_gains_of_one_hand_made_photo():
    # The cat is predicted as a dog, above the right dog: AP of class 0 is 0, of class 1 it is 1/2.
    case = photo([((0, 0, 10, 9), 1, 0.9), (DOG, 1, 0.8)])
    assert mean_average_precision([case.columns], 2) == pytest.approx(0.25)
    gains = precision_gains([case])
    assert gains.pop("classification") == pytest.approx(0.75)
    assert set(gains.values()) == {0.0}


def test_missed_objects_leave_the_ground_truth():
    gains = precision_gains([photo([(CAT, 0, 0.9)])])
    assert gains.pop("missed") == pytest.approx(0.5)  # the class of the dog no longer counts
    assert set(gains.values()) == {0.0}
    assert precision_gains([photo([])])["missed"] == 1.0


def test_empty_photos():
    nothing = find_mistakes(photo([], []))
    assert set(nothing.counts.values()) == {0}
    assert find_mistakes(photo([])).missed.tolist() == [0, 1]
    assert find_mistakes(photo([(CAT, 0, 0.9)], [])).counts["background"] == 1
    assert all(np.isnan(gain) for gain in precision_gains([photo([(CAT, 0, 0.9)], [])]).values())
    assert all(np.isnan(gain) for gain in precision_gains([]).values())


@pytest.mark.parametrize(("foreground", "background"), [(0.5, 0.6), (0.5, 0.0), (0.0, 0.1), (1.2, 0.1)])
def test_thresholds_out_of_range_are_refused(foreground, background):
    with pytest.raises(ValueError, match="IoU must be above 0"):
        find_mistakes(photo([]), foreground, background)


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="one score"):
        Predictions(np.zeros((2, 4)), np.zeros(1), np.zeros(2, int), np.zeros((0, 4)), np.zeros(0, int))
