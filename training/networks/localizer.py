"""The localizer in torch, to be trained: the function of `cnn_demo.models.bundled_networks.caltech_localizer`.

Training runs in torch, which is several times as fast on a CPU with few cores and on any GPU; `to_keras` then folds the
batch normalizations into the convolutions and hands all over to the Keras network that the app predicts with. Modules
are named as its layers are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import LOCALIZER_BOX_CHANNELS, LOCALIZER_CLASSES, LOCALIZER_STAGES

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.frameworks import TorchNetwork

torch = frameworks.torch()

EPSILON = 1e-3  # Keras's
FORGET = 0.02  # momentum of the running statistics: fraction that each batch replaces
START = (0.3, 0.3, 0.3, 0.3, 0.0)  # initially, every cell predicts a box of side 0.6 around itself


class Convolution(nn.Module):
    """A convolution with zero padding as Keras pads, "same", and batch normalization."""

    def __init__(self, inputs: int, filters: int, size: int, stride: int = 1, *, last_of_block: bool = False) -> None:
        super().__init__()
        before = max(size - stride, 0) // 2
        after = max(size - stride, 0) - before  # Keras pads more below and to the right
        self.padding = (before, after, before, after) if after > before else (0, 0, 0, 0)
        own_padding = before if after == before else 0  # without a padded copy of the maps
        self.conv = nn.Conv2d(inputs, filters, size, stride, own_padding, bias=False)
        self.norm = nn.BatchNorm2d(filters, EPSILON, FORGET)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        if last_of_block:
            nn.init.zeros_(self.norm.weight)  # the block begins as the identity (Goyal et al. 2017)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Return the running mean and variance of the normalization, (filters,) each."""
        mean = self.norm.running_mean
        variance = self.norm.running_var
        assert mean is not None  # only in a layer that does not track them
        assert variance is not None
        return mean, variance

    def forward(self, x: Tensor) -> Tensor:
        """From (N, C, h, w) to (N, filters, h / stride, w / stride)."""
        return self.norm(self.conv(nn.functional.pad(x, self.padding) if any(self.padding) else x))


class Trunk(nn.Module):
    """Residual blocks after a 5 × 5 stem, from pictures (N, 3, S, S) to feature maps.

    Args:
        stages: Channels, number of blocks, and stride of the first block of each stage.
        stride: Stride of the stem.
    """

    def __init__(self, stages: tuple[tuple[int, int, int], ...], stride: int) -> None:
        super().__init__()
        self.blocks: list[str] = []
        channels = stages[0][0]
        self.stem = Convolution(3, channels, 5, stride)
        for filters, blocks, first_stride in stages:
            for block in range(blocks):
                stride = first_stride if block == 0 else 1
                self.blocks.append(name := f"block{len(self.blocks) + 1}")
                self.add_module(f"{name}_conv1", Convolution(channels, filters, 3, stride))
                self.add_module(f"{name}_conv2", Convolution(filters, filters, 3, last_of_block=True))
                if stride > 1 or channels != filters:
                    self.add_module(f"{name}_shortcut", Convolution(channels, filters, 1, stride))
                channels = filters

    def forward(self, x: Tensor) -> Tensor:
        """From pictures to feature maps."""
        x = self.stem(x).relu()
        for name in self.blocks:
            y = getattr(self, f"{name}_conv1")(x).relu()
            shortcut = getattr(self, f"{name}_shortcut", None)
            x = (getattr(self, f"{name}_conv2")(y) + (shortcut(x) if shortcut else x)).relu()
        return x


class Heads(nn.Module):
    """The class head and the box head, as `cnn_demo.models.bundled_networks.localizer_heads` describes them."""

    def __init__(self, channels: int, classes: int = LOCALIZER_CLASSES, box_channels: int | None = None) -> None:
        super().__init__()
        self.logits = nn.Linear(channels, classes)
        self.box_conv1 = Convolution(box_channels or channels, LOCALIZER_BOX_CHANNELS, 1)
        self.box_conv2 = Convolution(LOCALIZER_BOX_CHANNELS, LOCALIZER_BOX_CHANNELS, 3)
        self.box_places = nn.Conv2d(LOCALIZER_BOX_CHANNELS, len(START), 1)
        nn.init.xavier_uniform_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)
        nn.init.normal_(self.box_places.weight, std=0.01)
        self.box_places.bias = nn.Parameter(torch.tensor(START))

    def forward(self, maps: Tensor, box_maps: Tensor | None = None) -> dict[str, Tensor]:
        """From feature maps (N, C, h, w) to `logits` (N, 4), `box` (N, 4), `votes` (N, h, w, 4), `attention` (N, h, w).

        `box_maps`, if given, are the feature maps of the box head, and the votes have their height and width.
        """
        y = self.box_conv2(self.box_conv1(maps if box_maps is None else box_maps).relu()).relu()
        with torch.autocast(maps.device.type, enabled=False):  # the predictions need float32
            logits = self.logits(maps.float().mean((2, 3)))  # (N, C, h, w) -> (N, C) -> (N, classes)
            predicted = self.box_places(y.float()).permute(0, 2, 3, 1)  # (N, 5, h, w) -> (N, h, w, 5)
            _, height, width, _ = predicted.shape
            down = (torch.arange(height, device=predicted.device) + 0.5) / height
            across = (torch.arange(width, device=predicted.device) + 0.5) / width
            rows, columns = torch.meshgrid(down, across, indexing="ij")
            centres = torch.stack([columns, rows, columns, rows], -1)  # (h, w, 4)
            votes = predicted[..., :4] * predicted.new_tensor([-1, -1, 1, 1]) + centres  # (N, h, w, 4)
            attention = predicted[..., 4].flatten(1).softmax(1)  # (N, h·w)
            box = (attention[..., None] * votes.flatten(1, 2)).sum(1)  # (N, h·w, 4) -> (N, 4)
        return {"logits": logits, "box": box, "votes": votes, "attention": attention.reshape(-1, height, width)}


class LocalizerNetwork(nn.Module):
    """Trunk and heads, from pictures (N, 3, S, S) in −1..1 to the outputs of `Heads`."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(LOCALIZER_STAGES, 2)
        self.heads = Heads(LOCALIZER_STAGES[-1][0])

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """From pictures to the outputs of `Heads`."""
        return self.heads(self.trunk(pictures))


def as_tensor(values: np.ndarray, device: str) -> Tensor:
    """From (N, h, w, C), as Keras has it, to a float32 tensor (N, C, h, w) that keeps that order in memory."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device).permute(0, 3, 1, 2)


def predict_in_batches(
    network: nn.Module, inputs: np.ndarray, batch: int = 64, *, bfloat16: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, 4) and boxes (N, 4) of inputs (N, h, w, C), normalized as at prediction time."""
    device = next(network.parameters()).device.type
    was_training = network.training
    network.eval()
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=bfloat16):
        outputs = [network(as_tensor(inputs[i : i + batch], device)) for i in range(0, len(inputs), batch)]
    network.train(was_training)
    logits = torch.cat([out["logits"] for out in outputs])
    boxes = torch.cat([out["box"] for out in outputs])
    return logits.cpu().numpy(), boxes.cpu().numpy()


def from_keras(deployed: keras.Model, trained: TorchNetwork, pictures: Tensor) -> None:
    """Set the weights of a torch network from a Keras network: the inverse of `to_keras`.

    Folding has lost each normalization's statistics: they are measured anew on pictures. Kernels get back the size
    that they are drawn with, because how fast they learn depends on it.

    Args:
        deployed: The Keras network, without batch normalization.
        trained: A `LocalizerNetwork`.
        pictures: (N, 3, S, S) float32 network inputs.
    """
    layers = {layer.name: layer.get_weights() for layer in deployed.layers if layer.weights}
    sums: dict[Convolution, tuple[Tensor, Tensor]] = {}
    hooks = []
    for path, part in trained.named_modules():
        weights = layers.get(path.rpartition(".")[2])
        if not weights:
            continue
        kernel, bias = (torch.from_numpy(values) for values in weights)
        kernel = kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T  # (kh, kw, in, out) -> (out, in, kh, kw)
        if isinstance(part, Convolution):
            part.conv.weight.data.copy_(kernel)
            part.norm.weight.data.fill_(1)
            part.norm.bias.data.copy_(bias)
            running_mean, running_var = part.statistics()
            running_mean.zero_()
            running_var.fill_(1 - EPSILON)
            hooks.append(part.conv.register_forward_hook(partial(_keep_moments, sums, part)))
        else:
            part.weight.data.copy_(kernel)
            part.bias.data.copy_(bias)
    trained.eval()
    with torch.no_grad():
        trained(pictures)
        for hook in hooks:
            hook.remove()
        for part, (mean, variance) in sums.items():
            kernel = part.conv.weight
            drawn = (2 / kernel[0].numel()) ** 0.5  # He et al. 2015
            gain = drawn / kernel.flatten(1).std(1).clamp(min=1e-6)
            part.conv.weight.mul_(gain[:, None, None, None])
            running_mean, running_var = part.statistics()
            running_mean.copy_(gain * mean)
            running_var.copy_(gain**2 * variance)
            part.norm.weight.copy_((running_var + EPSILON).sqrt() / gain)
            part.norm.bias.add_(mean)
    trained.train()


def _keep_moments(
    sums: dict[Convolution, tuple[Tensor, Tensor]],
    part: Convolution,
    _layer: nn.Module,
    _inputs: tuple[Tensor, ...],
    outputs: Tensor,
) -> None:
    sums[part] = outputs.mean((0, 2, 3)), outputs.var((0, 2, 3))


def to_keras(trained: TorchNetwork, deployed: keras.Model) -> None:
    """Set the weights of a Keras network so that it computes the same as the torch network in evaluation mode.

    Args:
        trained: A `LocalizerNetwork` or `Heads`.
        deployed: The Keras network with layers of the same names, without batch normalization; others stay as they are.
    """
    parts = {path.rpartition(".")[2]: module for path, module in trained.named_modules()}
    for layer in deployed.layers:
        part = parts.get(layer.name)
        if part is None or not layer.weights:
            continue
        if isinstance(part, Convolution):
            running_mean, running_var = part.statistics()
            scale = part.norm.weight / torch.sqrt(running_var + EPSILON)
            weight = part.conv.weight * scale[:, None, None, None]
            bias = part.norm.bias - running_mean * scale
        else:
            weight, bias = part.weight, part.bias
        order = (2, 3, 1, 0) if weight.ndim == 4 else (1, 0)
        layer.set_weights([weight.detach().cpu().permute(order).numpy(), bias.detach().cpu().numpy()])
