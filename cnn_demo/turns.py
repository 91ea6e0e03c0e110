"""Turns: at most a few threads run networks at once, and the others wait in the order in which they came.

Without turns, the runs of twenty visitors would share the processor, and all would wait as long as the last one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from cnn_demo.machine import describe_machine
from cnn_demo.models.batching import MAX_BATCH
from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.cluster.settings import settings_here, uses_cluster

MAX_WAITING = 40
TICK = 0.5  # seconds between two reports of the position


class Busy(ModelUnavailable):
    """Too many are waiting already; the message is one sentence for visitors."""

    @classmethod
    def behind(cls, waiting: int) -> Busy:
        """Return the error for a queue in which so many are waiting."""
        return cls(f"The networks are busy, and {waiting} visitors are waiting already: please try again in a minute.")


class Turns:
    """First come, first served. A thread that has a turn may ask for another one, which is the same.

    Args:
        at_once: Number of threads that run at the same time.
        max_waiting: Greatest number of threads that wait.
    """

    def __init__(self, at_once: int, max_waiting: int = MAX_WAITING) -> None:
        self._free = at_once
        self._at_once, self._max_waiting = at_once, max_waiting
        self._changed = threading.Condition()
        self._waiting: list[object] = []
        self._mine = threading.local()

    @contextmanager
    def turn(self, report: Callable[[int], None] = lambda before: None) -> Iterator[None]:
        """Wait for a turn, and end it with the block.

        Args:
            report: Called with the number of threads that come before this one, the running ones included, every
                half second until its turn. If it raises, the thread leaves the queue.

        Raises:
            Busy: If too many are waiting.
        """
        if getattr(self._mine, "has_turn", False):
            yield
            return
        self._wait(report)
        self._mine.has_turn = True
        try:
            yield
        finally:
            self._mine.has_turn = False
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _wait(self, report: Callable[[int], None]) -> None:
        ticket = object()
        with self._changed:
            if not self._free and len(self._waiting) >= self._max_waiting:
                raise Busy.behind(self._max_waiting)
            self._waiting.append(ticket)
        try:
            while (before := self._try(ticket)) is not None:
                report(before)
        except BaseException:
            with self._changed:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                    self._changed.notify_all()
            raise

    def _try(self, ticket: object) -> int | None:
        """Take the turn within a tick, or return how many come before."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting.index(ticket) < self._free, TICK):
                return self._waiting.index(ticket) + self._at_once - self._free
            self._waiting.remove(ticket)
            self._free -= 1
            return None


@cache
def network_turns() -> Turns:
    """The turns of this process: on a GPU as many as one batch holds, elsewhere one for each core, and at least two.

    A network keeps all cores busy, but with two turns a quick one need not wait for a slow explanation. On a cluster
    there are as many as the replicas of a network accept.
    """
    if uses_cluster():
        return Turns(settings_here().at_once)
    machine = describe_machine()
    return Turns(MAX_BATCH if machine.device == "cuda" else max(2, machine.cores))
