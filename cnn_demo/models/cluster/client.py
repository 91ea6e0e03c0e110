"""Calls of networks on a Ray cluster, by the app. Ray chooses the replica, queues the calls and makes batches.

Predictions change nothing, so a call whose replica dies is made again, on another one. Ray is imported here and in
`replica`, within functions: it is not one of the app's requirements, but of `requirements-scale.txt`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from cnn_demo.models.catalogue.specs import ModelSpec, ModelUnavailable
from cnn_demo.models.cluster.replica import Description
from cnn_demo.models.cluster.settings import Settings, settings_here
from cnn_demo.models.cluster.starting import submit, wait_for_all_replicas, wait_for_first_replica
from cnn_demo.turns import Busy

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

NAMESPACE = "cnn_demo"
ATTEMPTS = 6  # of one call; between them a replica that died is replaced
FIRST_PAUSE = 0.25  # seconds, doubled after each attempt
PATIENCE = 180.0  # seconds for one call
TRY_AGAIN = 30.0  # seconds after which a cluster that was not reached is tried again
_LATER = [0.0]  # time of the next try
_CONNECTING = threading.Lock()


def connect() -> None:
    """Connect this process to the cluster that `RAY_ADDRESS` names, or to the one on this machine.

    Raises:
        ModelUnavailable: If Ray is not installed, or there is no cluster: for a while without another try, since each
            takes half a minute.
    """
    with _CONNECTING:
        try:
            import ray
        except ImportError as error:
            raise ModelUnavailable(
                "Ray is not installed: please install requirements-scale.txt, or unset CNN_DEMO_BACKEND."
            ) from error
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        if ray.is_initialized():
            return
        if time.monotonic() < _LATER[0]:
            raise _unreachable()
        try:
            address = os.environ.get("RAY_ADDRESS", "auto")
            ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.WARNING)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            _LATER[0] = time.monotonic() + TRY_AGAIN
            hint = (
                "Ray does not answer at %s: is it started, and are RAY_ADDRESS and RAY_AUTH_MODE those of the cluster?"
            )
            logging.getLogger(__name__).warning(hint, address, exc_info=error)
            raise _unreachable() from error


def _unreachable() -> ModelUnavailable:
    return ModelUnavailable("The networks run on a cluster, which cannot be reached now: please try again in a minute.")


def deploy(spec: ModelSpec, settings: Settings) -> DeploymentHandle:
    """Start the replicas of a network, or change their number, and wait until they are ready.

    Raises:
        ModelUnavailable: If there is no cluster, or the network does not start there.
    """
    connect()
    handle = submit(spec, settings)
    wait_for_all_replicas(spec)
    return handle


def handle_of(spec: ModelSpec) -> DeploymentHandle:
    """Return the handle of a network, which is deployed with the settings of the environment if it is not there.

    Raises:
        ModelUnavailable: If there is no cluster, or the network does not start there; `Busy` if the cluster is full.
    """
    connect()
    from ray import serve
    from ray.serve.exceptions import RayServeException

    try:
        handle = serve.get_app_handle(spec.key)
    except RayServeException:  # it is not there, or nothing is
        handle = submit(spec, settings_here())
    wait_for_first_replica(spec)
    return handle


class RemoteNetwork:
    """One network on the cluster; thread-safe.

    Args:
        spec: Its registry entry.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._handle = handle_of(spec)

    def describe(self) -> Description:
        """Return class, methods and attributes of the model."""
        return self._tried(self._handle.describe)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return the result of a method of the model.

        Raises:
            Busy: If too many calls are waiting, or it took longer than `PATIENCE`.
            ModelUnavailable: If no replica answers.
            Exception: Whatever the method raises.
        """
        succeeded, result = self._tried(self._handle, method, args, kwargs)
        if not succeeded:
            raise result
        return result

    def _tried(self, function: Any, *args: Any) -> Any:
        died, overloaded = _errors()
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                return function.remote(*args).result(timeout_s=PATIENCE)
            except overloaded as error:
                raise Busy.behind(error.args[0]) from error
            except TimeoutError as error:
                raise Busy("The network took too long: please try again in a minute.") from error
            except died:
                logging.getLogger(__name__).warning("A replica of %s died during a call", self._spec.key)
        raise ModelUnavailable(f"“{self._spec.title}” does not answer at the moment: please try again in a minute.")


@cache
def _errors() -> tuple[tuple[type[Exception], ...], type[Exception]]:
    """Return Ray's errors for a replica that died, and the one for a full queue."""
    from ray.exceptions import ActorUnavailableError, RayActorError, WorkerCrashedError
    from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError

    return (RayActorError, ActorUnavailableError, WorkerCrashedError, ReplicaUnavailableError), BackPressureError
