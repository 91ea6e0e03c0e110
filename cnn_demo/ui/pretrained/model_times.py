"""How fast the networks were on this machine: the milliseconds of the predictions on page 4, for all visitors."""

import threading
from collections import defaultdict, deque
from statistics import median

from cnn_demo.results import Classification

KEPT = 51  # of the latest predictions of each network
_LOCK = threading.Lock()
_TIMES: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))


def keep_time(key: str, answer: Classification) -> Classification:
    """Keep how long a network took for one photo, and hand the answer on.

    Args:
        key: The model's.
        answer: As it came from the network, not from a cache.
    """
    with _LOCK:
        _TIMES[key].append(answer.milliseconds)
    return answer


def median_milliseconds() -> dict[str, float]:
    """Return the median of the latest predictions, of the networks that have run in this process."""
    with _LOCK:
        return {key: median(times) for key, times in _TIMES.items() if times}


def forget_times() -> None:
    """Begin anew, as a new process does."""
    with _LOCK:
        _TIMES.clear()
