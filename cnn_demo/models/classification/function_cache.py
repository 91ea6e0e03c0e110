"""Compiled functions of classifiers, kept as long as the classifier is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from cachetools import LRUCache

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

Made = TypeVar("Made")


class FunctionCache:
    """Least-recently-used cache of functions for each classifier, safe to use from several threads.

    A function must hold no reference to the classifier, which then is freed with its functions.
    """

    def __init__(self, size: int) -> None:
        """Create an empty cache.

        Args:
            size: Functions kept per classifier. A compiled one takes a few megabytes.
        """
        self.size = size
        self._kept: WeakKeyDictionary[Classifier, LRUCache[Hashable, Any]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def get(self, model: Classifier, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return the classifier's function with this key; `make` creates it if there is none."""
        with self._lock:
            if model not in self._kept:
                self._kept[model] = LRUCache(self.size)
            functions = self._kept[model]
            if key not in functions:
                functions[key] = make()
            return functions[key]
