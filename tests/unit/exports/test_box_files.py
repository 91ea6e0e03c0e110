"""Each file is read back with an independent reader: json, csv, pycocotools, supervision."""

import contextlib
import csv
import io
import json

import numpy as np
import pytest
import supervision as sv
from PIL import Image
from pycocotools.coco import COCO

from cnn_demo.exports.boxes import COLUMNS, as_coco, as_csv, as_json, as_yolo, counts, rows

LABELS = ("cat", "dog", "bird, small")
SIZE = (200, 300)


@pytest.fixture(scope="module")
def found():
    class_ids = np.array([1, 2, 1])
    return sv.Detections(
        np.array([[10.04, 20, 110, 70], [0, 0, 300, 200], [5, 5, 6, 199.96]], np.float32),
        confidence=np.array([0.9, 0.55556, 0.3], np.float32),
        class_id=class_ids,
        data={"class_name": np.array([LABELS[i] for i in class_ids]), "candidate": np.array([7, 8, 9])},
    )


@pytest.fixture(scope="module")
def nothing():
    return sv.Detections(
        np.zeros((0, 4), np.float32),
        confidence=np.zeros(0, np.float32),
        class_id=np.zeros(0, int),
        data={"class_name": np.zeros(0, str)},
    )


def test_rows_and_counts(found):
    assert list(rows(found)[0].values()) == [1, "dog", 0.9, 10.0, 20.0, 110.0, 70.0, 100.0, 50.0]
    assert counts(found) == {"dog": 2, "bird, small": 1}


def test_json(found):
    read = json.loads(json.dumps(as_json(found)))
    assert read["counts"] == {"dog": 2, "bird, small": 1}
    assert read["detections"][1] == {"class": "bird, small", "confidence": 0.5556, "box_xyxy": [0, 0, 300, 200]}


def test_csv(found):
    table = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert tuple(table[0]) == COLUMNS
    assert [row["class"] for row in table] == ["dog", "bird, small", "dog"]
    assert float(table[2]["ymax"]) == 200.0


def test_coco_is_read_by_pycocotools(found, tmp_path):
    path = tmp_path / "photo.json"
    path.write_text(json.dumps(as_coco(found, "photo.jpg", SIZE, LABELS)))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(path)
    assert coco.loadImgs([1])[0] == {"id": 1, "file_name": "photo.jpg", "height": 200, "width": 300}
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert tuple(names.values()) == LABELS
    assert [names[annotation["category_id"]] for annotation in annotations] == ["dog", "bird, small", "dog"]
    assert annotations[0]["bbox"] == pytest.approx([10.04, 20, 99.96, 50], abs=0.01)
    assert annotations[0]["score"] == pytest.approx(0.9)
    assert annotations[0]["area"] == pytest.approx(99.96 * 50, rel=1e-3)


def test_yolo_is_read_by_supervision(found, tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "images" / "photo.jpg")
    (tmp_path / "labels" / "photo.txt").write_text(as_yolo(found, SIZE))
    (tmp_path / "data.yaml").write_text(json.dumps({"names": list(LABELS), "nc": len(LABELS)}))
    read = sv.DetectionDataset.from_yolo(
        str(tmp_path / "images"), str(tmp_path / "labels"), str(tmp_path / "data.yaml")
    )
    (_, _, detections), *_ = list(read)
    np.testing.assert_allclose(detections.xyxy, found.xyxy, atol=0.02)
    assert detections.class_id.tolist() == found.class_id.tolist()


def test_no_detections_are_a_file_too(nothing):
    assert as_json(nothing) == {"counts": {}, "detections": []}
    assert as_csv(nothing).strip() == ",".join(COLUMNS)
    assert as_coco(nothing, "photo.jpg", SIZE, LABELS)["annotations"] == []
    assert as_yolo(nothing, SIZE) == ""
