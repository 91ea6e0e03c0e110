"""The bundled everyday networks on the sample photos, which were never trained on: what a visitor sees first.

The bounds are wide, so that they hold for networks that are trained anew.
"""

import numpy as np
import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.lessons.localization import TRUTHS
from cnn_demo.models import find, load, preferred_model
from cnn_demo.models.boxes import iou, to_pixels

SAMPLES = {sample.key: sample for sample in sample_photos()}
KNOWN = {key: next((label, box) for label, box in boxes.items()) for key, boxes in TRUTHS.items()}
OTHER = ("flower", "china")  # none of the twenty classes


def pixels_of(key: str) -> np.ndarray:
    return SAMPLES[key].load().pixels


def truth_of(key: str) -> tuple[str, np.ndarray]:
    label, shares = KNOWN[key]
    return label, to_pixels(np.array(shares), pixels_of(key).shape[:2])


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A machine with the bundled networks alone."""
    for variable in ("CNN_DEMO_WEIGHTS", "KERAS_HOME", "TORCH_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ("localization", "everyday_localizer"),
        ("detection", "everyday_detector"),
    ],
)
def test_pages_begin_with_them_on_a_machine_without_others(task, key, offline):
    assert preferred_model(task) == find(key)
    assert len(find(key).labels) == 20


@pytest.mark.parametrize("key", KNOWN)
def test_the_main_object_is_found(key):
    (label, box), found = truth_of(key), load("everyday_localizer").predict(pixels_of(key))
    assert found.label == label
    assert iou(found.box_xyxy, box) > 0.5


def test_a_flower_gets_no_box():
    assert load("everyday_localizer").predict(pixels_of("flower")).label is None


@pytest.mark.parametrize("key", KNOWN)
def test_the_most_confident_box_of_its_class_is_on_the_main_object(key):
    (label, box), found = truth_of(key), load("everyday_detector", "cpu").predict(pixels_of(key))
    own = found[found["class_name"] == label]
    assert len(own)
    assert iou(own.xyxy[own.confidence.argmax()], box) > 0.5


def test_persons_are_found_in_front_of_the_bus():
    found = load("everyday_detector", "cpu").predict(pixels_of("bus"))
    persons = found.xyxy[found["class_name"] == "person"]
    for true in ((50, 400, 245, 905), (222, 405, 345, 860)):  # the two men, by hand
        assert max(iou(np.array(true), box) for box in persons) > 0.5


@pytest.mark.parametrize("key", OTHER)
def test_nothing_is_detected_where_nothing_is_known(key):
    assert not len(load("everyday_detector", "cpu").predict(pixels_of(key), confidence=0.5))
