"""Explanations of a localizer whose class looks at one corner of the photo and whose box at the opposite one."""

from dataclasses import replace

import numpy as np
import pytest
from planted_corners import corner_localizer

from cnn_demo.images import sample_photos
from cnn_demo.models import find, load
from cnn_demo.models.explanation.agreement import correlation, fraction_inside
from cnn_demo.models.explanation.one_prediction import can_be_explained, explain_prediction, probe_of
from cnn_demo.models.explanation.target_curves import check_map, random_check
from cnn_demo.models.explanation.targets import BoxTarget, ClassTarget, PixelTarget
from cnn_demo.models.localization.localizers import Localizer

SIZE = (96, 128)
PHOTO = np.random.default_rng(3).integers(150, 256, (*SIZE, 3), dtype=np.uint8)
UPPER_LEFT, LOWER_RIGHT = (slice(0, 48), slice(0, 64)), (slice(48, 96), slice(64, 128))


@pytest.fixture(scope="module")
def localizer():
    spec = replace(find("caltech_localizer"), input_size=(64, 64), scaling="tf")
    return Localizer(spec, corner_localizer(64), "cpu")


@pytest.fixture(scope="module")
def box(localizer):
    x1, y1, x2, y2 = localizer.evidence(PHOTO).box_xyxy.tolist()
    return BoxTarget(0, (x1, y1, x2, y2), part="box")


def part_of(values: np.ndarray, part: tuple[slice, slice]) -> float:
    return float(values[part].sum() / max(values.sum(), 1e-9))


@pytest.mark.parametrize("method", ["layer_cam", "occlusion", "d_rise"])
def test_class_and_box_are_explained_by_opposite_corners(localizer, box, method):
    of_class = explain_prediction(localizer, PHOTO, ClassTarget(0), method, masks=200)
    of_box = explain_prediction(localizer, PHOTO, box, method, masks=200)
    assert of_class.map.shape == of_box.map.shape == SIZE
    least = 0.6 if method == "d_rise" else 0.8
    assert part_of(of_class.map, UPPER_LEFT) > least
    assert part_of(of_box.map, LOWER_RIGHT) > least
    assert correlation(of_class.map, of_box.map) < 0
    assert of_box.score == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("part", "moves"), [("left", False), ("top", False), ("right", True), ("centre", True)])
def test_a_side_that_never_moves_has_no_map(localizer, box, part, moves):
    found = explain_prediction(localizer, PHOTO, box.with_part(part))
    assert bool(found.map.any()) is moves


def test_a_class_that_depends_on_nothing_has_no_map(localizer):
    assert not explain_prediction(localizer, PHOTO, ClassTarget(2)).map.any()


def test_other_targets_are_refused(localizer):
    with pytest.raises(ValueError, match="has classes 0 to 3"):
        probe_of(localizer, PHOTO, ClassTarget(4))
    with pytest.raises(ValueError, match="predicts nothing"):
        probe_of(localizer, PHOTO, PixelTarget(0, 0, 0))
    with pytest.raises(ValueError, match="predicts no masks"):
        probe_of(localizer, PHOTO, BoxTarget(0, (0, 0, 1, 1), part="mask"))
    with pytest.raises(ValueError, match="no part 'middle'"):
        BoxTarget(0, (0, 0, 1, 1), part="middle")


def test_the_correlation_is_that_of_numpy():
    first, second = np.random.default_rng(0).random((2, 7, 9)).astype(np.float32)
    assert correlation(first, second) == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1])
    assert correlation(first, 3 - 2 * first) == pytest.approx(-1)
    assert correlation(first, np.ones((7, 9))) == 0
    with pytest.raises(ValueError, match="one size"):
        correlation(first, second[:5])


def test_the_fraction_inside_a_box_that_reaches_beyond_the_photo():
    values = np.zeros((4, 6))
    values[1, 1], values[3, 5] = 3, 1
    assert fraction_inside(values, np.array([-2.0, -1, 3, 3])) == pytest.approx(0.75)
    assert fraction_inside(values * 0, np.array([0.0, 0, 6, 4])) == 0


@pytest.mark.parametrize("key", ["everyday_localizer", "caltech_localizer"])
def test_a_bundled_localizer_depends_on_the_pixels_that_its_maps_name(key):
    localizer = load(key, "cpu")
    assert can_be_explained(localizer)
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load(max_side=320)
    evidence = localizer.evidence(photo.pixels)
    class_id = int(evidence.logits[:-1].argmax())
    found = explain_prediction(localizer, photo.pixels, ClassTarget(class_id))
    assert found.score == pytest.approx(float(evidence.localization.probabilities[class_id]), abs=1e-4)
    for target in (ClassTarget(class_id), BoxTarget(class_id, tuple(evidence.box_xyxy.tolist()), part="box")):
        probe = probe_of(localizer, photo.pixels, target)
        found = explain_prediction(localizer, photo.pixels, target)
        assert check_map(probe, found.map, 6).gain > random_check(probe, 1, 6).gain
