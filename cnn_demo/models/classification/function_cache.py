"""Compiled functions of models, kept as long as the model is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cachetools import LRUCache

Made = TypeVar("Made")


class FunctionCache:
    """Least-recently-used cache of functions for each model, safe to use from several threads.

    A function must hold no reference to the model, which then is freed with its functions.
    """

    def __init__(self, size: int) -> None:
        """Create an empty cache.

        Args:
            size: Functions kept per model. A compiled one takes a few megabytes.
        """
        self.size = size
        self._kept: WeakKeyDictionary[object, LRUCache[Hashable, Any]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def get(self, model: object, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return the model's function with this key; `make` creates it if there is none."""
        with self._lock:
            if model not in self._kept:
                self._kept[model] = LRUCache(self.size)
            functions = self._kept[model]
            if key not in functions:
                functions[key] = make()
            return functions[key]
