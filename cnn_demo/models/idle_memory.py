"""Memory that goes back to the system once networks are idle: their feature maps, and blocks that malloc has freed.

OpenVINO keeps the feature maps of a network's last run, up to 75 MB for a U-Net, and the C library keeps much of what
is freed. Both save 40 ms of the next run, which matters between the strokes of a brush, but not after a pause.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Protocol
from weakref import WeakKeyDictionary

IDLE = 5.0  # seconds without a run


class Releasing(Protocol):
    """A network whose buffers can be released; its next run creates them anew."""

    def release(self) -> None:
        """Release the buffers, unless the network is running; thread-safe."""


class IdleMemory:
    """The networks that have run, each with the time at which it has been idle for long enough."""

    def __init__(self, idle: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Watch no network yet.

        Args:
            idle: Seconds without a run, after which a network's buffers are released.
            clock: Function that returns the time in seconds.
        """
        self._idle, self._clock = idle, clock
        self._due: WeakKeyDictionary[Releasing, float] = WeakKeyDictionary()
        self._changed = threading.Condition()
        self._releasing = threading.Lock()
        self._ended = False
        self._thread: threading.Thread | None = None

    def has_run(self, network: Releasing) -> None:
        """Note that a network has run, and release its buffers once it has been idle; no reference to it is kept."""
        with self._changed:
            if not self._due:
                self._changed.notify()  # otherwise the thread waits for another network, which is idle earlier
            self._due[network] = self._clock() + self._idle
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="idle memory", daemon=True)
                self._thread.start()
                atexit.register(self.end)

    def release_idle(self) -> float | None:
        """Release the buffers of all networks that are idle.

        Returns:
            Seconds until the next network may be idle; None if there is none.
        """
        with self._changed:
            now = self._clock()
            idle = [network for network, due in self._due.items() if due <= now]
            for network in idle:
                del self._due[network]
        with self._releasing:
            if idle and not self._ended:
                for network in idle:
                    network.release()
                give_back()
        with self._changed:
            return max(0.0, min(self._due.values()) - self._clock()) if self._due else None

    def end(self) -> None:
        """Release nothing any more: a thread that is in C++ when Python ends would abort the process."""
        with self._releasing:
            self._ended = True

    def _watch(self) -> None:
        while True:
            seconds = self.release_idle()
            with self._changed:
                self._changed.wait(self._idle if seconds is None and self._due else seconds)


@cache
def _trim() -> Callable[[int], int] | None:
    """Return `malloc_trim` of the GNU C library; None where there is another one."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            return ctypes.CDLL(None).malloc_trim
    return None


def give_back() -> None:
    """Give freed blocks of memory back to the system, which takes the GNU C library a few milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)


IDLE_NETWORKS = IdleMemory(IDLE)
