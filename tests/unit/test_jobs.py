"""The queue of jobs: one at a time, in order, and jobs of visitors who left are skipped."""

import re
import threading
from typing import ClassVar

import pytest

from cnn_demo.jobs import MAX_WAITING, JobError, JobQueue, job_queue

SOON = 10  # timeout in seconds for something that takes milliseconds


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Work:
    """Work that goes on until it may end; it remembers that it ran, and with whom at the same time."""

    running: ClassVar[set] = set()
    order: ClassVar[list] = []

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error = name, error
        self.started, self.may_end = threading.Event(), threading.Event()

    def __call__(self, job) -> None:
        assert not Work.running, "two at the same time"
        Work.running.add(self.name)
        Work.order.append(self.name)
        self.started.set()
        step = 0
        while job.goes_on and not self.may_end.wait(0.002):
            step += 1
            job.report(step)
        Work.running.discard(self.name)
        if self.error:
            raise self.error


@pytest.fixture
def clock():
    Work.running, Work.order = set(), []
    return Clock()


@pytest.fixture
def queue(clock):
    return JobQueue(patience=15, clock=clock)


def test_one_runs_and_the_others_wait_in_order(queue):
    works = [Work(name) for name in "abc"]
    jobs = [queue.submit(work) for work in works]
    assert works[0].started.wait(SOON)
    assert [job.state for job in jobs] == ["running", "waiting", "waiting"]
    assert [queue.position(job) for job in jobs] == [0, 1, 2]
    works[0].may_end.set()
    assert works[1].started.wait(SOON)
    assert jobs[0].state == "finished"
    assert [queue.position(job) for job in jobs] == [0, 0, 1]
    for work in works:
        work.may_end.set()
    assert all(job.wait(SOON) for job in jobs)
    assert Work.order == ["a", "b", "c"]
    assert not any(job.active for job in jobs)


def test_stop_keeps_the_last_report(queue):
    work = Work("a")
    job = queue.submit(work)
    while not job.progress:
        assert work.started.wait(SOON)
    queue.stop(job)
    assert job.wait(SOON)
    assert job.state == "stopped"
    assert job.progress > 0
    assert job.error == ""


def test_a_job_that_left_the_queue_is_skipped(queue):
    works = [Work(name) for name in "abc"]
    jobs = [queue.submit(work) for work in works]
    queue.stop(jobs[1])
    assert jobs[1].state == "stopped"
    assert jobs[1].wait(0)
    assert queue.position(jobs[2]) == 1
    for work in works:
        work.may_end.set()
    assert jobs[2].wait(SOON)
    assert Work.order == ["a", "c"]


def test_a_waiting_job_without_a_visitor_is_dropped(queue, clock):
    works = [Work(name) for name in "abc"]
    jobs = [queue.submit(work) for work in works]
    clock.now += 14
    jobs[0].touch()
    jobs[2].touch()
    clock.now += 2  # 16 seconds for b, 2 for the others
    assert queue.position(jobs[2]) == 1
    assert [job.state for job in jobs] == ["running", "abandoned", "waiting"]
    for work in works:
        work.may_end.set()
    assert jobs[2].wait(SOON)
    assert Work.order == ["a", "c"]


def test_a_running_job_without_a_visitor_ends_and_the_next_one_runs(queue, clock):
    first, second = Work("a"), Work("b")
    jobs = [queue.submit(first), queue.submit(second)]
    assert first.started.wait(SOON)
    clock.now += 14
    jobs[1].touch()
    clock.now += 2
    assert jobs[0].wait(SOON)
    assert jobs[0].state == "abandoned"
    assert second.started.wait(SOON)
    second.may_end.set()
    assert jobs[1].wait(SOON)
    assert jobs[1].state == "finished"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (JobError("Please choose less."), r"Please choose less\."),
        (RuntimeError("secret/path line 7"), r"The training failed \(error [0-9a-f]{6}\): please start it again\."),
        (MemoryError(), r"The training failed \(error [0-9a-f]{6}\): please start it again\."),
        (SystemExit(1), r"The training failed \(error [0-9a-f]{6}\): please start it again\."),
    ],
)
def test_an_error_becomes_one_sentence_and_the_next_one_runs(queue, error, sentence):
    broken, good = Work("a", error), Work("b")
    jobs = [queue.submit(broken, "training"), queue.submit(good)]
    broken.may_end.set()
    good.may_end.set()
    assert all(job.wait(SOON) for job in jobs)
    assert jobs[0].state == "failed"
    assert re.fullmatch(sentence, jobs[0].error)
    assert (jobs[1].state, jobs[1].error) == ("finished", "")


def test_a_system_without_threads_fails_the_job_and_frees_the_queue(queue, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        job = queue.submit(Work("a"), "training")
    assert job.state == "failed"
    assert "please start it again" in job.error
    work = Work("b")
    again = queue.submit(work)
    work.may_end.set()
    assert again.wait(SOON)
    assert again.state == "finished"


def test_the_queue_has_an_end(queue):
    running = Work("a")
    jobs = [queue.submit(running)] + [queue.submit(Work(str(n))) for n in range(MAX_WAITING)]
    with pytest.raises(JobError, match="in some minutes"):
        queue.submit(Work("too many"))
    for job in jobs:
        queue.stop(job)
    assert all(job.wait(SOON) for job in jobs)
    late = Work("late")
    late.may_end.set()
    assert queue.submit(late).wait(SOON)


def test_many_visitors_at_once_are_served_one_by_one(queue):
    jobs, lock = [], threading.Lock()

    def visit(number):
        work = Work(str(number))
        work.may_end.set()
        job = queue.submit(work)
        with lock:
            jobs.append(job)

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(MAX_WAITING)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(SOON)
    assert all(job.wait(SOON) for job in jobs)
    assert [job.state for job in jobs] == [
        "finished"
    ] * MAX_WAITING  # an assertion within the work would have failed it
    assert sorted(Work.order) == sorted(str(n) for n in range(MAX_WAITING))


def test_all_visitors_share_one_queue():
    assert job_queue() is job_queue()
