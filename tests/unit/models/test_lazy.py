"""A property that is computed once for each object, and waits for no other object."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from cnn_demo.models.lazy import computed_once

TIMEOUT = 60  # seconds, for a test that would otherwise hang


@dataclass(frozen=True, eq=False)
class Network:
    may_end: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)

    @computed_once
    def compiled(self) -> object:
        """The compiled network."""
        self.began.set()
        assert self.may_end.wait(TIMEOUT)
        return object()


def test_it_is_computed_once_while_another_object_is_still_computing():
    slow, quick = Network(), Network()
    quick.may_end.set()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: slow.compiled)
        assert slow.began.wait(TIMEOUT)
        try:
            second = threads.submit(lambda: quick.compiled)
            assert second.result(TIMEOUT) is quick.compiled
            assert not first.done()
        finally:
            slow.may_end.set()
        assert first.result(TIMEOUT) is slow.compiled is not quick.compiled
    assert Network.compiled.__doc__ == "The compiled network."
