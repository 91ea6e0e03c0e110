"""A process of the cluster that runs one network. It answers several requests at once, and runs them as a batch."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.environment import BACKEND, THREADS
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.cluster.settings import Settings

if TYPE_CHECKING:
    from cnn_demo.models.model import Model

METHODS = ("predict", "candidates", "raw", "evidence", "outputs", "activations", "logits")
ATTRIBUTES = ("device", "labels", "sides", "engine", "strides", "stride", "needs_nms", "temperature", "average")
WAIT = 0.01  # seconds in which a batch is collected

Outcome = tuple[bool, Any]  # whether a call succeeded, and its result or its error


@dataclass(frozen=True, eq=False)
class Call:
    """A call of one method of a model."""

    method: str
    args: tuple[Any, ...] = field(repr=False)
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class Description:
    """All that an app needs to know of a model that runs elsewhere.

    Attributes:
        kind: Its class.
        methods: Those of `METHODS` that run on the cluster.
        attributes: Those of `ATTRIBUTES` that it has.
    """

    kind: type
    methods: tuple[str, ...]
    attributes: dict[str, Any]


class Replica:
    """The network of one key, deployed by Ray Serve.

    Args:
        key: Key of the model in the registry.
        settings: Batch and number of cores.
    """

    def __init__(self, key: str, settings: Settings) -> None:
        from ray import serve

        os.environ[BACKEND], os.environ[THREADS] = "local", str(settings.cpus)
        from cnn_demo.models import load

        model = load(key)
        # The same engine in all replicas, whenever they were started.
        getattr(model, "wait_for_export", lambda: None)()
        self._model = model

        async def run(calls: list[Call]) -> list[Outcome]:
            return await asyncio.to_thread(run_all, model, calls)

        self._run = serve.batch(max_batch_size=settings.batch, batch_wait_timeout_s=WAIT)(run)

    async def __call__(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outcome:
        """Return the outcome of a method: errors are values, so that Ray does not take them for a broken replica."""
        return await self._run(Call(method, args, kwargs))

    def describe(self) -> Description:
        """Return class, methods and attributes of the network."""
        return describe(self._model)


def describe(model: Model) -> Description:
    """Return class, methods and attributes of a model."""
    # The logits of a segmenter are tensors of torch, which the app would have to import.
    methods = [name for name in METHODS if hasattr(model, name) and (name != "logits" or isinstance(model, Classifier))]
    return Description(
        type(model), tuple(methods), {name: getattr(model, name) for name in ATTRIBUTES if hasattr(model, name)}
    )


def run_all(model: Model, calls: Sequence[Call]) -> list[Outcome]:
    """Return the outcomes of calls, in their order.

    Photos for a classifier are one batch; if that fails, each is tried alone. The calls of other networks run in
    threads: on a GPU, detectors make a batch of them (`cnn_demo.models.batching`), and elsewhere the photos are
    prepared while the network runs.
    """
    if len(calls) > 1 and isinstance(model, Classifier) and all(call.method == "predict" for call in calls):
        succeeded, outcomes = outcome(partial(classify_all, model, calls))
        if succeeded:
            return outcomes
    tasks = [partial(getattr(model, call.method), *call.args, **call.kwargs) for call in calls]
    if len(tasks) == 1:
        return [outcome(tasks[0])]
    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(outcome, tasks))


def classify_all(model: Classifier, calls: Sequence[Call]) -> list[Outcome]:
    """Return the outcomes of `predict` for all photos, in one batch."""
    start = time.perf_counter()
    prepared = [outcome(partial(model.prepare, *call.args, **call.kwargs)) for call in calls]
    good = [picture for succeeded, picture in prepared if succeeded]
    if not good:
        return prepared
    predictions = iter(model.predict_batch(np.stack(good), start))
    return [(True, next(predictions)) if succeeded else (False, error) for succeeded, error in prepared]


def outcome(function: Callable[[], Any]) -> Outcome:
    """Return a function's result, or its error."""
    try:
        return True, function()
    except Exception as error:
        return False, error
