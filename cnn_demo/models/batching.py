"""Requests of several visitors for one network, run as one batch: on a GPU a batch costs little more than one photo."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.catalogue.specs import ModelUnavailable

WAIT = 0.010  # seconds in which requests are collected
MAX_BATCH = 16
MAX_WAITING = 64  # requests; each visitor has at most one

Run = Callable[[np.ndarray], tuple[np.ndarray, ...]]


@dataclass(eq=False)
class _Request:
    """A picture (1, ...) and its outputs, or the error of the run."""

    picture: np.ndarray = field(repr=False)
    outputs: tuple[np.ndarray, ...] | None = field(default=None, repr=False)
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.outputs is not None or self.error is not None

    def result(self) -> tuple[np.ndarray, ...]:
        if self.error is not None:
            raise self.error
        return self.outputs or ()


class Batcher:
    """Function of one picture that runs the pictures of all threads within a moment as one batch.

    The first thread to come waits for others, runs the batch and hands out the results; then the first of those that
    came meanwhile does the same. Requests are served in the order in which they come, and a thread has only one at a
    time, so that no visitor waits for another's second request.
    """

    def __init__(
        self, run: Run, wait: float = WAIT, max_batch: int = MAX_BATCH, max_waiting: int = MAX_WAITING
    ) -> None:
        """Create a batcher that is called like `run`.

        Args:
            run: Function from pictures (N, ...) to a tuple of outputs (N, ...). It is called by one thread at a time.
            wait: Seconds to wait for more pictures.
            max_batch: Maximum number of pictures in a batch.
            max_waiting: Maximum number of requests that wait for their turn.
        """
        self.run = run
        self.wait = wait
        self.max_batch = max_batch
        self.max_waiting = max_waiting
        self._changed = threading.Condition()
        self._waiting: list[_Request] = []
        self._is_led = False

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs (1, ...) of a picture (1, ...).

        Raises:
            ModelUnavailable: If too many requests are waiting.
            Exception: The error of `run` for this picture.
        """
        request = _Request(picture)
        with self._changed:
            if len(self._waiting) >= self.max_waiting:
                raise ModelUnavailable("Too many visitors use this network at the moment: please try again shortly.")
            self._waiting.append(request)
            self._changed.notify_all()
            self._changed.wait_for(lambda: request.is_done or not self._is_led)
            if request.is_done:
                return request.result()
            self._is_led = True
        try:
            self._run_batch(request)
        finally:
            with self._changed:
                self._is_led = False
                self._changed.notify_all()
        return request.result()

    def _run_batch(self, first: _Request) -> None:
        """Collect the pictures that have the size of the first one, and run them."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._fitting(first)) >= self.max_batch, self.wait)
            batch = self._fitting(first)
            self._waiting = [request for request in self._waiting if request not in batch]
        try:
            _fill(batch, self.run(np.concatenate([request.picture for request in batch])))
        except Exception as error:  # such as a full memory: each picture alone may still fit
            if len(batch) == 1:
                first.error = error
                return
            for request in batch:
                try:
                    _fill([request], self.run(request.picture))
                except Exception as own:
                    request.error = own

    def _fitting(self, first: _Request) -> list[_Request]:
        """Return the waiting requests of the first one's size, itself at the head."""
        others = [each for each in self._waiting if each is not first and each.picture.shape == first.picture.shape]
        return [first, *others][: self.max_batch]


def _fill(batch: list[_Request], outputs: tuple[np.ndarray, ...]) -> None:
    for index, request in enumerate(batch):
        request.outputs = tuple(output[index : index + 1] for output in outputs)
