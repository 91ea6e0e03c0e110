"""Buffers of idle networks: released after a pause, created anew by the next run, and never while a network runs."""

import gc
import threading

import numpy as np
import pytest

from cnn_demo.models import frameworks, idle_memory
from cnn_demo.models.idle_memory import IdleMemory
from cnn_demo.models.openvino_export import Compiled


class Network:
    def __init__(self):
        self.released = 0

    def release(self):
        self.released += 1


@pytest.fixture
def watched(monkeypatch):
    """An `IdleMemory` whose clock stands still until it is set, and whose thread has nothing to do; and the clock."""
    now = [100.0]
    memory = IdleMemory(5, lambda: now[0])
    monkeypatch.setattr(memory, "_watch", lambda: None)
    return memory, now


def test_a_network_is_released_once_it_is_idle_and_not_before(watched):
    memory, now = watched
    busy, idle = Network(), Network()
    memory.has_run(busy)
    memory.has_run(idle)
    now[0] = 104
    memory.has_run(busy)
    assert memory.release_idle() == pytest.approx(1)
    now[0] = 105
    assert memory.release_idle() == pytest.approx(4)
    assert (busy.released, idle.released) == (0, 1)
    now[0] = 200
    assert memory.release_idle() is None
    assert (busy.released, idle.released) == (1, 1)


def test_no_network_is_kept_alive(watched):
    memory, now = watched
    memory.has_run(Network())
    gc.collect()
    now[0] = 200
    assert memory.release_idle() is None


def test_its_thread_releases_networks_of_all_runs():
    memory = IdleMemory(0.01)
    for _ in range(2):
        network, done = Network(), threading.Event()
        network.release = done.set
        memory.has_run(network)
        assert done.wait(20)


def test_nothing_is_released_once_the_process_ends(watched):
    memory, now = watched
    network = Network()
    memory.has_run(network)
    memory.end()
    now[0] = 200
    assert memory.release_idle() is None
    assert network.released == 0


def test_freed_memory_is_given_back_without_an_error():
    idle_memory.give_back()


def _doubling():
    """Return a model that doubles arrays of any length."""
    openvino = frameworks.openvino()
    array = openvino.opset13.parameter([-1], np.float32)
    return openvino.Model([openvino.opset13.add(array, array)], [array], "doubling")


def test_a_released_network_predicts_the_same():
    compiled = Compiled(_doubling())
    array = np.arange(5, dtype=np.float32)
    before = compiled(array)[0]
    compiled.release()
    np.testing.assert_array_equal(compiled(array)[0], before)


def test_a_running_network_is_not_released():
    compiled = Compiled(_doubling())
    with compiled._lock:
        compiled._model = None  # which fails if it is asked to release its memory
        compiled.release()
