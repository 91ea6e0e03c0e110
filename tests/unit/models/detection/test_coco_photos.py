"""The YOLO11n stand-in finds the objects, with the figures that Ultralytics measures."""

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from cnn_demo.exports.boxes import counts
from cnn_demo.images import read_photo, sample_photos
from cnn_demo.models import ModelUnavailable, frameworks, load
from cnn_demo.models.boxes import centre_to_corners, to_pixels
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.metrics import mean_average_precision
from cnn_demo.models.detection.yolo_detector import YoloDetector

PHOTOS = Path(os.environ.get("CNN_DEMO_DATA", "data")) / "coco48.tar.gz"  # images/NAME.jpg, labels/NAME.txt
SAMPLES = {sample.key: sample for sample in sample_photos()}

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def detector(weights_folder) -> YoloDetector:
    try:
        model = load("yolo11n", "cpu")
    except ModelUnavailable as error:
        pytest.skip(str(error))
    model.wait_for_export()
    return model


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    if not PHOTOS.is_file():
        pytest.skip(f"needs {PHOTOS.name} in the folder that CNN_DEMO_DATA names")
    folder = tmp_path_factory.mktemp("coco48")
    with tarfile.open(PHOTOS) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.rglob("labels")).parent


def test_the_bus_and_its_four_persons(detector):
    found = counts(detector.predict(SAMPLES["bus"].load().pixels))
    assert (found["bus"], found["person"]) == (1, 4)


def test_two_persons_and_a_tie(detector):
    assert counts(detector.predict(SAMPLES["zidane"].load().pixels)) == {"person": 2, "tie": 1}


def test_it_scores_as_ultralytics_measures_it(detector, unpacked, weights_folder, tmp_path):
    (tmp_path / "coco48.yaml").write_text(
        f"path: {unpacked}\ntrain: images\nval: images\nnames:\n"
        + "".join(f"  {i}: {name}\n" for i, name in enumerate(detector.spec.labels))
    )
    with frameworks.keep_torch_threads():
        theirs = frameworks.ultralytics().YOLO(next(weights_folder.rglob("yolo11n.pt")))
        measured = theirs.val(
            data=str(tmp_path / "coco48.yaml"), imgsz=640, batch=1, device="cpu", workers=0,
            plots=False, verbose=False, project=str(tmp_path), name="val",
        )  # fmt: skip
    photos = []
    for path in sorted((unpacked / "images").iterdir()):
        pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        candidates = detector.candidates(pixels, several_classes=True)
        found = select(candidates, confidence=0.001, iou=0.7).detections()
        label_file = unpacked / "labels" / f"{path.stem}.txt"
        rows = np.loadtxt(label_file, ndmin=2).reshape(-1, 5) if label_file.is_file() else np.zeros((0, 5))
        truth = to_pixels(centre_to_corners(rows[:, 1:]), pixels.shape[:2])
        photos.append((found.xyxy, found.confidence, found.class_id, truth, rows[:, 0].astype(int)))
    assert len(photos) == 48
    assert mean_average_precision(photos, len(detector.spec.labels)) == pytest.approx(measured.box.map50, abs=0.01)


def test_eight_threads_with_twenty_five_photos_each(detector, unpacked):
    files = sorted((unpacked / "images").iterdir())[:25]
    photos = [read_photo(path.read_bytes(), path.name, max_side=320).pixels for path in files]
    serial = [detector.predict(pixels, side=320) for pixels in photos]
    with ThreadPoolExecutor(8) as pool:
        rounds = list(pool.map(lambda _: [detector.predict(pixels, side=320) for pixels in photos], range(8)))
    for predictions in rounds:
        for prediction, expected in zip(predictions, serial, strict=True):
            np.testing.assert_array_equal(prediction.xyxy, expected.xyxy)
            np.testing.assert_array_equal(prediction.confidence, expected.confidence)
            np.testing.assert_array_equal(prediction.class_id, expected.class_id)
