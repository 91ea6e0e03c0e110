"""The bundled localizer on the sample photos, and its training record."""

import numpy as np
import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.models import find, list_models, load
from cnn_demo.models.boxes import intersection, iou, to_pixels
from cnn_demo.models.training_records import localizer_record

if not list_models("localization"):
    pytest.skip("needs the bundled localizer, which is not trained yet", allow_module_level=True)

PHOTOS = {sample.key: sample for sample in sample_photos()}
HEADS = {"astronaut": (153, 14, 300, 190), "grace_hopper": (155, 22, 375, 345)}  # hair, hat and chin, by hand
FACE = (180, 75, 272, 190)  # of the astronaut: eyes, nose, mouth and chin
MOTORCYCLE = (92, 40, 684, 452)  # from the rear light to the front wheel, mirrors and stand, by hand
HELD_BACK = {"airplane": 96, "face": 52, "motorcycle": 96}


@pytest.fixture(scope="module")
def model():
    return load("caltech_localizer")


@pytest.fixture(scope="module")
def record():
    return localizer_record()


def test_the_astronaut_is_a_face_and_the_box_is_on_it(model):
    prediction = model.predict(PHOTOS["astronaut"].load().pixels)
    assert prediction.label == "face"
    assert iou(prediction.box_xyxy, HEADS["astronaut"]) > 0.5
    assert intersection(prediction.box_xyxy, FACE) > 0.8 * intersection(FACE, FACE)


def test_the_motorcycle_is_one_and_the_box_is_around_it(model):
    prediction = model.predict(PHOTOS["motorcycle"].load().pixels)
    assert prediction.label == "motorcycle"
    assert iou(prediction.box_xyxy, MOTORCYCLE) > 0.7


@pytest.mark.parametrize("key", ["chelsea", "coffee", "rocket", "china", "flower", "bus", "zidane"])
def test_photos_of_other_classes_get_no_box(model, key):
    assert model.predict(PHOTOS[key].load().pixels).label is None


def test_it_reaches_the_figures_of_its_card(record):
    figures, card = record.figures, find("caltech_localizer").card()
    assert figures["accuracy"] >= 0.98
    assert figures["iou"] >= 0.85
    assert figures["over_50"] >= 0.98
    assert figures["over_75"] >= 0.85
    for figure in figures.values():
        assert f"{figure:.4f}" in card


def test_the_measurements_agree_with_each_other(record):
    assert {name: len(values) for name, values in record.overlaps.items()} == HELD_BACK
    overlaps = np.concatenate(list(record.overlaps.values()))
    assert overlaps.mean() == pytest.approx(record.figures["iou"], abs=1e-4)
    assert sum(record.epochs[-1]["whole_histogram"]) == len(overlaps)
    assert [case["iou"] for case in record.worst] == sorted(overlaps)[: len(record.worst)]
    for case in record.worst:
        assert iou(case["truth"], case["box"]) == pytest.approx(case["iou"], abs=5e-3)
        assert case["photo"].startswith(case["label"])


def test_the_last_epoch_of_the_samples_is_the_networks_own_prediction(model, record):
    assert record.boxes.shape == record.probabilities.shape == (len(record.epochs) + 1, len(record.samples), 4)
    for sample, key in enumerate(record.samples):
        pixels = PHOTOS[key].load().pixels
        evidence = model.evidence(pixels)
        box = to_pixels(np.clip(record.boxes[-1, sample], 0, 1), pixels.shape[:2])
        np.testing.assert_allclose(evidence.box_xyxy, box, atol=0.01 * max(pixels.shape))
        probabilities = evidence.localization.probabilities
        np.testing.assert_allclose(record.probabilities[-1, sample], probabilities, atol=5e-3)
    assert not record.boxes.flags.writeable
