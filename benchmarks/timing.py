"""Time measurement on shared machines."""

import random
import time
from collections.abc import Callable, Mapping

import numpy as np


def take_times(contestants: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, np.ndarray]:
    """Call each contestant `repeats` times and return its milliseconds.

    The order is shuffled in each round: where CPU time is limited, the contestant after the most expensive one is
    slowed down. Each is called twice and the second call is timed, so that caches of others do not count.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    order = random.Random(0)
    for _ in range(max(repeats, 1)):
        for name in order.sample(list(contestants), len(contestants)):
            contestants[name]()
            start = time.perf_counter()
            contestants[name]()
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: np.array(values) for name, values in times.items()}


def fastest(times: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the fastest tenth of each: the time of an undisturbed call, unlike the median."""
    return {name: float(np.percentile(values, 10)) for name, values in times.items()}


def print_times(times: Mapping[str, np.ndarray]) -> None:
    """Print the fastest tenth and the median of each."""
    for name, ms in fastest(times).items():
        print(f"  {name:18} fastest tenth {ms:8.1f} ms   median {np.median(times[name]):8.1f} ms")


def verdict(fine: bool) -> str:
    """Return a word for whether a limit is met."""
    return "holds" if fine else "MISSED"
