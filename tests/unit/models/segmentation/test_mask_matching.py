"""Masks of one object find each other."""

import numpy as np
import pytest

from cnn_demo.models.segmentation.mask_matching import mask_overlaps, partners


def test_overlaps_are_ious():
    masks = np.random.default_rng(5).random((7, 12, 15)) < 0.5
    overlaps = mask_overlaps(masks[:4], masks[2:])
    expected = [[(a & b).sum() / (a | b).sum() for b in masks[2:]] for a in masks[:4]]
    np.testing.assert_allclose(overlaps, expected)


@pytest.mark.parametrize("counts", [(0, 3), (2, 0), (0, 0)])
def test_without_masks_there_are_no_matches(counts):
    first, second = (np.zeros((count, 4, 4), bool) for count in counts)
    assert mask_overlaps(first, second).shape == counts
    assert partners(mask_overlaps(first, second)) == []


def test_each_mask_has_one_match_at_most_and_the_best_pair_comes_first():
    overlaps = np.array([[0.6, 0.9, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 0.5]])
    assert partners(overlaps) == [(0, 1), (2, 2)]
    assert partners(overlaps, 0.55) == [(0, 1)]
    assert partners(np.array([[0.6, 0.9], [0.7, 0.8]])) == [(0, 1), (1, 0)]
