"""Times that are shown are of a warm network, and results on an uploaded photo end with its session."""

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.ui.page import caching
from cnn_demo.ui.page.caching import photo_cache, size_of, timed_warm


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


class Visit:
    """A session: its cache of Streamlit ends with it."""

    def __init__(self, monkeypatch):
        self.owner = caching._Owner()
        self.enter = lambda: monkeypatch.setattr(caching, "_session", lambda: self.owner)

    def leave(self):
        caching._end(self.owner)


@pytest.fixture
def visits(monkeypatch):
    monkeypatch.setattr(caching, "get_script_run_ctx", lambda: object())
    return lambda: Visit(monkeypatch)


@pytest.fixture
def mean():
    """A cached function that tells how often it has run."""

    @photo_cache()
    def mean(photos: tuple[Photo, ...] | Photo, times: float = 1.0) -> np.ndarray:
        mean.runs += 1
        return np.full(1000, times)

    mean.runs = 0
    return mean


OWN = Photo(np.zeros((8, 8, 3), np.uint8), "mine", "digest-of-mine")
SAMPLE = replace(OWN, built_in=True)


def kept_keys():
    return list(caching._results().kept)


def test_results_on_an_uploaded_photo_end_with_the_session(visits, mean):
    first, second = visits(), visits()
    first.enter()
    assert mean(OWN, 2.0) is mean(OWN, times=2.0)
    assert mean.runs == 1
    second.enter()
    mean((SAMPLE, OWN))
    assert mean.runs == 2
    assert len(kept_keys()) == 2
    first.leave()
    assert [owner for owner, _ in kept_keys()] == [second.owner]
    second.leave()
    assert kept_keys() == []


def test_results_on_a_sample_serve_all_visitors(visits, mean):
    first, second = visits(), visits()
    first.enter()
    mean(SAMPLE)
    first.leave()
    second.enter()
    mean(SAMPLE)
    assert mean.runs == 1
    mean(OWN)  # the same pixels, but uploaded
    assert mean.runs == 2


def test_a_result_that_comes_after_its_visitor_left_is_not_kept(visits):
    visit = visits()
    visit.enter()

    @photo_cache()
    def late(photo: Photo) -> np.ndarray:
        visit.leave()
        return photo.pixels

    late(OWN)
    assert kept_keys() == []


def test_without_a_session_nothing_of_an_uploaded_photo_is_kept(mean):
    mean(OWN)
    mean(OWN)
    assert mean.runs == 2
    assert kept_keys() == []


def test_all_visitors_together_have_one_budget(visits, mean, monkeypatch):
    monkeypatch.setattr(caching, "FEWEST_BYTES", 20_000)
    monkeypatch.setattr(caching, "FRACTION", 0)
    st.cache_resource.clear()
    for number in range(5):
        visit = visits()
        visit.enter()
        mean(OWN, float(number))
    assert len(kept_keys()) == 2
    assert caching._results().kept.currsize < 20_000


def test_one_visitor_computes_what_several_ask_for(visits):
    visits().enter()
    begun, go_on = threading.Event(), threading.Event()

    @photo_cache()
    def slow(photo: Photo) -> list[int]:
        begun.set()
        assert go_on.wait(10)
        return []

    with ThreadPoolExecutor(2) as visitors:
        first = visitors.submit(slow, SAMPLE)
        assert begun.wait(10)
        second = visitors.submit(slow, SAMPLE)
        go_on.set()
        assert first.result() is second.result()


def test_the_size_of_a_result_is_that_of_its_arrays():
    array = np.zeros((100, 100))
    nested = SimpleNamespace(parts=({"array": array}, [array]))
    assert 2 * array.nbytes <= size_of(nested) < 2 * array.nbytes + 5000


def test_no_page_keeps_a_photo_in_streamlits_own_caches(root):
    for path in (root / "cnn_demo" / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                decorators = " ".join(ast.unparse(each) for each in node.decorator_list)
                annotations = " ".join(ast.unparse(arg.annotation) for arg in node.args.args if arg.annotation)
                assert "st.cache_" not in decorators or "Photo" not in annotations, f"{path}:{node.lineno}"
