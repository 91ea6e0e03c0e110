"""Explanations whose answer is known: a detector that looks at the corners of the photo, and the bundled detectors."""

from dataclasses import replace

import numpy as np
import pytest
from planted_corners import DECISIVE, corner_detector

from cnn_demo.images import sample_photos
from cnn_demo.models import find, load
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.detection.yolo_engines import TorchEngine
from cnn_demo.models.explanation.masking import d_rise, occlusion, random_masks
from cnn_demo.models.explanation.one_prediction import TARGET_METHODS, explain_prediction, probe_of
from cnn_demo.models.explanation.target_curves import check_map, random_check
from cnn_demo.models.explanation.targets import (
    BoxTarget,
    ClassTarget,
    RegionTarget,
    candidate_target,
)

SIZE = (96, 128)
PHOTO = np.random.default_rng(3).integers(150, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=[True, False], ids=["with NMS", "end to end"])
def detector(request):
    spec = replace(find("assorted_yolo11n"), labels=("left", "right", "none"), input_size=(128, 128))
    return YoloDetector(spec, TorchEngine(corner_detector(needs_nms=request.param), "cpu"), "cpu")


@pytest.fixture(scope="module")
def target(detector):
    candidates = detector.candidates(PHOTO)
    left = np.flatnonzero(candidates.class_ids == 0)
    return candidate_target(candidates, int(left[len(left) // 2]))


def quarter_of(values: np.ndarray, row: int, column: int) -> float:
    """Return the fraction of a map that is in one quarter of the photo."""
    rows, columns = (
        slice(part * length // 2, (part + 1) * length // 2) for part, length in zip((row, column), SIZE, strict=True)
    )
    return float(values[rows, columns].sum() / max(values.sum(), 1e-9))


@pytest.mark.parametrize("method", TARGET_METHODS)
def test_the_class_is_explained_by_its_corner(detector, target, method):
    found = explain_prediction(detector, PHOTO, target, method, masks=200)
    assert found.map.shape == SIZE
    assert found.map.dtype == np.float32
    assert 0 <= found.map.min() < found.map.max() == 1
    if method.startswith("grad_cam"):  # they average the gradient over the positions, and so lose the corner
        assert quarter_of(found.map, 0, 0) == pytest.approx(0.25, abs=0.02)
    elif method == "d_rise":  # its similarity is that of class and box, which the opposite corner moves
        upper_left, lower_right = quarter_of(found.map, 0, 0), quarter_of(found.map, 1, 1)
        assert upper_left > 0.35
        assert upper_left + lower_right > 0.6
    else:
        assert quarter_of(found.map, 0, 0) > 0.85


@pytest.mark.parametrize("part", ["box", "left", "bottom"])
@pytest.mark.parametrize("layer", ["pyramid", "backbone"])
def test_the_box_is_explained_by_the_other_corner(detector, target, part, layer):
    found = explain_prediction(detector, PHOTO, target.with_part(part), layer=layer)
    assert quarter_of(found.map, 1, 1) > 0.9


def test_the_decisive_channel_is_the_only_one_with_a_gradient(detector, target):
    for each in probe_of(detector, PHOTO, target).gradients("pyramid").parts[0]:
        used = np.abs(each.gradients).sum((0, 1))
        assert used[DECISIVE] > 0
        assert np.count_nonzero(used) == 1


def test_the_network_that_explains_predicts_the_same(detector, target):
    probe = probe_of(detector, PHOTO, target)
    assert probe.gradients("pyramid").score == pytest.approx(probe.score(probe.picture), abs=1e-5)
    assert probe.gradients("backbone").score == pytest.approx(probe.score(probe.picture), abs=1e-5)
    assert probe_of(detector, PHOTO, target.with_part("box")).score(PHOTO) == pytest.approx(1, abs=1e-4)


def test_curves_of_a_faithful_map_fall_and_rise_monotonically(target):
    class Brightness:
        """A target whose score is the fraction of pixels of the left half that are sharp."""

        size, picture = (32, 32), np.tile(np.array([[[0], [255]]], np.uint8), (32, 16, 3))

        def score(self, picture):
            return float((picture[:, :16] == self.picture[:, :16]).all(axis=2).mean())

    faithful = np.zeros((32, 32), np.float32)
    faithful[:, :16] = 1
    check, worst = check_map(Brightness(), faithful, 8), check_map(Brightness(), 1 - faithful, 8)
    assert (np.diff(check.deletion.score) <= 0).all()
    assert (np.diff(check.insertion.score) >= 0).all()
    assert check.deletion.score.tolist() == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0, 0, 0, 0], abs=0.02)
    assert check.deletion.area == pytest.approx(0.25, abs=0.02)
    assert check.gain == pytest.approx(0.5, abs=0.03) == pytest.approx(-worst.gain, abs=0.03)
    assert check.deletion.fraction[[0, -1]].tolist() == [0, 1]
    assert abs(random_check(Brightness(), 4, 8).gain) < 0.3


def test_an_empty_set_of_masks_is_refused(detector, target):
    probe = probe_of(detector, PHOTO, target)
    with pytest.raises(ValueError, match="at least one mask: the set is empty"):
        d_rise(probe, [], 0)
    with pytest.raises(ValueError, match="at least one mask, not 0"):
        explain_prediction(detector, PHOTO, target, "d_rise", masks=0)
    with pytest.raises(ValueError, match="mask must have the picture's size"):
        d_rise(probe, [np.ones((3, 3), np.float32)], 1)


@pytest.mark.parametrize("method", ["d_rise", "occlusion"])
def test_a_stopped_explanation_keeps_what_it_has(detector, target, method):
    seen = []

    def stop(state):
        seen.append(state.done)
        return len(seen) < 3

    found = explain_prediction(detector, PHOTO, target, method, masks=100, report=stop)
    assert seen == [10, 20, 30]
    assert found.runs == 30
    assert found.map.max() == 1


def test_masks_of_one_seed_are_equal_and_half_shown():
    one, same = ([*random_masks((40, 60), 50, seed=7)] for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert np.array(one).shape == (50, 40, 60)
    assert 0.45 < np.mean(one) < 0.55
    assert np.ptp(np.mean(one, axis=0)) < 0.6  # no part of the photo is shown always or never


def test_squares_that_do_not_fit_are_refused(detector, target):
    with pytest.raises(ValueError, match="does not fit"):
        occlusion(probe_of(detector, PHOTO, target), patch=500)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": (0, 99, 0)}, "no cell .*another image size"),
        ({"cell": None}, "explained by its cell"),
        ({"class_id": 7}, "has classes 0 to 2"),
        ({"part": "centre"}, "has no centre: choose one of class, box"),
    ],
)
def test_targets_that_are_not_on_the_photo_are_refused(detector, target, change, message):
    with pytest.raises(ValueError, match=message):
        explain_prediction(detector, PHOTO, replace(target, **change))


def test_invalid_requests_are_refused(detector, target):
    with pytest.raises(ValueError, match="no method 'guess'"):
        explain_prediction(detector, PHOTO, target, "guess")
    with pytest.raises(ValueError, match="no layer 'last'"):
        explain_prediction(detector, PHOTO, target, layer="last")
    with pytest.raises(ValueError, match="predicts nothing"):
        explain_prediction(detector, PHOTO, ClassTarget(0))
    with pytest.raises(ValueError, match="no part 'middle'"):
        target.with_part("middle")
    with pytest.raises(ValueError, match="no candidate 10"):
        candidate_target(replace_candidates(), 10)
    with pytest.raises(ValueError, match="one pixel at least"):
        RegionTarget(np.zeros((3, 3), bool), 0)
    with pytest.raises(ValueError, match="must be finite values of shape"):
        check_map(probe_of(detector, PHOTO, target), np.zeros((2, 2)))


def replace_candidates():
    from cnn_demo.models.detection.candidates import Candidates

    return Candidates((9, 9), np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, int), ("thing",))


def test_a_target_can_be_a_key_of_a_cache(target):
    assert {target: 1}[BoxTarget(target.class_id, target.box_xyxy, target.cell)] == 1


@pytest.mark.parametrize(("key", "photo"), [("everyday_detector", "chelsea"), ("assorted_yolo11n", "astronaut")])
def test_a_bundled_detector_explains_in_torch_what_openvino_predicts(key, photo):
    detector = load(key, "cpu")
    detector.wait_for_export()
    pixels = next(sample for sample in sample_photos() if sample.key == photo).load(max_side=320).pixels
    candidates = detector.candidates(pixels)
    best = int(select(candidates, 0.2).order[0])
    target = candidate_target(candidates, best)
    found = explain_prediction(detector, pixels, target)
    assert found.score == pytest.approx(float(candidates.scores[best]), abs=0.01)
    left, top, right, bottom = candidates.visible(np.array([best]))[0].round().astype(int)
    assert found.map[top:bottom, left:right].sum() > 0.8 * found.map.sum()
    assert detector.torch_network() is detector.torch_network()
    probe = probe_of(detector, pixels, target)
    assert check_map(probe, found.map, 6).gain > random_check(probe, 1, 6).gain
