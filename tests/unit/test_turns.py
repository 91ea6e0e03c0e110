"""Turns of networks: first come, first served, with one's place, and an end."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnn_demo import turns as module
from cnn_demo.turns import Busy, Turns

SOON = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "TICK", 0.01)


class Visitor:
    """A thread that asks for a turn, and keeps it until it is told to go."""

    def __init__(self, pool, turns, order):
        self.placed, self.begun, self.may_end = threading.Event(), threading.Event(), threading.Event()
        self.places: list[int] = []
        self.leaves = False
        self.done = pool.submit(self._visit, turns, order)

    def _visit(self, turns, order):
        with turns.turn(self._report):
            order.append(self)
            self.begun.set()
            assert self.may_end.wait(SOON)

    def _report(self, place):
        self.places.append(place)
        self.placed.set()
        if self.leaves:
            raise ConnectionAbortedError


@pytest.fixture
def visit():
    """A function that lets visitors come one after the other; it returns them, and the order in which they ran."""
    with ThreadPoolExecutor(8) as pool:
        came = []

        def visit(turns, count):
            order = []
            for number in range(count):
                visitor = Visitor(pool, turns, order)
                came.append(visitor)
                assert (visitor.begun if number < turns._at_once else visitor.placed).wait(SOON)
            return came, order

        yield visit
        for visitor in came:
            visitor.may_end.set()


def test_first_come_first_served_with_ones_place(visit):
    visitors, order = visit(Turns(2), 5)
    assert [visitor.places[:1] for visitor in visitors] == [[], [], [2], [3], [4]]
    for number, visitor in enumerate(visitors):
        visitor.may_end.set()
        visitor.done.result(SOON)
        assert all(other.begun.wait(SOON) for other in visitors[: number + 3])
    assert order == visitors
    assert visitors[4].places == sorted(visitors[4].places, reverse=True)


def test_who_leaves_makes_room_for_the_next(visit):
    visitors, _ = visit(Turns(1), 3)
    visitors[1].leaves = True
    with pytest.raises(ConnectionAbortedError):
        visitors[1].done.result(SOON)
    visitors[0].may_end.set()
    assert visitors[2].begun.wait(SOON)


def test_a_full_queue_says_so(visit):
    turns = Turns(1, max_waiting=2)
    visit(turns, 3)
    with pytest.raises(Busy, match="2 visitors are waiting already: please try again"), turns.turn():
        pass


def test_a_turn_ends_with_an_error_and_can_be_asked_for_twice():
    turns = Turns(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), turns.turn(), turns.turn():
            raise ZeroDivisionError
