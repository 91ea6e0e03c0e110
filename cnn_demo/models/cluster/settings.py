"""Settings of the cluster: which backend runs the networks, and with how many replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnn_demo import environment
from cnn_demo.environment import setting

IN_PROGRESS = 2  # batches that a replica accepts: while it runs one, it collects the next


def uses_cluster() -> bool:
    """Return whether the networks run on a Ray cluster.

    Raises:
        ValueError: If there is no such backend.
    """
    return setting(environment.BACKEND).lower() == "ray"


@dataclass(frozen=True)
class Settings:
    """Resources of one network on the cluster.

    Attributes:
        min_replicas: Number of processes that are always there.
        max_replicas: Number of processes up to which Ray adds some under load.
        batch: Greatest number of photos in a batch; 1 for no batches.
        queue: Greatest number of requests of one app that wait.
        cpus: Cores of each replica, which are also the threads of its network.
        gpus: Part of a GPU for each replica: 0.25 puts four of them onto one GPU.
    """

    min_replicas: int = 1
    max_replicas: int = 2
    batch: int = 8
    queue: int = 40
    cpus: int = 1
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_replicas <= self.max_replicas:
            raise ValueError(f"There can't be {self.min_replicas} to {self.max_replicas} replicas.")
        if min(self.batch, self.queue, self.cpus) < 1 or not 0 <= self.gpus < math.inf:
            raise ValueError("A batch, a queue and the cores must be at least 1, and the part of a GPU at least 0.")

    @property
    def in_progress(self) -> int:
        """Number of requests that a replica accepts at the same time."""
        return IN_PROGRESS * self.batch

    @property
    def at_once(self) -> int:
        """Number of requests that all replicas together accept at the same time."""
        return self.max_replicas * self.in_progress


def settings_here() -> Settings:
    """Return the settings that the environment names, `CNN_DEMO_REPLICAS=1:4` and so on; `Settings` has the defaults.

    Raises:
        ValueError: If a value is not allowed.
    """
    default = Settings()
    fewest, most = bounds(setting(environment.REPLICAS) or f"{default.min_replicas}:{default.max_replicas}")
    return Settings(
        min_replicas=fewest,
        max_replicas=most,
        batch=int(setting(environment.BATCH) or default.batch),
        queue=int(setting(environment.QUEUE) or default.queue),
        cpus=int(setting(environment.CPUS) or default.cpus),
        gpus=float(setting(environment.GPUS) or default.gpus),
    )


def bounds(text: str) -> tuple[int, int]:
    """Return the fewest and the most replicas of a text such as "1:4", or "2" for always two.

    Raises:
        ValueError: If it is no such text.
    """
    fewest, _, most = text.partition(":")
    if not fewest.isdecimal() or not (most or fewest).isdecimal():
        raise ValueError(f"The number of replicas is a text such as 2 or 1:4, not {text!r}.")
    return int(fewest), int(most or fewest)
