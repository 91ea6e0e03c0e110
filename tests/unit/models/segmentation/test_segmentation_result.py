"""The result of a semantic segmenter: validation, and fractions and entropies against plain sums."""

import json
import math

import numpy as np
import pytest

from cnn_demo.results import Segmentation

LABELS = ("sky", "road", "car")


@pytest.fixture(scope="module")
def probabilities() -> np.ndarray:
    values = np.random.default_rng(0).random((3, 6, 8)) ** 3
    return (values / values.sum(0)).astype(np.float32)


def made(probabilities: np.ndarray, /, **changes) -> Segmentation:
    facts = {
        "class_map": probabilities.argmax(0),
        "labels": LABELS,
        "confidence": probabilities.max(0),
        "probabilities": probabilities,
    }
    return Segmentation(**facts | changes)


def test_coverage_is_the_fraction_of_each_class_the_largest_first(probabilities):
    result = made(probabilities)
    coverage = result.coverage()
    assert sum(coverage.values()) == pytest.approx(1)
    assert list(coverage.values()) == sorted(coverage.values(), reverse=True)
    for label, fraction in coverage.items():
        assert fraction == pytest.approx(np.mean(result.class_map == LABELS.index(label)))


def test_an_absent_class_covers_nothing():
    result = Segmentation(np.zeros((2, 2), np.uint8), LABELS, np.ones((2, 2), np.float32))
    assert result.coverage() == {"sky": 1.0}


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_entropy_is_the_sum_of_minus_p_log_p(probabilities, kind):
    entropy = made(probabilities, probabilities=probabilities.astype(kind)).entropy()
    expected = sum(-p * math.log(p) for p in probabilities[:, 2, 3].tolist()) / math.log(3)
    assert entropy.dtype == np.float32
    assert entropy[2, 3] == pytest.approx(expected, abs=2e-3 if kind is np.float16 else 1e-6)


def test_entropy_of_certain_and_uniform_probabilities():
    probabilities = np.zeros((3, 1, 2), np.float32)
    probabilities[0, 0, 0], probabilities[:, 0, 1] = 1, 1 / 3
    np.testing.assert_allclose(made(probabilities).entropy(), [[0, 1]], atol=1e-6)


def test_entropies_that_were_kept_are_returned(probabilities):
    kept = np.full((6, 8), 0.25, np.float32)
    assert made(probabilities, probabilities=None, entropies=kept).entropy() is kept
    with pytest.raises(ValueError, match="were not kept"):
        made(probabilities, probabilities=None).entropy()


def test_doubtful_pixels_are_those_below_the_threshold(probabilities):
    result = made(probabilities)
    np.testing.assert_array_equal(result.doubtful(0.6), probabilities.max(0) < 0.6)
    assert not result.doubtful(0).any()
    with pytest.raises(ValueError, match="from 0 to 1, not 2"):
        result.doubtful(2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_map": np.zeros((6, 8))}, "is .H, W. integers"),
        ({"class_map": np.zeros(8, int)}, "is .H, W. integers"),
        ({"class_map": np.full((6, 8), 3)}, "indices of 3 labels"),
        ({"class_map": np.full((6, 8), -1)}, "indices of 3 labels"),
        ({"confidence": np.zeros((6, 7), np.float32)}, "The confidence must have"),
        ({"entropies": np.zeros((8, 6), np.float32)}, "The entropies must have"),
        ({"probabilities": np.zeros((2, 6, 8), np.float32)}, "one for each label"),
    ],
)
def test_shapes_that_do_not_match_are_refused(probabilities, changes, message):
    with pytest.raises(ValueError, match=message):
        made(probabilities, **changes)


def test_it_can_be_written_as_json(probabilities):
    facts = json.loads(json.dumps(made(probabilities).as_json()))
    assert (facts["height"], facts["width"]) == (6, 8)
    assert sum(row["pixels"] for row in facts["coverage"].values()) == 48
