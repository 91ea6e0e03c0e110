"""Loading of torch weights into architectures built in code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.specs import ModelSpec, unreadable_weights

if TYPE_CHECKING:
    from cnn_demo.models.frameworks import TorchNetwork


def with_weights(spec: ModelSpec, build: Callable[[ModelSpec], TorchNetwork]) -> TorchNetwork:
    """Build a network and load locally available weights; nothing is downloaded.

    Args:
        spec: Its registry entry; the file is safetensors, or a torch checkpoint, which is read with
            `weights_only=True`.
        build: Function that builds the network with random weights. `num_batches_tracked` of batch normalizations may
            be missing in the file: it is only used in training.

    Returns:
        The network in evaluation mode, on the CPU.

    Raises:
        ModelUnavailable: If the weights are missing, broken, or do not fit the network.
    """
    found = spec.weights_file()
    torch = frameworks.torch()
    network = build(spec)
    own = network.state_dict()
    counters = {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
    try:
        if found.path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(found.path)
        else:
            state = torch.load(found.path, map_location="cpu", weights_only=True)
        network.load_state_dict(counters | state)
    except MemoryError:
        raise
    except Exception as error:  # whatever unpickling finds in a damaged file
        raise unreadable_weights(spec) from error
    return network.eval()
