"""The CIFAR-10 network in torch, to be trained: the function of `cnn_demo.models.bundled_networks.cifar10_cnn`.

`training.networks.localizer` has the functions that exchange weights with the Keras network.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import CIFAR10_STAGES
from training.networks.localizer import EPSILON, Trunk, as_tensor

torch = frameworks.torch()


class Cifar10Network(nn.Module):
    """Residual blocks and a dense layer, from images (N, 3, 32, 32) in −1..1 to logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(CIFAR10_STAGES, 1)
        self.logits = nn.Linear(CIFAR10_STAGES[-1][0], 10)

    def forward(self, images: Tensor) -> Tensor:
        """From images to logits."""
        return self.logits(self.trunk(images).mean((2, 3)))


def predict_logits(network: nn.Module, inputs: np.ndarray, batch: int = 100) -> np.ndarray:
    """Return the logits (N, 10) of inputs (N, 32, 32, 3), normalized as at prediction time."""
    device = next(network.parameters()).device.type
    was_training = network.training
    network.eval()
    with torch.no_grad():
        parts = [network(as_tensor(inputs[at : at + batch], device)) for at in range(0, len(inputs), batch)]
    network.train(was_training)
    return torch.cat(parts).cpu().numpy()


def first_kernels(network: Cifar10Network) -> np.ndarray:
    """Return the first layer's kernels (5, 5, 3, 32) float16, with the normalization after them folded in."""
    stem = network.trunk.stem
    _, variance = stem.statistics()
    kernels = stem.conv.weight * (stem.norm.weight / torch.sqrt(variance + EPSILON))[:, None, None, None]
    return kernels.detach().cpu().permute(2, 3, 1, 0).numpy().astype(np.float16)
