"""Typed columns of detections."""

import numpy as np
import pytest
import supervision as sv

from cnn_demo.detections import class_ids, class_names, confidences, data_column, masks, subset, track_ids


@pytest.fixture
def found():
    return sv.Detections(
        np.array([[0, 0, 2, 2], [1, 1, 4, 3]], float),
        mask=np.array([np.eye(4), np.ones((4, 4))], bool),
        confidence=np.array([0.5, 0.75]),
        class_id=np.array([3, 1]),
        tracker_id=np.array([7, 8]),
        data={"class_name": np.array(["cat", "dog"]), "candidate": [5, 9]},
    )


def test_columns(found):
    assert class_names(found) == ["cat", "dog"]
    assert class_ids(found).tolist() == [3, 1]
    assert confidences(found).tolist() == [0.5, 0.75]
    assert masks(found).sum((1, 2)).tolist() == [4, 16]
    assert track_ids(found).tolist() == [7, 8]
    assert data_column(found, "candidate").tolist() == [5, 9]


@pytest.mark.parametrize("index", [np.array([1]), np.array([False, True]), slice(1, 2)])
def test_subset(found, index):
    one = subset(found, index)
    assert class_names(one) == ["dog"]
    assert masks(one).shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("read", "missing"),
    [
        (class_names, "class_name"),
        (class_ids, "class indices"),
        (confidences, "confidences"),
        (masks, "boxes only"),
        (track_ids, "track IDs"),
    ],
)
def test_a_missing_column_is_an_error(read, missing):
    with pytest.raises(ValueError, match=missing):
        read(sv.Detections(np.zeros((1, 4))))
