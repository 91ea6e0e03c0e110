"""Calibration of a classifier: reliability diagram, expected calibration error and temperature scaling.

Guo et al., "On calibration of modern neural networks" (2017), https://arxiv.org/abs/1706.04599.
"""

import numpy as np

BINS = 15  # as in the paper


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Convert logits to probabilities.

    Args:
        logits: (..., C) float logits.
        temperature: Divisor of the logits: above 1 the confidence falls, below 1 it rises; the top class is unchanged.

    Returns:
        (..., C) float64 probabilities; the last axis sums to 1.

    Raises:
        ValueError: If the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"A temperature must be above 0, not {temperature}.")
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def at_temperature(probabilities: np.ndarray, factor: float) -> np.ndarray:
    """Rescale softmax probabilities with an additional temperature.

    Args:
        probabilities: (..., C) softmax probabilities; those rounded to 0 stay close to 0.
        factor: Additional temperature, above 0.
    """
    return softmax(np.log(np.maximum(np.asarray(probabilities, np.float64), 1e-38)), factor)


def reliability_bins(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Group predictions by confidence into bins of equal width and measure the accuracy of each bin.

    Args:
        probabilities: (N, C) class probabilities.
        labels: (N,) ground-truth classes.
        bins: Number of bins from 0 to 1.

    Returns:
        For each bin `low`, `high` (inclusive), `count`, mean `confidence` and `accuracy`; the last two are 0 for an
        empty bin.
    """
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, bins + 1)
    number = np.clip(np.searchsorted(edges, top, side="left") - 1, 0, bins - 1)
    found = []
    for index in range(bins):
        inside = number == index
        count = int(inside.sum())
        confidence, accuracy = (float(top[inside].mean()), float(right[inside].mean())) if count else (0.0, 0.0)
        low, high = float(edges[index]), float(edges[index + 1])
        found.append({"low": low, "high": high, "count": count, "confidence": confidence, "accuracy": accuracy})
    return found


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error (ECE): the mean gap between confidence and accuracy, weighted by bin size.

    Args:
        probabilities: (N, C) class probabilities, N at least 1.
        labels: (N,) ground-truth classes.
        bins: Number of bins.

    Returns:
        ECE from 0 (perfectly calibrated) to 1.
    """
    found = reliability_bins(probabilities, labels, bins)
    return sum(part["count"] * abs(part["confidence"] - part["accuracy"]) for part in found) / len(labels)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature that minimizes the mean cross-entropy.

    Args:
        logits: (N, C) logits of validation images.
        labels: (N,) ground-truth classes.

    Returns:
        Temperature between 0.05 and 20, with a relative accuracy of one thousandth.
    """
    labels = np.asarray(labels)

    def cross_entropy(log_temperature: float) -> float:
        scaled = np.asarray(logits, np.float64) / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())

    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5) - 1) / 2  # golden-section search: the cross-entropy is unimodal
    while high - low > 5e-4:
        left = high - ratio * (high - low)
        right = low + ratio * (high - low)
        if cross_entropy(left) < cross_entropy(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
