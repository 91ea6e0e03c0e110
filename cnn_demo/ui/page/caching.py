"""Cache of results on photos: those on sample photos serve all visitors, those on uploaded ones end with the session.

Streamlit's own caches either serve all visitors, and then keep results long after the visitor has left, or one session
each, and then have no limit for all of them. This one has both: a limit in bytes, and an end.
"""

import inspect
import sys
import threading
from collections.abc import Callable, Hashable, Iterable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import streamlit as st
from cachetools import LRUCache
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnn_demo.images import Photo
from cnn_demo.machine import describe_machine
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.turns import network_turns

FRACTION = 1 / 8  # of the machine's memory, for the results of all visitors
FEWEST_BYTES = 256 * 2**20

HashFunctions = dict[str | type, Callable[[Any], Any]]
HASH_BY_KEY: HashFunctions = {Classifier: lambda model: model.spec.key}  # for Streamlit, which cannot hash a network

NameFunctions = dict[type, Callable[[Any], Hashable]]
P = ParamSpec("P")
Result = TypeVar("Result")
_HAVE_RUN: WeakKeyDictionary[object, set[Hashable]] = WeakKeyDictionary()


@dataclass(eq=False)
class _Owner:
    """The session that results belong to, or all visitors."""

    ended: bool = False


@dataclass
class _Results:
    """The results of all visitors; the least recently used ones are dropped."""

    kept: LRUCache[tuple[_Owner, Hashable], Any]
    changed: threading.Condition = field(default_factory=threading.Condition)
    computing: set[tuple[_Owner, Hashable]] = field(default_factory=set)

    def get(self, owner: _Owner, name: Hashable, compute: Callable[[], Any]) -> Any:
        """Return a result; if several threads ask for one that is missing, one computes it and the others wait."""
        key = owner, name
        with self.changed:
            self.changed.wait_for(lambda: key not in self.computing)
            if key in self.kept:
                return self.kept[key]
            self.computing.add(key)
        try:
            result = compute()
        finally:
            with self.changed:
                self.computing.discard(key)
                self.changed.notify_all()
        with self.changed:
            if not owner.ended and self.kept.getsizeof(result) <= self.kept.maxsize:
                self.kept[key] = result
        return result

    def forget(self, owner: _Owner) -> None:
        """Drop the results of a session, and keep none that is still being computed."""
        with self.changed:
            owner.ended = True
            for key in [key for key in self.kept if key[0] is owner]:
                del self.kept[key]


def photo_cache(
    spinner: str = "", names: NameFunctions | None = None, *, queued: bool = False
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Keep the results of a function of photos. They are shared, so they must not be modified.

    If one of the photos was uploaded, its results are those of the session and removed at its end. Without a session,
    nothing is kept.

    Args:
        spinner: Text beside the spinner while the function runs; without one, there is no spinner.
        names: Functions that return a hashable name for arguments of a type. Photos, networks, layers and hashable
            values need none, nor do tuples and lists of them.
        queued: Whether it runs a network, for which visitors queue.
    """
    naming = _NAMES | (names or {})

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        signature = inspect.signature(function)

        @wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> Result:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            values = tuple(given.arguments.values())
            name = (function.__module__, function.__qualname__, _named(values, naming))
            return kept(_photos(values), name, partial(function, *args, **kwargs), spinner, queued=queued)

        return cached

    return decorate


def kept(
    photos: Iterable[Photo], name: Hashable, compute: Callable[[], Result], spinner: str = "", *, queued: bool = False
) -> Result:
    """Return the result that is kept under a name; compute it if there is none.

    Args:
        photos: Those that the result depends on.
        name: All that it depends on; photos and networks by their keys.
        compute: Function without arguments.
        spinner: Text beside the spinner until it is there.
        queued: Whether `compute` runs a network, for which visitors queue.

    Raises:
        Busy: If too many visitors are waiting for a network.
    """
    run = partial(_in_turn, compute) if queued else compute
    shared = all(photo.built_in for photo in photos)
    if not shared and get_script_run_ctx() is None:
        return run()
    owner = _EVERYBODY if shared else _session()
    results = _results()
    with st.spinner(spinner) if spinner and (owner, name) not in results.kept else nullcontext():
        return results.get(owner, name, run)


def _in_turn(compute: Callable[[], Result]) -> Result:
    """Compute when it is this visitor's turn; until then, tell how many come before."""
    with ExitStack() as shown:
        line: DeltaGenerator | None = None

        def report(before: int) -> None:
            nonlocal line
            if line is None and get_script_run_ctx() is not None:
                line = st.empty()
                shown.callback(line.empty)
            if line is not None:  # each call also ends the thread of a visitor who has left
                visitors = "1 visitor" if before == 1 else f"{before} visitors"
                line.caption(f":material/hourglass_top: {visitors} before you. The network runs for you in a moment.")

        with network_turns().turn(report):
            shown.close()
            return compute()


@st.cache_resource(show_spinner=False)
def _results() -> _Results:
    budget = max(FEWEST_BYTES, int(describe_machine().memory * FRACTION))
    return _Results(LRUCache(budget, size_of))


_EVERYBODY = _Owner()


def _end(owner: _Owner) -> None:
    _results().forget(owner)


@st.cache_resource(show_spinner=False, scope="session", on_release=_end)
def _session() -> _Owner:
    """Return the owner of this session's results; Streamlit releases it when the visitor leaves."""
    return _Owner()


_NAMES: NameFunctions = {
    Photo: lambda photo: photo.key,
    Classifier: lambda model: model.spec.key,
    NetworkLayer: lambda layer: layer.name,
}


def _named(value: Any, names: NameFunctions) -> Hashable:
    if type(value) in names:
        return names[type(value)](value)
    return tuple(_named(part, names) for part in value) if isinstance(value, tuple | list) else value


def _photos(values: Iterable[Any]) -> Iterable[Photo]:
    for value in values:
        if isinstance(value, Photo):
            yield value
        elif isinstance(value, tuple | list):
            yield from _photos(value)


def size_of(value: Any, depth: int = 6) -> int:
    """Return about how many bytes a result takes: its arrays, texts and tables, also those within its attributes."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage(deep=True).sum())
    parts: Iterable[Any] = ()
    if depth and isinstance(value, dict):
        parts = value.values()
    elif depth and isinstance(value, tuple | list | set):
        parts = value
    elif depth and hasattr(value, "__dict__"):
        parts = vars(value).values()
    return sys.getsizeof(value) + sum(size_of(part, depth - 1) for part in parts)


def timed_warm(model: object, run: Callable[[], Result], *setting: Hashable) -> Result:
    """Return the result of a run of a warm network: the first run with a setting is repeated.

    A first run compiles the network for the shape of its input and fetches its weights. It takes up to ten times as
    long, and a cached result would show that time to everybody.

    Args:
        model: The network.
        run: Function that runs it, and whose result holds the time.
        setting: Whatever the shape of the input depends on.
    """
    settings = _HAVE_RUN.setdefault(model, set())
    if setting not in settings:
        run()
        settings.add(setting)
    return run()
