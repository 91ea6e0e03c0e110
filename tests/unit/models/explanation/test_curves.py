"""Deletion and insertion curves compared with a computation by hand."""

import numpy as np
import pytest
from small_networks import Double, corner_network, linear_network, picture

from cnn_demo.models.explanation.curves import (
    Curve,
    deletion_curve,
    insertion_curve,
    random_deletion_curve,
    random_importance,
    random_insertion_curve,
)
from cnn_demo.models.explanation.explain import explain


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.fixture(scope="module")
def corner():
    return Double(corner_network())


@pytest.mark.parametrize("fill", ["grey", "blur"])
def test_a_deletion_curve_by_hand(fill):
    """One row of the picture counts; it is removed in the second of eight steps."""
    weights = np.zeros((8, 8, 3))
    weights[4] = 0.1
    model, seen = Double(linear_network(weights)), np.full((8, 8, 3), 60, np.uint8)
    seen[4] = 250
    importance = np.zeros((8, 8))
    importance[2], importance[4] = 2, 1  # row 2 goes first, although the network does not look at it
    curve = deletion_curve(model, seen, 0, importance, steps=8, fill=fill)
    np.testing.assert_allclose(curve.fraction, np.arange(9) / 8)
    whole = sigmoid(0.1 * 24 * (250 / 127.5 - 1))
    assert curve.score[:2] == pytest.approx([whole, whole], abs=1e-5)
    if fill == "grey":
        assert curve.score[2:] == pytest.approx([sigmoid(0.1 * 24 * (128 / 127.5 - 1))] * 7, abs=1e-5)
    else:  # the bright row has spread over its neighbours
        assert curve.score[2] < whole - 0.1
        assert curve.score[2:] == pytest.approx([curve.score[2]] * 7, abs=1e-5)


def test_the_area_is_that_of_the_trapezoids():
    curve = Curve(np.array([0, 0.5, 1]), np.array([0.8, 0.4, 0.2], np.float32))
    assert curve.area == pytest.approx(0.5 * 0.6 + 0.5 * 0.3)


@pytest.mark.parametrize("method", ["grad_cam", "occlusion", "integrated_gradients"])
def test_a_true_map_costs_the_class_its_probability_sooner_than_its_reverse_and_than_chance(corner, method):
    seen = picture(low=200)
    importance = explain(corner, seen, 0, method)
    true, reverse = (deletion_curve(corner, seen, 0, order, fill="grey") for order in (importance, -importance))
    chance = random_deletion_curve(corner, seen, 0, fill="grey")
    assert true.score[0] == pytest.approx(reverse.score[0], abs=1e-6)
    assert true.score[-1] == pytest.approx(reverse.score[-1], abs=1e-6)
    assert true.score[0] - true.score[-1] > 0.2
    assert true.area < chance.area < reverse.area
    assert true.score[8] < true.score[-1] + 0.05  # a quarter removed, and all but the corner's rim is gone
    assert reverse.score[24] > reverse.score[0] - 0.05  # three quarters removed, and it is still there


def test_the_random_curve_is_the_mean_of_seeded_curves(corner):
    seen, reported = picture(low=200), []
    mean = random_deletion_curve(corner, seen, 0, orders=2, steps=4, progress=reported.append)
    single = [deletion_curve(corner, seen, 0, random_importance((16, 16), seed=n), steps=4) for n in (0, 1)]
    np.testing.assert_allclose(mean.score, (single[0].score + single[1].score) / 2, atol=1e-6)
    assert reported == [0.5, 1]
    assert not np.array_equal(random_importance((16, 16), seed=0), random_importance((16, 16), seed=1))


def test_an_insertion_curve_is_the_deletion_curve_of_the_reverse_order_from_its_end(corner):
    seen, importance = picture(low=200), random_importance((16, 16))
    inserted = insertion_curve(corner, seen, 0, importance, steps=8, fill="grey")
    removed = deletion_curve(corner, seen, 0, -importance, steps=8, fill="grey")  # no two values are equal
    np.testing.assert_allclose(inserted.fraction, np.arange(9) / 8)
    np.testing.assert_allclose(inserted.score, removed.score[::-1], atol=1e-6)
    assert inserted.area == pytest.approx(removed.area)


def test_a_true_map_gains_the_class_its_probability_sooner_than_its_reverse_and_than_chance(corner):
    seen = picture(low=200)
    importance = explain(corner, seen, 0, "grad_cam")
    true, reverse = (insertion_curve(corner, seen, 0, order, fill="grey") for order in (importance, -importance))
    assert true.area > random_insertion_curve(corner, seen, 0, fill="grey").area > reverse.area


@pytest.mark.parametrize(
    ("function", "options", "sentence"),
    [
        (deletion_curve, {"importance": np.zeros((15, 16))}, "importance must be finite"),
        (insertion_curve, {"importance": np.full((16, 16), np.nan)}, "importance must be finite"),
        (deletion_curve, {"fill": "white"}, "There is no fill 'white': choose one of blur, grey"),
        (insertion_curve, {"steps": 0}, "At least one step"),
        (deletion_curve, {"label_index": -1}, "no class -1"),
        (random_deletion_curve, {"orders": 0}, "At least one order"),
        (random_insertion_curve, {"orders": 0}, "At least one order"),
    ],
)
def test_invalid_arguments_are_refused(corner, function, options, sentence):
    basics = {"model": corner, "seen": picture(), "label_index": 0}
    if function in (deletion_curve, insertion_curve):
        basics["importance"] = np.zeros((16, 16))
    with pytest.raises(ValueError, match=sentence):
        function(**basics | options)
