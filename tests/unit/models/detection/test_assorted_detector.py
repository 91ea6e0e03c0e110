"""The bundled detector finds its classes on photos that are not in its data sets."""

import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.models import load
from cnn_demo.models.boxes import iou

TRUE = {  # by hand: hair, face and chin; from the rear light to the front wheel, mirrors and stand
    "astronaut": ("face", (153, 14, 300, 190)),
    "motorcycle": ("motorcycle", (92, 40, 684, 452)),
}


@pytest.mark.parametrize("key", TRUE)
def test_its_own_classes_get_the_highest_confidence(key):
    photo = next(sample for sample in sample_photos() if sample.key == key).load()
    found = load("assorted_yolo11n", "cpu").predict(photo.pixels)
    best, (name, box) = int(found.confidence.argmax()), TRUE[key]
    assert found["class_name"][best] == name
    assert iou(found.xyxy[best], box) > 0.6
