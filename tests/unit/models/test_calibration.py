"""Calibration against torchmetrics and SciPy, and with cases worked out by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax

from cnn_demo.models.calibration import (
    at_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    softmax,
)


def logits_and_labels(count: int = 3000, sharpness: float = 2.5, seed: int = 0):
    """Logits that are `sharpness` times too sure: the labels are drawn from the softmax of logits / sharpness."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 1.5, (count, 10))
    chances = scipy_softmax(logits, axis=1)
    labels = (chances.cumsum(axis=1) < draw.random((count, 1))).sum(axis=1).clip(0, 9)
    return logits * sharpness, labels


@pytest.mark.parametrize("temperature", [1e-3, 1.0, 20.0])
def test_softmax_is_scipys_for_logits_of_any_size(temperature):
    logits = np.array([[1000.0, 999.0, -2000.0], [-800.0, -801.0, -800.5], [0.0, 0.0, 0.0]])
    assert softmax(logits, temperature) == pytest.approx(scipy_softmax(logits / temperature, axis=1))


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("sharpness", [0.3, 1.0, 2.5])
def test_the_error_is_that_of_torchmetrics(bins, sharpness):
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    logits, labels = logits_and_labels(sharpness=sharpness)
    probabilities = softmax(logits).astype(np.float32)
    theirs = multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(labels), num_classes=10, n_bins=bins, norm="l1"
    )
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(float(theirs), abs=1e-5)


def test_bins_by_hand():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.1, 0.9], [1.0, 0.0]])
    labels = np.array([0, 1, 1, 0])
    bins = reliability_bins(probabilities, labels, 2)
    assert bins[0] == {"low": 0.0, "high": 0.5, "count": 0, "confidence": 0.0, "accuracy": 0.0}
    assert bins[1]["count"] == 4
    assert bins[1]["confidence"] == pytest.approx(0.85)
    assert bins[1]["accuracy"] == 0.75
    assert expected_calibration_error(probabilities, labels, 2) == pytest.approx(0.1)


def test_every_prediction_is_in_the_bin_of_its_confidence():
    logits, labels = logits_and_labels(500)
    probabilities = softmax(logits)
    bins = reliability_bins(probabilities, labels)
    assert sum(part["count"] for part in bins) == 500
    for part in bins:
        top = probabilities.max(axis=1)
        assert part["count"] == int(((top > part["low"]) & (top <= part["high"])).sum())


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_temperature_minimizes_the_cross_entropy(sharpness):
    logits, labels = logits_and_labels(sharpness=sharpness)
    best = minimize_scalar(
        lambda t: -log_softmax(logits / t, axis=1)[np.arange(len(labels)), labels].mean(),
        bounds=(0.05, 20),
        method="bounded",
        options={"xatol": 1e-6},
    ).x
    fitted = fit_temperature(logits, labels)
    assert fitted == pytest.approx(best, rel=2e-3)
    assert fitted == pytest.approx(sharpness, rel=0.1)
    before = expected_calibration_error(softmax(logits), labels)
    after = expected_calibration_error(softmax(logits, fitted), labels)
    assert after < 0.03
    if sharpness != 1:
        assert after < before / 3


def test_softmax_is_stable_for_large_logits_and_refuses_a_temperature_of_zero():
    logits = np.array([[1000.0, 0.0, -1000.0]])
    np.testing.assert_allclose(softmax(logits, 500), scipy_softmax(logits / 500, axis=1))
    for bad in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            softmax(logits, bad)


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_another_temperature_needs_no_logits(factor):
    logits, _ = logits_and_labels(50)
    np.testing.assert_allclose(at_temperature(softmax(logits, 1.3), factor), softmax(logits, 1.3 * factor), atol=1e-9)
    certain = at_temperature(np.array([1.0, 0.0, 0.0], np.float32), factor)
    assert certain.sum() == pytest.approx(1)
    assert certain.argmax() == 0
