"""Adversarial noise for networks whose smallest noise has a closed form."""

import math

import numpy as np
import pytest
from small_networks import Double, linear_network, picture, pooled_network

from cnn_demo.models.explanation.attribution import pixel_gradient
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.robustness.adversarial import CLEAR, Attacker, bounded
from cnn_demo.models.robustness.smallest import smallest_noise

SHAPE = (6, 5, 3)
LEVEL = 1 / 127.5  # of the normalized input


def linear(levels: float, seed: int = 0):
    """A linear network and a photo for which noise has to exceed this many levels to change the prediction."""
    draw = np.random.default_rng(seed)
    weights = draw.normal(0, 1, SHAPE)
    seen = draw.integers(60, 196, SHAPE, dtype=np.uint8)
    bias = LEVEL * levels * np.abs(weights).sum() - (weights * (seen / 127.5 - 1)).sum()
    model = Double(linear_network(weights))
    plain = model.logits

    def logits(batch):
        found = plain(batch)
        found[:, 0] += bias
        return found

    model.logits = logits
    return model, seen, weights


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
@pytest.mark.parametrize("levels", [0.4, 1.3, 4.5, 11.8, 30.5])
def test_the_smallest_budget_of_a_linear_network_is_its_margin_by_the_norm_of_its_weights(method, levels):
    model, seen, weights = linear(levels)
    attacker = Attacker(model, seen)
    margin = attacker.logits[0] - attacker.logits[1]
    expected = math.ceil((margin + CLEAR) / (LEVEL * np.abs(weights).sum()))  # |margin| / ‖w‖₁, in whole levels
    assert expected == math.ceil(levels)
    found = smallest_noise(attacker, method, steps=40)
    assert found.complete
    assert found.found.budget == expected
    assert found.tried[expected]
    assert expected == 1 or not found.tried[expected - 1]
    np.testing.assert_array_equal(attacker.attack("fgsm", expected).altered, seen - expected * np.sign(weights))

    # The fewest values: those with the largest weights, until they sum to the margin.
    if method == "fgsm":
        gains = np.sort(np.abs(weights), axis=None)[::-1].cumsum() * LEVEL * expected
        fewest = int(np.argmax(gains > margin + CLEAR)) + 1
        assert np.count_nonzero(found.fewest.altered != seen) == pytest.approx(fewest, abs=1)
        assert found.fewest.succeeds


def test_a_linear_network_beyond_the_largest_budget_is_not_fooled():
    model, seen, _ = linear(20)
    reported = []
    found = smallest_noise(Attacker(model, seen), "fgsm", largest=16, report=reported.append)
    assert found.complete
    assert found.found is found.fewest is None
    assert found.tried == dict.fromkeys((1, 2, 4, 8, 16), False)
    assert found.best.budget == 16  # the one that came closest
    fractions = [state.fraction for state in reported]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] < 1


@pytest.mark.parametrize("budget", [1, 7, 200])
@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_every_pixel_keeps_the_budget_and_the_range(method, budget):
    model, seen = Double(pooled_network()), picture(3)
    seen[:4], seen[-4:] = 0, 255
    made = Attacker(model, seen).attack(method, budget)
    assert made.altered.dtype == np.uint8
    moved = np.abs(made.altered.astype(int) - seen)
    assert 0 < moved.max() <= budget
    np.testing.assert_allclose(made.logits, model.logits(made.altered[None])[0], atol=1e-5)


def test_bounded_is_exact():
    seen = np.array([[[0, 100, 255]]], np.uint8)
    np.testing.assert_array_equal(bounded(seen, np.array([[[-9, 109, 260]]]), 3), [[[0, 103, 255]]])


@pytest.mark.parametrize("target", [0, 1, 2])
def test_a_target_becomes_the_prediction(target):
    model, seen = Double(pooled_network(3)), picture(5)
    label = int(model.logits(seen[None])[0].argmax())
    if target == label:
        with pytest.raises(ValueError, match="already"):
            Attacker(model, seen, target)
        return
    found = smallest_noise(Attacker(model, seen, target), "pgd", largest=128)
    assert model.logits(found.best.altered[None])[0].argmax() == target
    assert found.best.succeeds
    assert np.abs(found.fewest.altered.astype(int) - seen).max() <= found.found.budget


def test_more_steps_come_at_least_as_far():
    model, seen = Double(pooled_network()), picture(7)
    attacker = Attacker(model, seen)
    reported = []
    one = attacker.attack("fgsm", 8)
    many = attacker.attack("pgd", 8, progress=lambda best, fraction: reported.append((best.margin, fraction)))
    assert many.margin >= one.margin - 1e-4
    assert [fraction for _, fraction in reported] == [step / 10 for step in range(1, 11)]
    margins = [margin for margin, _ in reported]
    assert margins == sorted(margins)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_the_gradient_is_that_of_the_colour_values_with_every_normalization(scaling):
    """Caffe's networks take blue first: the gradient of the red values is the third there."""
    model = Double(linear_network(np.random.default_rng(1).normal(0, 1, (4, 4, 3))))
    model.scaled = SCALINGS[scaling].apply
    seen = picture(2, low=1, side=4)
    gradient = pixel_gradient(model, seen, np.array([1, 0], np.float32))
    logit = float(model.logits(seen[None])[0, 0])
    for row, column, channel in ((0, 0, 0), (1, 3, 1), (2, 2, 2)):
        moved = seen.copy()
        moved[row, column, channel] -= 1
        difference = logit - float(model.logits(moved[None])[0, 0])
        assert gradient[row, column, channel] == pytest.approx(difference, rel=1e-2, abs=1e-3)


def test_a_very_confident_network_still_has_a_gradient():
    """Its probability of 1 would leave no gradient of the cross-entropy."""
    weights = np.random.default_rng(4).normal(0, 1000, SHAPE)
    seen = np.where(weights > 0, 200, 60).astype(np.uint8)
    attacker = Attacker(Double(linear_network(weights)), seen)
    assert attacker.logits[0] > 1000
    np.testing.assert_array_equal(np.sign(attacker.first_direction), -np.sign(weights))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "magic"}, "no attack"),
        ({"budget": 0}, "budget"),
        ({"budget": 256}, "budget"),
        ({"steps": 0}, "step"),
    ],
)
def test_invalid_arguments_are_refused(options, sentence):
    attacker = Attacker(Double(pooled_network()), picture())
    with pytest.raises(ValueError, match=sentence):
        attacker.attack(**{"method": "pgd", "budget": 2} | options)
    with pytest.raises(ValueError, match="no class 9"):
        Attacker(attacker.model, attacker.seen, 9)
    with pytest.raises(ValueError, match="must be uint8"):
        Attacker(attacker.model, attacker.seen[:5])
