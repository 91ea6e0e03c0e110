"""Pace of computations that run a network many times, measured while they run: it estimates the rest and the next one.

One run alone is a poor estimate: it may be a cold one, or the machine was busy with others at that moment.
"""

import threading
import time
from collections.abc import Callable, Hashable
from statistics import median

from cachetools import LRUCache

_LATEST: LRUCache[Hashable, float] = LRUCache(256)  # by name: milliseconds of a run in the last computation
_LOCK = threading.Lock()


class Pace:
    """Milliseconds of a run in one computation: the median between two reports, so that a pause does not count.

    Args:
        name: Everything the time depends on, such as the network and the size of its input.
        clock: Function that returns the time in seconds.
    """

    def __init__(self, name: Hashable, clock: Callable[[], float] = time.perf_counter) -> None:
        self._name, self._clock = name, clock
        self._last: tuple[float, float] | None = None
        self._each: list[float] = []

    def note(self, done: float) -> None:
        """Take down that so many runs are done; those before the first call, which may be cold, are not timed."""
        now = self._clock()
        if self._last is not None and done > self._last[0]:
            self._each.append(1000 * (now - self._last[1]) / (done - self._last[0]))
            with _LOCK:
                _LATEST[self._name] = median(self._each)
        self._last = done, now


def run_milliseconds(name: Hashable, otherwise: float) -> float:
    """Return the time of a run as the last computation of this name measured it.

    Args:
        name: As for `Pace`.
        otherwise: The time of a single run, if there was no such computation.
    """
    with _LOCK:
        return _LATEST.get(name, otherwise)
