"""Start of networks on a Ray cluster: deployment, and the wait for the first replica, which has an end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_demo.environment import REPLICAS
from cnn_demo.models.catalogue.specs import ModelSpec, ModelUnavailable
from cnn_demo.models.cluster.replica import Replica
from cnn_demo.models.cluster.settings import Settings
from cnn_demo.turns import Busy

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

DEPLOYMENT = "network"
START_LIMIT = 600.0  # seconds for a start: a replica imports its framework and may convert its network
CORE_LIMIT = 90.0  # seconds for which an operator's deployment waits on, once Ray has reported that it finds no core
POLL = 0.3  # seconds between two looks at the state
NO_CORE = "to be scheduled"  # of Ray's message on replicas that have waited for their resources for 30 seconds
_DEPLOYING = threading.Lock()


def submit(spec: ModelSpec, settings: Settings) -> DeploymentHandle:
    """Tell the cluster to run a network with these settings, without waiting for its replicas."""
    from ray import serve

    with _DEPLOYING:
        serve.start(proxy_location="Disabled")  # apps connect by Ray, and no port is opened
        deployment = serve.deployment(Replica).options(
            name=DEPLOYMENT,
            max_ongoing_requests=settings.in_progress,
            max_queued_requests=settings.queue,
            autoscaling_config={
                "min_replicas": settings.min_replicas,
                "max_replicas": settings.max_replicas,
                "target_ongoing_requests": settings.batch,
                "upscale_delay_s": 5,
                "downscale_delay_s": 300,
            },
            ray_actor_options={
                "num_cpus": settings.cpus,
                "num_gpus": settings.gpus,
                "runtime_env": {"env_vars": {"PYTHONPATH": str(Path(__file__).parents[3])}},
            },
        )
        target = serve.RunTarget(deployment.bind(spec.key, settings), name=spec.key, route_prefix=None)
        (handle,) = serve.run_many([target], wait_for_applications_running=False)
    return handle


def wait_for_first_replica(spec: ModelSpec) -> None:
    """Wait, for a visitor, until one replica of a network runs.

    Raises:
        Busy: If Ray finds no free core or GPU for it within 30 seconds, or its start takes longer than `START_LIMIT`.
        ModelUnavailable: If it cannot be started.
    """
    end = time.monotonic() + START_LIMIT
    while not _runs(state := _state_of(spec)):
        if NO_CORE in state.message:
            raise Busy(
                f"The cluster has no free core for “{spec.title}” now: please choose another network, or try again in "
                f"a few minutes. The operator can make room with another machine or fewer replicas ({REPLICAS})."
            )
        if time.monotonic() > end:
            raise Busy(f"“{spec.title}” is still starting on the cluster: please try again in a few minutes.")
        time.sleep(POLL)


def wait_for_all_replicas(spec: ModelSpec) -> None:
    """Wait, for an operator, until all replicas of a network run with its new settings.

    Raises:
        ModelUnavailable: If they do not, within `START_LIMIT`, or within `CORE_LIMIT` after Ray found no core for them.
    """
    end = time.monotonic() + START_LIMIT
    while (state := _state_of(spec)).status != "RUNNING":
        if NO_CORE in state.message:
            end = min(end, time.monotonic() + CORE_LIMIT)
        if time.monotonic() > end:
            reason = "takes too long to start"
            if NO_CORE in state.message:
                reason = "finds no free cores or GPUs for all of its replicas: add a machine, or choose fewer"
            raise ModelUnavailable(f"“{spec.title}” {reason}.")
        time.sleep(POLL)


@dataclass(frozen=True)
class _State:
    """State of a network on the cluster.

    Attributes:
        status: Ray's word for it.
        message: What Ray reports about its replicas.
        running: Number of replicas that answer.
    """

    status: str
    message: str
    running: int


def _runs(state: _State) -> bool:
    return state.running > 0 or state.status == "RUNNING"


def _state_of(spec: ModelSpec) -> _State:
    """Return the state of a network that has been deployed.

    Raises:
        ModelUnavailable: If it could not be started, or is no longer deployed.
    """
    from ray import serve

    application: Any = serve.status().applications.get(spec.key)
    if application is None or application.status == "DEPLOY_FAILED":
        raise ModelUnavailable(f"“{spec.title}” could not be started on the cluster: are its weights there?")
    deployment = application.deployments.get(DEPLOYMENT)
    if deployment is None:  # not yet
        return _State(application.status, application.message, 0)
    return _State(application.status, deployment.message, deployment.replica_states.get("RUNNING", 0))
