"""Torch weights as files of numbers, loaded into an architecture that is built in code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.specs import ModelSpec, ModelUnavailable
from cnn_demo.models.files.weights import find_weights

if TYPE_CHECKING:
    import torch


def with_weights(spec: ModelSpec, build: Callable[[ModelSpec], torch.nn.Module]) -> torch.nn.Module:
    """Build a network and load its weights from this machine; nothing is downloaded.

    Args:
        spec: Its row; the file is safetensors, or torch's own format, of which only tensors are read.
        build: Makes the network, with numbers drawn by chance. How many batches a batch normalization has counted may
            be missing in the file: that matters to training alone.

    Returns:
        The network in evaluation mode, on the processor.

    Raises:
        ModelUnavailable: If the weights are missing, broken, or of another network.
    """
    found = find_weights(spec.weights)
    if found is None:
        raise ModelUnavailable(f"The weights of “{spec.title}” are not on this machine: {spec.weights} is missing.")
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
    except Exception as error:
        message = f"The weights of “{spec.title}” cannot be read: please replace {spec.weights}."
        raise ModelUnavailable(message) from error
    return network.eval()
