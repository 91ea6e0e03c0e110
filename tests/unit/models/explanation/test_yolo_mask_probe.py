"""The mask of an instance is explained by pixels in and around it."""

import numpy as np
import pytest

from cnn_demo.images import sample_photos
from cnn_demo.models import load
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.explanation.one_prediction import explain_prediction, probe_of
from cnn_demo.models.explanation.targets import candidate_target


@pytest.fixture(scope="module")
def pixels():
    return next(sample for sample in sample_photos() if sample.key == "chelsea").load(max_side=320).pixels


def test_a_bundled_instance_network_explains_its_mask(pixels):
    network = load("everyday_instances", "cpu")
    candidates = network.candidates(pixels)
    best = int(select(candidates, 0.2).order[0])
    target = candidate_target(candidates, best, "mask")
    probe = probe_of(network, pixels, target)
    assert probe.score(probe.picture) > 0.5, "its logits are above 0"
    assert probe.score(np.full_like(probe.picture, 114)) < probe.score(probe.picture)
    found = explain_prediction(network, pixels, target)
    mask = candidates.masks(np.array([best]))[0]
    assert found.map.shape == mask.shape
    assert found.score == pytest.approx(probe.score(probe.picture), abs=0.01)
    assert found.map[mask].mean() > 2 * found.map[~mask].mean()


def test_a_network_without_masks_is_refused(pixels):
    network = load("everyday_detector", "cpu")
    candidates = network.candidates(pixels)
    with pytest.raises(ValueError, match="predicts no masks"):
        probe_of(network, pixels, candidate_target(candidates, 0, "mask"))
