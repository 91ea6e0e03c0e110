"""The bundled everyday networks on the sample photos, which were never trained on: a visitor's first predictions.

The bounds are wide, so that they hold for networks that are trained anew.
"""

import numpy as np
import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.lessons.localization import TRUTHS
from cnn_demo.models import find, load, preferred_model
from cnn_demo.models.boxes import iou, to_pixels
from cnn_demo.models.segmentation.unet_ablation import maps_inside, without_skips
from cnn_demo.models.segmentation.unets import SKIPS, skips_of

SAMPLES = {sample.key: sample for sample in sample_photos()}
KNOWN = {key: next((label, box) for label, box in boxes.items()) for key, boxes in TRUTHS.items()}
OTHER = ("flower", "china")  # none of the twenty classes
NOSE = (180, 270)  # row and column of the tip of Chelsea's


def pixels_of(key: str) -> np.ndarray:
    return SAMPLES[key].load().pixels


def truth_of(key: str) -> tuple[str, np.ndarray]:
    label, fractions = KNOWN[key]
    return label, to_pixels(np.array(fractions), pixels_of(key).shape[:2])


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
        ("semantic-segmentation", "everyday_unet"),
    ],
)
def test_pages_begin_with_them_on_a_machine_without_others(task, key, offline):
    assert preferred_model(task) == find(key)
    assert len(find(key).labels) in (20, 21)


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
def test_photos_of_other_classes_have_no_detection(key):
    assert not len(load("everyday_detector", "cpu").predict(pixels_of(key), confidence=0.5))


@pytest.fixture(scope="module")
def unet():
    return load("everyday_unet", "cpu")


def test_chelseas_pixels_are_a_cats(unet):
    found = unet.predict(pixels_of("chelsea"))
    assert found.labels[found.class_map[NOSE]] == "cat"
    assert found.coverage()["cat"] > 0.5
    assert found.coverage()["cat"] > 5 * found.coverage().get("dog", 0)


def test_bus_and_persons_have_their_pixels(unet):
    found = unet.predict(pixels_of("bus"))
    assert found.labels[found.class_map[500, 600]] == "bus"
    assert found.labels[found.class_map[560, 140]] == "person"
    assert found.coverage()["bus"] > 0.15
    assert found.coverage()["person"] > 0.03


@pytest.mark.parametrize("key", OTHER)
def test_the_rest_is_background(unet, key):
    assert unet.predict(pixels_of(key)).coverage()["background"] > 0.85


def test_it_can_be_opened(unet):
    pixels = pixels_of("chelsea")
    maps, whole = maps_inside(unet, pixels), unet.predict(pixels)
    skips = skips_of(unet.spec)
    assert skips == SKIPS[1:]
    names = [f"encoder 1/{2 * stride}" for stride in (1, *SKIPS)] + [f"decoder 1/{stride}" for stride in skips]
    assert sorted(maps) == sorted(names)
    assert all(values.std() > 0 for values in maps.values())
    assert (without_skips(unet, pixels, ()).class_map == whole.class_map).mean() > 0.999
    assert (without_skips(unet, pixels, SKIPS).class_map != whole.class_map).mean() > 0.01
