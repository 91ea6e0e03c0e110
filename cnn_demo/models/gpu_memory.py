"""Memory of the GPU: how much loaded models take and may take, and what happens when it is full."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from cnn_demo.images import sample_photos
from cnn_demo.machine import describe_machine
from cnn_demo.models import frameworks


@dataclass(frozen=True)
class Taken:
    """Memory of an NVIDIA GPU that a loaded model takes.

    Attributes:
        weights: Bytes of its weights, which it takes as long as it is loaded.
        prediction: Bytes that its first prediction took at most in addition; None if there was not enough memory.
    """

    weights: int
    prediction: int | None


BYTES_PER_PARAMETER = 4  # float32
FRACTION = 0.5  # of the GPU's memory for the weights of models; the rest is for feature maps
SENTENCE = "The GPU's memory was full, so the network ran on the CPU: slower, with the same result."

_LOADING = threading.RLock()  # held while a model is loaded on an NVIDIA GPU, so that the memory of one is measured
_TAKEN: dict[str, Taken] = {}  # by model key
_RUNS = threading.local()  # of this thread: whether a network ran on the CPU instead
ModelT = TypeVar("ModelT", bound=Any)
P = ParamSpec("P")
R = TypeVar("R")


def budget() -> int | None:
    """Return the bytes that the weights of all loaded models may take on the GPU; None if it shares the main memory."""
    memory = describe_machine().device_memory
    return None if memory is None else int(memory * FRACTION)


def measured(key: str, load: Callable[[], ModelT]) -> ModelT:
    """Load a model on an NVIDIA GPU, let it predict a sample photo, and keep the memory that it takes.

    It is measured by torch's allocator: what others run at that moment counts too.

    Args:
        key: The model's key.
        load: Function that loads it.
    """
    cuda = frameworks.torch().cuda
    with _LOADING:
        use_cublas()
        gc.collect()
        before = cuda.memory_allocated()
        model = load()
        gc.collect()  # of the weights that it was built with
        loaded = cuda.memory_allocated()
        cuda.reset_peak_memory_stats()
        _TAKEN[key] = Taken(max(0, loaded - before), None)
        try:
            with without_fallback():
                model.predict(sample_photos()[0].load().pixels)
        except RuntimeError as error:
            if not is_full(error):
                forget(key)
                raise
        else:
            _TAKEN[key] = Taken(max(0, loaded - before), max(0, cuda.max_memory_allocated() - loaded))
        return model


def use_cublas() -> None:
    """Multiply two matrices on the GPU, for which cuBLAS takes up to 32 MB once and keeps them: they are no model's."""
    ones = frameworks.torch().ones((1, 1), device="cuda")
    ones @ ones


def forget(key: str | None = None) -> None:
    """Forget the memory of a model that is no longer loaded, or of all models."""
    if key is None:
        _TAKEN.clear()
    else:
        _TAKEN.pop(key, None)


def taken() -> Mapping[str, Taken]:
    """Return the memory that each model takes that is loaded on an NVIDIA GPU, by its key."""
    return dict(_TAKEN)


def give_back() -> None:
    """Free the memory of models that nobody uses any more, and return it to the GPU."""
    gc.collect()  # Keras models contain reference cycles
    if "torch" in sys.modules and frameworks.torch().cuda.is_available():
        frameworks.torch().cuda.empty_cache()


def is_full(error: BaseException) -> bool:
    """Return whether an exception is torch's error that the GPU has no memory left."""
    return "torch" in sys.modules and isinstance(error, frameworks.torch().OutOfMemoryError)


def or_on_cpu(function: Callable[Concatenate[ModelT, P], R]) -> Callable[Concatenate[ModelT, P], R]:
    """Make a function fall back to the CPU if the GPU's memory is full: it gives the same result there.

    Args:
        function: A method of a model, or a function whose first argument is a model of the registry. It must not hold
            the model's lock when it returns or raises.
    """

    @functools.wraps(function)
    def run(model: ModelT, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(model, *args, **kwargs)
        except RuntimeError as error:  # of which torch's OutOfMemoryError is one
            if not is_full(error) or getattr(_RUNS, "without_fallback", False):
                raise
        # Outside of `except`: the exception's traceback holds the tensors that filled the memory.
        return function(_on_cpu(model), *args, **kwargs)

    return run


@contextlib.contextmanager
def without_fallback() -> Iterator[None]:
    """Let `or_on_cpu` raise in this thread, to try out whether something fits onto the GPU."""
    _RUNS.without_fallback = True
    try:
        yield
    finally:
        _RUNS.without_fallback = False


def fell_back() -> bool:
    """Return whether a network of this thread ran on the CPU instead since the last call."""
    happened = getattr(_RUNS, "fell_back", False)
    _RUNS.fell_back = False
    return happened


def _on_cpu(model: Any) -> Any:
    from cnn_demo.models import load

    _RUNS.fell_back = True
    logging.getLogger(__name__).warning("The GPU's memory is full: %s runs on the CPU", model.spec.key)
    give_back()
    return load(model.spec.key, "cpu")
