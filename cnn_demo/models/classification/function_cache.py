"""Compiled functions of models, kept as long as the model is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cachetools import LRUCache

Made = TypeVar("Made")


@dataclass
class _OfOneModel:
    """Functions of one model, and a lock for each one that is being made."""

    kept: LRUCache[Hashable, Any]
    making: dict[Hashable, threading.Lock] = field(default_factory=dict)


class FunctionCache:
    """Least-recently-used cache of functions for each model, safe to use from several threads.

    A thread waits only for the function that it asked for: while one is compiled, others can be had or made.

    A function must hold no reference to the model, which then is freed with its functions.
    """

    def __init__(self, size: int) -> None:
        """Create an empty cache.

        Args:
            size: Functions kept per model. A compiled one takes a few megabytes.
        """
        self.size = size
        self._models: WeakKeyDictionary[object, _OfOneModel] = WeakKeyDictionary()
        self._lock = threading.Lock()  # held for look-ups only

    def get(self, model: object, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return the model's function with this key; `make` creates it if there is none.

        If several threads ask for one that is missing, one makes it and the others wait; if it fails, the next one
        tries.
        """
        with self._lock:
            if model not in self._models:
                self._models[model] = _OfOneModel(LRUCache(self.size))
            functions = self._models[model]
            if key in functions.kept:
                return functions.kept[key]
            being_made = functions.making.setdefault(key, threading.Lock())
        with being_made:
            with self._lock:
                if key in functions.kept:  # the thread before this one made it
                    return functions.kept[key]
            made = make()
            with self._lock:
                functions.kept[key] = made
                functions.making.pop(key, None)
            return made
