"""The cache of compiled functions: one thread makes each of them, and only those wait that asked for the same one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnn_demo.models.classification.function_cache import FunctionCache

TIMEOUT = 60  # seconds, for a test that would otherwise hang


class Model:
    pass


def test_others_go_on_while_a_function_is_made_and_it_is_made_once():
    cache, model, other = FunctionCache(2), Model(), Model()
    assert cache.get(model, "ready", lambda: "kept") == "kept"
    began, may_end, made = threading.Event(), threading.Event(), []

    def slow():
        began.set()
        assert may_end.wait(TIMEOUT)
        made.append("slow")
        return object()

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(cache.get, model, "slow", slow)
        assert began.wait(TIMEOUT)
        second = threads.submit(cache.get, model, "slow", slow)
        quick = threads.submit(
            lambda: [
                cache.get(model, "ready", lambda: "made again"),
                cache.get(model, "another", lambda: "made"),
                cache.get(other, "slow", lambda: "of another model"),
            ]
        )
        try:
            assert quick.result(TIMEOUT) == ["kept", "made", "of another model"]
            assert not first.done()
            assert not second.done()
        finally:
            may_end.set()
        assert first.result(TIMEOUT) is second.result(TIMEOUT)
    assert made == ["slow"]


def test_a_function_that_failed_is_made_by_the_next_thread():
    cache, model = FunctionCache(1), Model()
    began, may_end = threading.Event(), threading.Event()

    def failing():
        began.set()
        assert may_end.wait(TIMEOUT)
        raise MemoryError

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(cache.get, model, "one", failing)
        assert began.wait(TIMEOUT)
        second = threads.submit(cache.get, model, "one", lambda: "made")
        may_end.set()
        with pytest.raises(MemoryError):
            first.result(TIMEOUT)
        assert second.result(TIMEOUT) == "made"


def test_the_least_recently_used_function_is_dropped():
    cache, model = FunctionCache(2), Model()
    for key in ("a", "b", "a", "c"):
        cache.get(model, key, key.upper)
    assert [cache.get(model, key, lambda: "again") for key in ("a", "c", "b")] == ["A", "C", "again"]
