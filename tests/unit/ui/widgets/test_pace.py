"""Estimates of long computations: neither a cold run nor a pause of the machine counts."""

from cnn_demo.ui.widgets.pace import Pace, run_milliseconds


def test_the_pace_is_that_of_the_warm_runs():
    now = 0.0
    name = ("masking", "network", (20, 30, 3))
    pace = Pace(name, clock=lambda: now)
    now += 9.0
    pace.note(10)  # the cold runs
    assert run_milliseconds(name, 900.0) == 900.0
    for seconds in (0.5, 0.5, 30.0, 0.5):  # one pause
        now += seconds
        pace.note(pace._last[0] + 10)
    assert run_milliseconds(name, 900.0) == 50.0
    assert run_milliseconds(("masking", "another", (20, 30, 3)), 7.0) == 7.0


def test_a_report_without_progress_is_no_run():
    pace = Pace("idle", clock=lambda: 1.0)
    pace.note(3)
    pace.note(3)
    assert run_milliseconds("idle", 5.0) == 5.0
