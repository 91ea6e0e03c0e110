"""Prediction times of the networks on this machine: milliseconds of page 4's predictions, for all visitors."""

import threading
from collections import defaultdict, deque
from statistics import median

from cnn_demo.results import Classification

KEPT = 51  # latest predictions kept for each network
_LOCK = threading.Lock()
_TIMES: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))


def keep_time(key: str, prediction: Classification) -> Classification:
    """Record the time of one prediction, and return the prediction.

    Args:
        key: Model key.
        prediction: The prediction, newly computed rather than cached.
    """
    with _LOCK:
        _TIMES[key].append(prediction.milliseconds)
    return prediction


def median_milliseconds() -> dict[str, float]:
    """Return the median time of the latest predictions, for each network that has run in this process."""
    with _LOCK:
        return {key: median(times) for key, times in _TIMES.items() if times}


def forget_times() -> None:
    """Clear all recorded times."""
    with _LOCK:
        _TIMES.clear()
