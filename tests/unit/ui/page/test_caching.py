"""Times that are shown are of a warm network."""

from types import SimpleNamespace

import pytest

from cnn_demo.ui.page.caching import timed_warm


class Network(SimpleNamespace):
    __hash__ = object.__hash__


def test_the_first_run_with_a_setting_is_repeated():
    model, runs = Network(), iter(range(9))
    assert [timed_warm(model, lambda: next(runs), side) for side in (320, 320, 640, 320)] == [1, 2, 4, 5]
    assert timed_warm(Network(), lambda: next(runs), 320) == 7


def test_a_run_that_failed_is_no_warm_up():
    model = Network()

    def fail():
        raise ValueError("too small")

    with pytest.raises(ValueError, match="too small"):
        timed_warm(model, fail)
    runs = iter(range(3))
    assert timed_warm(model, lambda: next(runs)) == 1
