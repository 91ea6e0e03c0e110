"""Frameworks and networks are loaded once a server is up: in the background, unless the operator says no."""

import threading
from types import SimpleNamespace

import pytest

from cnn_demo.models import warm_up as first_networks
from cnn_demo.ui.page import warm_up


@pytest.fixture
def started(monkeypatch):
    """Names of the threads that were started, which do nothing."""
    names = []
    thread = lambda target, name, daemon: SimpleNamespace(start=lambda: names.append(name))  # noqa: E731
    monkeypatch.setattr(warm_up.threading, "Thread", thread)
    monkeypatch.setattr(warm_up, "is_served", lambda: True)
    monkeypatch.delenv("CNN_DEMO_PRELOAD")
    warm_up.warm_up.clear()
    yield names
    warm_up.warm_up.clear()


def test_a_server_loads_once(started):
    warm_up.warm_up()
    warm_up.warm_up()
    assert started == ["warm up"]


@pytest.mark.parametrize("value", ["off", "OFF", "no", "0", "false"])
def test_the_operator_can_switch_it_off(started, monkeypatch, value):
    monkeypatch.setenv("CNN_DEMO_PRELOAD", value)
    warm_up.warm_up()
    assert started == []


def test_no_framework_is_loaded_whose_networks_run_on_a_cluster(started, monkeypatch):
    monkeypatch.setenv("CNN_DEMO_BACKEND", "ray")
    warm_up.warm_up()
    assert started == []


def test_nothing_is_loaded_without_a_server(monkeypatch):
    monkeypatch.delenv("CNN_DEMO_PRELOAD")
    warm_up.warm_up.clear()
    warm_up.warm_up()
    assert not any(thread.name == "warm up" for thread in threading.enumerate())


def test_a_step_that_fails_leaves_one_line_in_the_log(monkeypatch):
    def fail():
        raise OSError("no memory")

    lines = []
    log = SimpleNamespace(log=lambda level, text, *arguments: lines.append(text % arguments))
    monkeypatch.setattr(warm_up, "_LOG", log)

    monkeypatch.setattr(warm_up, "DELAY", 0)
    monkeypatch.setattr(warm_up, "_prepare", lambda: None)
    monkeypatch.setattr(first_networks, "steps", lambda: iter([fail]))
    warm_up._load()
    assert lines == ["Not everything was loaded before the first visitor: no memory"]


def test_it_ends_with_the_server(monkeypatch):
    ran = []
    up = iter([True, True])
    monkeypatch.setattr(warm_up, "DELAY", 0)
    monkeypatch.setattr(warm_up, "is_up", lambda: next(up, False))
    monkeypatch.setattr(warm_up, "_prepare", lambda: ran.append("prepare"))
    monkeypatch.setattr(first_networks, "steps", lambda: iter([lambda: ran.append("step")]))
    warm_up._load()
    assert ran == ["prepare"]
