"""Requests of several threads become batches: complete, in order, bounded, and each with its own error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cnn_demo.models import ModelUnavailable
from cnn_demo.models.batching import Batcher


class Network:
    """A function that records the size of each batch, and runs once it is let go."""

    def __init__(self):
        self.sizes = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.running = threading.Lock()
        self.go.set()

    def __call__(self, pictures):
        assert self.running.acquire(blocking=False)  # one at a time
        self.sizes.append(len(pictures))
        self.begun.set()
        assert self.go.wait(10)
        self.running.release()
        if (pictures < 0).any():
            raise ArithmeticError("a negative picture")
        return pictures * 2, pictures.sum(axis=(1, 2))


def picture(value: float, size: int = 3) -> np.ndarray:
    return np.full((1, size, size), value, np.float32)


def test_every_thread_gets_its_own_outputs():
    network = Network()
    batcher = Batcher(network, wait=0.05)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda k: batcher(picture(k)), range(200)))
    for k, (double, total) in enumerate(found):
        np.testing.assert_array_equal(double, picture(2 * k))
        assert total.tolist() == [9 * k]
    assert sum(network.sizes) == 200
    assert max(network.sizes) > 1
    assert max(network.sizes) <= 16


def behind_a_running_one(batcher, network, pictures):
    """Start a request, and these while it runs; let it go and return all outcomes."""
    network.go.clear()
    with ThreadPoolExecutor(len(pictures) + 1) as pool:
        first = pool.submit(batcher, picture(0))
        assert network.begun.wait(10)
        others = []
        for each in pictures:
            others.append(pool.submit(batcher, each))
            while len(batcher._waiting) < len(others) and not others[-1].done():
                pass
        network.go.set()
        return [first, *others]


def test_requests_that_come_during_a_run_are_the_next_batch():
    network = Network()
    batcher = Batcher(network, wait=0)
    behind_a_running_one(batcher, network, [picture(k) for k in range(5)])
    assert network.sizes == [1, 5]


def test_pictures_of_different_sizes_are_not_mixed():
    network = Network()
    batcher = Batcher(network, wait=0)
    futures = behind_a_running_one(batcher, network, [picture(1), picture(2, 4), picture(3), picture(4, 4)])
    assert network.sizes == [1, 2, 2]
    assert [future.result()[0].shape for future in futures[1:]] == [(1, 3, 3), (1, 4, 4), (1, 3, 3), (1, 4, 4)]


def test_an_error_reaches_only_its_own_request():
    network = Network()
    futures = behind_a_running_one(Batcher(network, wait=0), network, [picture(1), picture(-1), picture(2)])
    assert [future.exception() is not None for future in futures] == [False, False, True, False]
    assert isinstance(futures[2].exception(), ArithmeticError)
    assert network.sizes == [1, 3, 1, 1, 1]


def test_too_many_requests_are_refused_in_one_sentence():
    network = Network()
    futures = behind_a_running_one(Batcher(network, wait=0, max_waiting=3), network, [picture(k) for k in range(5)])
    refused = [future.exception() for future in futures if future.exception() is not None]
    assert len(refused) == 2
    assert all(isinstance(error, ModelUnavailable) for error in refused)
    assert "Too many visitors" in str(refused[0])
    assert len(futures) - len(refused) == sum(network.sizes)
