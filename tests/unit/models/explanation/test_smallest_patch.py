"""The smallest covering patch of networks that look at a planted spot."""

import numpy as np
import pytest
from small_networks import Double, linear_network

from cnn_demo.models.explanation.smallest_patch import smallest_patch, squares

SPOT = np.s_[8:14, 18:24]  # 6 × 6 pixels, 3 × 3 cells of an image of 32 × 32


def spot_network():
    """Logit 0 is the mean brightness of the spot, from −1 to 1; logit 1 is 0."""
    weights = np.zeros((32, 32, 3))
    weights[SPOT] = 1 / 108
    return Double(linear_network(weights))


def bright(value: int = 255) -> np.ndarray:
    seen = np.full((32, 32, 3), 90, np.uint8)  # darker than grey: covering anything else changes no decision
    seen[SPOT] = value
    return seen


def test_the_smallest_patch_is_the_planted_spot():
    """Class 1 leads only if the whole spot is covered: one pixel of it weighs more than its advantage."""
    model = spot_network()
    threshold = 0.7 / 36  # of the spot's mean: more than the grey cover, 0.004, and less than that with a bright pixel
    original = model.logits

    def logits(batch):
        found = original(batch)
        found[:, 1] += threshold
        return found

    model.logits = logits
    reported = []
    found = smallest_patch(model, bright(), 0, 1, progress=reported.append)
    assert found.box_xyxy.tolist() == [18, 8, 24, 14]
    assert found.side == pytest.approx(6 / 32)
    assert found.top == 1
    assert found.before[0] > 0.5 > found.after[0]
    assert (found.covered[SPOT] == 128).all()
    outside = found.covered.copy()
    outside[SPOT] = 255
    np.testing.assert_array_equal(outside, bright())
    assert found.tried == sum(len(squares((32, 32), cells)) for cells in (1, 2, 3))
    assert reported == sorted(reported)
    assert 0 < reported[-1] < 1

    # The order of the classes does not matter: the leading one is overtaken.
    reverse = smallest_patch(model, bright(), 1, 0)
    assert reverse.box_xyxy.tolist() == found.box_xyxy.tolist()
    assert reverse.before == found.before[::-1]


def test_a_photo_whose_classes_no_patch_swaps():
    weights = np.ones((32, 32, 3))
    found = smallest_patch(Double(linear_network(weights)), np.full((32, 32, 3), 250, np.uint8), 0, 1)
    assert found.box_xyxy is None
    assert found.side == 0
    assert found.before == found.after
    assert found.tried == sum(len(squares((32, 32), cells)) for cells in range(1, 13))


@pytest.mark.parametrize("size", [(32, 32), (224, 224), (240, 300), (10, 13)])
@pytest.mark.parametrize("cells", [1, 3, 6, 12])
def test_squares_cover_the_whole_image(size, cells):
    found = squares(size, cells)
    assert len(np.unique(found, axis=0)) == len(found)
    assert ((found[:, 2:] - found[:, :2]) == found[0, 2] - found[0, 0]).all()
    assert found.min() == 0
    assert found[:, 2].max() == size[1]
    assert found[:, 3].max() == size[0]
    covered = np.zeros(size, bool)
    for x1, y1, x2, y2 in found:
        covered[y1:y2, x1:x2] = True
    assert covered.all()
    assert len(found) <= 16**2 * 2


def test_invalid_arguments_are_refused():
    for options, sentence in (({"fill": "white"}, "There is no fill"), ({"second": 2}, "no class 2")):
        with pytest.raises(ValueError, match=sentence):
            smallest_patch(**{"model": spot_network(), "seen": bright(), "first": 0, "second": 1} | options)
