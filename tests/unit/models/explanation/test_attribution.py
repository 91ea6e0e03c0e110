"""Integrated gradients beside closed forms; their sum is the logit gained on the way from the baseline."""

import numpy as np
import pytest
from small_networks import Double, linear_network, nested_network, picture, pooled_network

from cnn_demo.models import frameworks
from cnn_demo.models.explanation.attribution import BASELINES, effective_field, integrated_gradients
from cnn_demo.models.explanation.explain import explain


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("steps", [1, 9])
def test_for_a_linear_network_they_are_weight_times_difference(baseline, steps):
    weights = np.random.default_rng(0).normal(size=(8, 8, 3))
    model, seen = Double(linear_network(weights)), picture(1, side=8)
    found = integrated_gradients(model, seen, 0, baseline, steps)
    way = model.scaled(seen) - model.scaled(np.full_like(seen, {"grey": 128, "black": 0}[baseline]))
    np.testing.assert_allclose(found.values, weights * way, atol=1e-5)
    assert found.gap == pytest.approx(0, abs=1e-4)
    assert found.logit == pytest.approx(float(model.logits(seen[None])[0, 0]))


def test_of_a_square_the_trapezoid_rule_is_exact():
    """The integral of 2x over the way is the difference of the squares, and 2x is a straight line."""
    keras = frameworks.keras()
    inputs = keras.Input((4, 4, 3))
    squares = keras.layers.Flatten()(keras.layers.Multiply()([inputs, inputs]))
    network = keras.Model(inputs, keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")(squares))
    model, seen = Double(network), picture(2, side=4)
    for steps in (1, 5):
        found = integrated_gradients(model, seen, 1, "black", steps)
        np.testing.assert_allclose(found.values, model.scaled(seen) ** 2 - 1, atol=1e-5)  # black is −1


@pytest.mark.parametrize("baseline", BASELINES)
def test_attributions_sum_to_the_change_of_the_logit(baseline):
    model, seen = Double(pooled_network()), picture(3)
    found = integrated_gradients(model, seen, 2, baseline, steps=64)
    logits = model.logits(np.stack([np.full_like(seen, BASELINES[baseline]), seen]))[:, 2]
    gained = float(logits[1] - logits[0])
    assert abs(gained) > 0.05
    assert found.values.sum() == pytest.approx(gained, rel=0.03)
    assert found.gap == pytest.approx(found.values.sum() - gained, abs=1e-4)
    coarse = integrated_gradients(model, seen, 2, baseline, steps=1)
    assert abs(found.gap) < abs(coarse.gap)


def test_a_nested_network_has_the_values_of_the_same_network_flat():
    seen = picture(4)
    flat, nested = (integrated_gradients(Double(nested_network(kind)), seen, 0) for kind in ("flat", "twice"))
    np.testing.assert_allclose(nested.values, flat.values, atol=1e-5)


def test_the_drawing_is_their_magnitude_on_the_scale_that_is_promised():
    model, seen = Double(pooled_network()), picture(5)
    magnitude = np.abs(integrated_gradients(model, seen, 1).values).sum(axis=2)
    expected = np.minimum(magnitude / np.percentile(magnitude, 99), 1)
    np.testing.assert_allclose(explain(model, seen, 1, "integrated_gradients"), expected, atol=1e-5)


def test_a_single_pixel_is_drawn_although_the_99th_percentile_is_zero():
    weights = np.zeros((16, 16, 3))
    weights[3, 5, 1] = 2
    values = explain(Double(linear_network(weights)), picture(6), 0, "integrated_gradients")
    assert values[3, 5] == values.sum() == 1


def test_progress_runs_to_the_end():
    reported = []
    model = Double(linear_network(np.ones((4, 4, 3))))
    integrated_gradients(model, picture(side=4), 0, steps=20, progress=reported.append)
    assert reported == sorted(reported)
    assert len(reported) > 1
    assert reported[-1] == 1


def test_an_effective_field_within_a_nested_network():
    seen = picture(7)
    flat = effective_field(Double(nested_network("flat")), "conv", seen, (2, 3), 1)
    nested = effective_field(Double(nested_network("nested")), "base/conv", seen, (2, 3), 1)
    assert flat.max() > 0
    np.testing.assert_allclose(nested, flat, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"baseline": "white"}, "There is no baseline 'white': choose one of grey, black"),
        ({"steps": 0}, "At least one step"),
        ({"label_index": 2}, "no class 2"),
        ({"seen": picture(side=5)}, "The image must be uint8 of"),
    ],
)
def test_invalid_arguments_are_refused(options, sentence):
    model = Double(linear_network(np.ones((4, 4, 3))))
    with pytest.raises(ValueError, match=sentence):
        integrated_gradients(**{"model": model, "seen": picture(side=4), "label_index": 0} | options)
