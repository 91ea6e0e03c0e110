"""The YOLOv8n-seg stand-in finds the objects, with masks that fill their boxes, as in Ultralytics."""

import cv2
import numpy as np
import pytest

from cnn_demo.exports.boxes import counts
from cnn_demo.images.samples import sample_photos
from cnn_demo.models import ModelUnavailable, frameworks, load
from cnn_demo.models.boxes import iou
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.segmentation.classical_instances import mask_box

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def stand_in(weights_folder) -> YoloDetector:
    try:
        model = load("yolov8n-seg", "cpu")
    except ModelUnavailable as error:
        pytest.skip(str(error))
    model.wait_for_export()
    return model


def test_the_bus_and_its_four_persons_have_masks_that_fill_their_boxes(stand_in, weights_folder):
    frameworks.ultralytics()
    from ultralytics.utils import ASSETS

    pixels = cv2.cvtColor(cv2.imread(str(ASSETS / "bus.jpg")), cv2.COLOR_BGR2RGB)
    found = stand_in.predict(pixels)
    named = counts(found)
    assert (named["bus"], named["person"]) == (1, 4)
    assert found.mask.shape == (len(found), *pixels.shape[:2])
    for box, mask in zip(found.xyxy, found.mask, strict=True):
        assert iou(np.array(mask_box(mask), np.float32), box[None])[0] > 0.8
    theirs = frameworks.ultralytics().YOLO(next(weights_folder.rglob("yolov8n-seg.pt")))
    with frameworks.keep_torch_threads():
        expected = theirs.predict(pixels[..., ::-1], verbose=False, device="cpu", retina_masks=True)[0]
    masks, boxes = expected.masks.data.numpy().astype(bool), expected.boxes.xyxy.numpy()
    for box, mask in zip(found.xyxy, found.mask, strict=True):
        other = int(iou(box, boxes).argmax())
        assert (mask & masks[other]).sum() / (mask | masks[other]).sum() > 0.97


def test_its_boxes_agree_with_the_detectors(stand_in):
    try:
        detector = load("yolo11n", "cpu")
    except ModelUnavailable as error:
        pytest.skip(str(error))
    pixels = next(sample for sample in sample_photos() if sample.key == "bus").load().pixels
    found, boxes = stand_in.predict(pixels), detector.predict(pixels)
    for name in ("bus", "person"):
        ours, theirs = (result.xyxy[result["class_name"] == name] for result in (found, boxes))
        for box in ours:
            assert iou(box, theirs).max() > 0.7
