"""How many photos a second a Ray cluster on this machine predicts, and the sizes that follow for many visitors.

    pip install -r requirements-scale.txt
    python benchmarks/scale.py                         # the detector and the classifier
    python benchmarks/scale.py --model everyday_unet --visitors 50000

First this process predicts, one photo after the other. Then 16 visitors ask one replica and two replicas, of one core
each, with batches and without; each asks again as soon as there is an answer. The sizing takes the better figure of one
replica. It prints MISSED if two replicas are less than 1.5 times as fast as one, on a machine with a core for each and
for the visitors, or if a prediction differs. Where Ray is not installed, it says so and measures nothing.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

os.environ.update({"RAY_worker_niceness": "0"})  # Ray's default is a low priority
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from timing import verdict

from cnn_demo import environment
from cnn_demo.images.samples import sample_photos
from cnn_demo.machine import describe_machine
from cnn_demo.models import find, load_here
from cnn_demo.models.cluster.client import NAMESPACE, RemoteNetwork, deploy
from cnn_demo.models.cluster.settings import Settings

MODELS = ("efficientnet_lite0", "everyday_detector")
VISITORS_A_DAY, PHOTOS, PAGES = 10_000, 8, 2.0  # a visitor's photos, and the networks that predict each of them
BUSIEST = 0.15  # of a day's visits in its busiest hour
FULL = 0.6  # of its capacity at which a queue is still short
BATCH, ASKING = 8, 16
BAR = 1.5  # of two replicas beside one


def main() -> None:
    """Print throughput and sizing of each network."""
    options = _options()
    try:
        import ray
    except ImportError:
        print("Ray is not installed, so no cluster was measured: pip install -r requirements-scale.txt")
        return
    ray.init("local", num_cpus=4, namespace=NAMESPACE, include_dashboard=False, log_to_driver=False)
    photos = [sample.load().pixels for sample in sample_photos()]
    cores = describe_machine().cores
    print(f"{cores} cores, {options.seconds:.0f} s for each figure, {ASKING} visitors who ask at once")
    for key in options.model or MODELS:
        print(find(key).title)
        measure(key, photos, options.seconds, cores, options.visitors)
    ray.shutdown()


def measure(key: str, photos: list[np.ndarray], seconds: float, cores: int, visitors: int) -> None:
    """Print the figures of one network."""
    os.environ[environment.THREADS] = "1"
    here = load_here(key)
    getattr(here, "wait_for_export", lambda: None)()
    print(f"  {'this process, 1 thread':34} {throughput(here.predict, photos, seconds, 1):7.1f} photos/s")
    rates = {}
    for replicas in (1, 2):
        for batch in (1, BATCH):
            deploy(find(key), Settings(replicas, replicas, batch=batch, queue=200))
            network = RemoteNetwork(find(key))
            rate = throughput(partial(network.call, "predict"), photos, seconds, ASKING)
            rates[replicas, batch] = rate
            print(f"  {f'{replicas} replica(s), batches of up to {batch}':34} {rate:7.1f} photos/s")
    one, two = (max(rates[replicas, batch] for batch in (1, BATCH)) for replicas in (1, 2))
    word = verdict(two / one >= BAR) if cores > 2 else "the app and two replicas share the cores"
    print(f"  two replicas beside one: {two / one:.2f} times; {word}")
    there = RemoteNetwork(find(key)).call("predict", photos[0])
    same = np.allclose(values(there), values(here.predict(photos[0])), atol=1e-3)
    print(f"  the same prediction as in this process: {verdict(bool(same))}")
    peak = visitors * BUSIEST * PHOTOS * PAGES / 3600
    print(
        f"  {visitors:,} visitors a day: {peak:.1f} photos/s in the busiest hour, "
        f"{int(np.ceil(peak / (one * FULL)))} replica(s) of one core at {FULL:.0%} of their capacity"
    )


def throughput(predict: Callable[[np.ndarray], object], photos: list[np.ndarray], seconds: float, asking: int) -> float:
    """Return the photos per second that some threads get predictions for, after a first round that is not timed."""
    end = [0.0]
    done = [0] * asking
    started = threading.Barrier(asking)

    def visitor(number: int) -> None:
        for photo in photos[:3]:
            predict(photo)
        if started.wait() == 0:
            end[0] = time.perf_counter() + seconds
        started.wait()
        while time.perf_counter() < end[0]:
            predict(photos[(number + done[number]) % len(photos)])
            done[number] += 1

    with ThreadPoolExecutor(asking) as threads:
        list(threads.map(visitor, range(asking)))
    return sum(done) / seconds


def values(prediction: object) -> np.ndarray:
    """Return the numbers of a prediction."""
    for name in ("probabilities", "confidence"):
        if getattr(prediction, name, None) is not None:
            return np.asarray(getattr(prediction, name))
    raise ValueError(f"{type(prediction).__name__} has no numbers.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="key of a network; may be given several times")
    parser.add_argument("--seconds", type=float, default=10.0, help="time of each figure")
    parser.add_argument("--visitors", type=int, default=VISITORS_A_DAY, help="visitors a day")
    return parser.parse_args()


if __name__ == "__main__":
    main()
