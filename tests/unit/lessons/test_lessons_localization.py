"""Lesson of page 5: every experiment can be set up, every correction holds for any photo with its figures."""

import re

import numpy as np
import pytest

from cnn_demo.images import sample_photos
from cnn_demo.lessons import detection
from cnn_demo.lessons.localization import LESSON, MISCONCEPTIONS, TRUTHS, _between
from cnn_demo.models import load, preferred_model
from cnn_demo.models.boxes import iou
from cnn_demo.ui.localization.two_boxes import BEGINNINGS
from cnn_demo.ui.localization.workbench import DEFAULTS

each_experiment = pytest.mark.parametrize("experiment", LESSON.experiments, ids=lambda e: e.title)
SAMPLES = {sample.key: sample for sample in sample_photos()}
PHOTOS = {
    "random": np.random.default_rng(8).random((48, 64, 3), dtype=np.float32),
    "one pixel": np.full((1, 1, 3), 0.3, np.float32),
    "black": np.zeros((40, 500, 3), np.float32),
    "astronaut": SAMPLES["astronaut"].load().pixels.astype(np.float32) / 255,
}


@each_experiment
def test_an_experiment_has_its_preset_and_its_ground_truth(experiment):
    assert experiment.settings.get("boxes_begin", DEFAULTS["boxes_begin"]) in BEGINNINGS
    if experiment.settings["task"] == "Draw the ground truth":
        assert experiment.photo in TRUTHS  # else there would be nothing to hold against


def test_conclusions_follow_the_figures():
    assert "fits neither" in _between(0.3, 0.49)
    assert "the other has no box" in _between(0.1, 0.6)
    again = [detection._again(*counts) for counts in ((0, 1), (1, 1), (0, 2), (1, 2))]
    assert again[:2] == ["The object is not found again", "The object is found again"]
    assert again[2:] == ["0 of 2 objects are found again", "1 of 2 objects is found again"]


def test_two_objects_get_one_box_with_the_networks_figures():
    model, pixels = load(preferred_model("localization").key), SAMPLES["astronaut"].load(max_side=480).pixels
    text = next(m for m in MISCONCEPTIONS if "Two objects" in m.claim).correct(pixels.astype(np.float32) / 255).text
    left = float(re.search(r"IoU (\d\.\d\d) with the box of the left one", text).group(1))
    twice = np.ascontiguousarray(np.concatenate([pixels, pixels[:, ::-1]], axis=1))
    box = model.evidence(twice).box_xyxy
    assert left == pytest.approx(float(iou(box, model.evidence(pixels).box_xyxy)), abs=0.02)


def test_the_ious_in_the_text_are_right():
    text = (0, 0, 3, 3), (1, 0, 4, 3), (0.3, 0.3, 3.3, 3.3)
    first, third, tenth = (np.array(box, float) for box in text)
    assert iou(first, third) == pytest.approx(0.5)
    assert iou(first, tenth) == pytest.approx(0.68, abs=0.01)
