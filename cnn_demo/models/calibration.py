"""How far a classifier's probabilities can be taken at their word: reliability, calibration error, temperature.

Guo et al., "On calibration of modern neural networks" (2017), https://arxiv.org/abs/1706.04599.
"""

import numpy as np

BINS = 15  # as in the paper


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Turn logits into probabilities.

    Args:
        logits: (..., C) float.
        temperature: What they are divided by first: above 1 the answer is less sure, below 1 surer, never another one.

    Returns:
        (..., C) float64; the last axis sums to 1.

    Raises:
        ValueError: If the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"A temperature must be above 0, not {temperature}.")
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def at_temperature(probabilities: np.ndarray, factor: float) -> np.ndarray:
    """The probabilities that the same logits give when they are divided by `factor` once more.

    Args:
        probabilities: (..., C), from a softmax; those that were rounded to 0 stay next to nothing.
        factor: Above 0.
    """
    return softmax(np.log(np.maximum(np.asarray(probabilities, np.float64), 1e-38)), factor)


def reliability_bins(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Sort answers by their top probability into intervals of one width, and see how many of each are right.

    Args:
        probabilities: (N, C).
        labels: (N,) the true classes.
        bins: How many intervals from 0 to 1.

    Returns:
        For each interval `low`, `high` (which belongs to it), `count`, and the mean top probability (`confidence`) and
        share of right answers (`accuracy`) of those inside; both are 0 where there is none.
    """
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
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
    """How far the top probability is from the share of right answers, on average over all answers.

    Args:
        probabilities: (N, C), N at least 1.
        labels: (N,) the true classes.
        bins: How many intervals.

    Returns:
        0 is perfect, 1 the worst; called ECE.
    """
    found = reliability_bins(probabilities, labels, bins)
    return sum(part["count"] * abs(part["confidence"] - part["accuracy"]) for part in found) / len(labels)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature at which the truth gets the greatest probability: least mean cross-entropy.

    Args:
        logits: (N, C), of pictures that the network was not trained on.
        labels: (N,) the true classes.

    Returns:
        Between 0.05 and 20, to a thousandth of itself.
    """
    labels = np.asarray(labels)

    def cross_entropy(log_temperature: float) -> float:
        scaled = np.asarray(logits, np.float64) / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())

    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5) - 1) / 2  # golden section: the cross-entropy has one valley only
    while high - low > 5e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if cross_entropy(left) < cross_entropy(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
