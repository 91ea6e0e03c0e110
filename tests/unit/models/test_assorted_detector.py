"""The bundled detector finds what it knows on a photo that is no part of its sets."""

from cnn_demo.models import load
from cnn_demo.samples import sample_photos


def test_the_astronauts_face_is_what_it_is_surest_of():
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load()
    found = load("assorted_yolo11n", "cpu").predict(photo.pixels)
    best = int(found.confidence.argmax())
    left, top, right, bottom = found.xyxy[best]
    assert found["class_name"][best] == "face"
    assert 150 < left < 224 < right < 300  # her nose is at about (224, 130)
    assert top < 130 < bottom < 250
