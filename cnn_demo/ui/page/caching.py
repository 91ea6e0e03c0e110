"""Hash functions of photos and networks for Streamlit's caches, and results whose time is worth showing."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier

HashFunctions = dict[str | type, Callable[[Any], Any]]

# Streamlit would hash a sample of the pixels only, and cannot hash a network.
HASH_BY_KEY: HashFunctions = {Photo: lambda photo: photo.key, Classifier: lambda model: model.spec.key}

Result = TypeVar("Result")
_HAVE_RUN: WeakKeyDictionary[object, set[Hashable]] = WeakKeyDictionary()


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
