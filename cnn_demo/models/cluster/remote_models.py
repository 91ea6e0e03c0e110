"""Models whose network runs on the cluster: `load(key)` returns one of them, and pages use it like any other.

A remote model is an instance of the model's own class. Its predictions are computed on the cluster; so is all that
`replica.METHODS` names. Whatever needs the network itself, such as gradients, feature maps and the features of transfer
learning, loads it into the app's process the first time.
"""

from __future__ import annotations

import threading
from functools import partialmethod
from typing import Any

from cachetools import cached
from cachetools.keys import hashkey

from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.cluster.client import RemoteNetwork
from cnn_demo.models.model import Model


class _Remote:
    """Common base of all remote models; the first of the bases of their classes."""

    spec: ModelSpec
    remote: RemoteNetwork

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that this object lacks from the network in this process, which is loaded if necessary."""
        if name.startswith("__") or name in ("spec", "remote"):
            raise AttributeError(name)
        from cnn_demo.models import load_here

        return getattr(load_here(self.spec.key), name)

    def wait_for_export(self) -> None:
        """Return at once: replicas export their network before they are ready."""

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self.remote.call(method, *args, **kwargs)


def made_remote(spec: ModelSpec, network: RemoteNetwork) -> Model:
    """Return a model whose network is elsewhere.

    Args:
        spec: Its registry entry.
        network: The network on the cluster.
    """
    description = network.describe()
    kind = description.kind
    methods = {name: partialmethod(_Remote._call, name) for name in description.methods}
    # Caches know models by the name of their class, which therefore stays the same.
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    model: Any = object.__new__(type(kind.__name__, (_Remote, kind), names | description.attributes | methods))
    model.spec, model.remote = spec, network
    return model


@cached({}, key=lambda spec: hashkey(spec.key), condition=threading.Condition())
def remote_model(spec: ModelSpec) -> Model:
    """Return the model of a registry entry, with its network on the cluster; the same object for all visitors.

    Raises:
        ModelUnavailable: If there is no cluster, or the network does not start there.
    """
    return made_remote(spec, RemoteNetwork(spec))
