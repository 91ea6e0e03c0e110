"""Each file is read back with an independent reader: json, csv, pycocotools, supervision."""

import contextlib
import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image
from pycocotools.coco import COCO

from cnn_demo.exports.boxes import (
    COLUMNS,
    PHOTO_COLUMNS,
    as_coco,
    as_crops,
    as_csv,
    as_json,
    as_yolo,
    as_yolo_dataset,
    counts,
    rows,
)
from cnn_demo.exports.full_size import file_boxes, file_detections, file_pixels
from cnn_demo.images import Photo

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
    table = list(csv.DictReader(io.StringIO(as_csv(found, "photo.jpg", SIZE))))
    assert tuple(table[0]) == (*COLUMNS, *PHOTO_COLUMNS)
    assert [table[0][column] for column in PHOTO_COLUMNS] == ["photo.jpg", "300", "200"]
    assert [row["class"] for row in table] == ["dog", "bird, small", "dog"]
    assert float(table[2]["ymax"]) == 200.0


@pytest.mark.parametrize("name", ["=1+1.jpg", "+a", "-a.png", "@a", "\ta", "\n=a", "＝a", "=cmd|' /C calc'!A0"])
def test_no_cell_of_a_csv_is_a_formula(name, found):
    boxes = found.xyxy - np.float32([13.54, 0, 0, 0])
    named = replace(found, xyxy=boxes, data={"class_name": np.array([name, "-1", "a=b"])})
    table = list(csv.DictReader(io.StringIO(as_csv(named, name, SIZE), newline="")))
    assert [row["class"] for row in table] == [f"'{name}", "'-1", "a=b"]
    assert {row["photo"] for row in table} == {f"'{name}"}
    assert float(table[0]["xmin"]) == -3.5  # a number is none


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
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    with zipfile.ZipFile(io.BytesIO(as_yolo_dataset(found, "my photo.heic", pixels, LABELS))) as archive:
        archive.extractall(tmp_path)
    images, labels = tmp_path / "images" / "train", tmp_path / "labels" / "train"
    read = sv.DetectionDataset.from_yolo(str(images), str(labels), str(tmp_path / "data.yaml"))
    assert read.classes == list(LABELS)
    (path, image, detections), *others = list(read)
    assert not others
    assert (Path(path).name, image.shape) == ("my photo.jpg", (*SIZE, 3))
    np.testing.assert_allclose(detections.xyxy, found.xyxy, atol=0.02)
    assert detections.class_id.tolist() == found.class_id.tolist()


def test_ultralytics_finds_the_images_and_labels_of_the_data_set(found, tmp_path, monkeypatch):
    from ultralytics.data.utils import check_det_dataset, img2label_paths, verify_image_label

    labels = ("no", "1", "dog: “large”")
    pixels = np.zeros((*SIZE, 3), np.uint8)
    with zipfile.ZipFile(io.BytesIO(as_yolo_dataset(found, "photo.jpg", pixels, labels))) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    dataset = check_det_dataset("data.yaml", autodownload=False)
    assert dataset["names"] == dict(enumerate(labels))
    images = [str(path) for path in Path(dataset["train"]).iterdir()]
    _, rows, shape, _, _, missing, _, _, corrupt, message = verify_image_label(
        (images[0], img2label_paths(images)[0], "", False, len(labels), 0, 0, False)
    )
    assert (len(rows), shape, missing, corrupt, message) == (3, SIZE, 0, 0, "")


def test_crops_are_cut_from_all_pixels(found):
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    with zipfile.ZipFile(io.BytesIO(as_crops(found, "photo.jpg", pixels))) as archive:
        sizes = {name: Image.open(archive.open(name)).size for name in archive.namelist()}
    assert sizes == {
        "photo 1 dog.jpg": (100, 50),
        "photo 2 bird, small.jpg": (300, 200),
        "photo 3 dog.jpg": (1, 195),
    }


def test_boxes_of_a_reduced_photo_are_in_the_pixels_of_its_file(found):
    large = Photo(np.zeros((*SIZE, 3), np.uint8), "large.jpg", "digest", (3000, 1996), "JPEG")
    moved = file_detections(large, found)
    np.testing.assert_allclose(moved.xyxy, found.xyxy * np.array([10, 9.98, 10, 9.98]), rtol=1e-6)
    assert moved.data["class_name"].tolist() == found.data["class_name"].tolist()
    np.testing.assert_allclose(file_boxes(large, found.xyxy[0]), moved.xyxy[0])
    assert file_pixels(large).shape == (1996, 3000, 3)


@pytest.mark.parametrize(
    ("name", "kind", "file_name"),
    [("IMG_1.HEIC", "HEIC", "IMG_1.HEIC"), ("camera", "JPEG", "camera.jpeg"), ("v1.2 cat", "PNG", "v1.2 cat.png")],
)
def test_a_file_name_has_an_extension(name, kind, file_name):
    assert Photo(np.zeros((1, 1, 3), np.uint8), name, "digest", format=kind).file_name == file_name


def test_no_detections_are_a_file_too(nothing):
    assert as_json(nothing) == {"counts": {}, "detections": []}
    assert as_csv(nothing, "photo.jpg", SIZE).strip() == ",".join((*COLUMNS, *PHOTO_COLUMNS))
    assert as_coco(nothing, "photo.jpg", SIZE, LABELS)["annotations"] == []
    assert as_yolo(nothing, SIZE) == ""
