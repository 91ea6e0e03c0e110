"""Queue of visitors' jobs, such as trainings: one runs at a time, in its own thread; first come, first served.

Sessions outlive their tabs, and the server is not notified when a visitor leaves. So a page that shows a job must touch
it now and then: one that was not touched for `patience` seconds is removed from the queue, or stopped.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

PATIENCE = 25.0  # seconds: pages poll every second, but a busy server may be late
MAX_WAITING = 20
_LOG = logging.getLogger(__name__)


class JobError(Exception):
    """A job that cannot go on; the message is one sentence that can be shown as it is."""


class Job:
    """One job, from waiting to its end.

    The work is a function of the job. It calls `report` with its state so far, checks `goes_on` after each step and
    returns when that is false. The last report stays in `progress`.

    Attributes:
        name: Name of the work in messages, such as "training".
        state: "waiting", "running", or how it ended: "finished", "stopped" (by the visitor), "abandoned" or "failed".
        progress: The last report of the work; None before the first.
        error: One sentence, if it failed.
    """

    def __init__(self, work: Callable[[Job], None], name: str, patience: float, clock: Callable[[], float]) -> None:
        self.name = name
        self.state = "waiting"
        self.progress: Any = None
        self.error = ""
        self._work, self._patience, self._clock = work, patience, clock
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._touched = clock()

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def abandoned(self) -> bool:
        """Whether it has not been touched within the patience."""
        return self._clock() - self._touched > self._patience

    @property
    def goes_on(self) -> bool:
        """Whether the work should continue: not stopped, and still watched."""
        return not self._stop.is_set() and not self.abandoned

    def touch(self) -> None:
        """Mark the job as still watched."""
        self._touched = self._clock()

    def stop(self) -> None:
        """Request its end; the results so far are kept."""
        self._stop.set()

    def report(self, progress: Any) -> None:
        """Publish the state so far: a value that is never changed afterwards, because other threads read it."""
        self.progress = progress

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; return whether it has."""
        return self._ended.wait(timeout)

    def _run(self) -> None:
        try:
            self._work(self)
        except JobError as error:
            self._end("failed", str(error))
        except BaseException as error:  # also an exit: the visitor reads one sentence, and the next one has a turn
            self._fail(error)
        else:
            self._end("stopped" if self._stop.is_set() else "abandoned" if self.abandoned else "finished")

    def _fail(self, error: BaseException) -> None:
        """End it with an error that nobody expected."""
        number = secrets.token_hex(3)
        _LOG.error("Error %s in a job: %s", number, self.name, exc_info=error)
        self._end("failed", f"The {self.name} failed (error {number}): please start it again.")

    def _end(self, state: str, error: str = "") -> None:
        self.error = error
        self.state = state
        self._ended.set()


class JobQueue:
    """First come, first served; at most one job runs.

    Args:
        patience: Seconds after which a job that nobody touches is abandoned.
        clock: Function that returns the time in seconds.
    """

    def __init__(self, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._lock = threading.Lock()
        self._waiting: list[Job] = []
        self._running: Job | None = None

    def submit(self, work: Callable[[Job], None], name: str = "job") -> Job:
        """Queue a job; it starts at once if nothing runs.

        Args:
            work: Called with the job, in a thread of its own.
            name: Name of the work in messages, such as "training".

        Raises:
            JobError: If too many are waiting already.
        """
        job = Job(work, name, self._patience, self._clock)
        with self._lock:
            self._drop()
            if len(self._waiting) >= MAX_WAITING:
                raise JobError(
                    f"{MAX_WAITING} visitors are waiting already: please start your {name} again in some minutes."
                )
            self._waiting.append(job)
            self._start_next()
        return job

    def position(self, job: Job) -> int:
        """How many jobs come before this one, the running one included; 0 if it runs or has ended."""
        with self._lock:
            self._drop()
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def stop(self, job: Job) -> None:
        """End a job: a running one after its present step, a waiting one at once."""
        job.stop()
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        """Remove stopped and abandoned jobs from the queue."""
        for job in [job for job in self._waiting if not job.goes_on]:
            self._waiting.remove(job)
            job._end("abandoned" if job.abandoned else "stopped")

    def _start_next(self) -> None:
        while self._running is None and self._waiting:
            job = self._waiting.pop(0)
            job.state = "running"
            self._running = job
            try:
                threading.Thread(target=self._run, args=(job,), name="job", daemon=True).start()
            except (RuntimeError, MemoryError) as error:  # the system allows no more threads, or has no memory for one
                self._running = None
                job._fail(error)

    def _run(self, job: Job) -> None:
        try:
            job._run()
        finally:
            with self._lock:
                self._running = None
                self._drop()
                self._start_next()


@cache
def job_queue() -> JobQueue:
    """The queue of this process, which all visitors share."""
    return JobQueue()
