"""EfficientNet-Lite0 with its published ImageNet weights, as the encoder of the networks that are trained here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.lite.weights import read_state

torch = frameworks.torch()

FROZEN_BLOCKS = 3  # stages, up to stride 8
KEY, PREFIX = "efficientnet_lite0", "encoder."


def load_encoder(encoder: TorchNetwork, detector: Path | None = None) -> None:
    """Load trained weights into an encoder of timm or segmentation-models-pytorch.

    The published tensors have other names there, but come in the same order; the classifier's last two are left out.

    Args:
        encoder: Module with `conv_stem`, `bn1` and `blocks`, and perhaps the last convolution `conv_head` and `bn2`.
        detector: Weights of the everyday detector, whose encoder this one starts with; None for the ImageNet weights.

    Raises:
        WeightsUnreadable: If the package that carries the ImageNet weights is missing or damaged.
        RuntimeError: If the encoder has tensors of other shapes.
    """
    if detector is None:
        state = dict(zip(encoder.state_dict(), read_state(KEY).values(), strict=False))
    else:
        from safetensors.torch import load_file

        state = {name: value for name, value in load_file(detector).items() if name.startswith(PREFIX)}
        state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    encoder.load_state_dict(state)


def freeze_early_stages(encoder: TorchNetwork) -> None:
    """Keep the stem and the first three stages of an encoder as they are, batch statistics too.

    They work at strides 2 to 8, where a training step costs the most, and detect edges and textures common to all
    photos. While the network trains on a processor, OpenVINO runs them, several times as fast as torch.

    Args:
        encoder: Encoder of segmentation-models-pytorch with `conv_stem`, `bn1` and `blocks`, weights loaded.
    """
    frozen = EarlyStages(encoder.conv_stem, encoder.bn1, encoder.blocks[:FROZEN_BLOCKS])
    frozen.requires_grad_(False)
    encoder.__class__ = type("FrozenEncoder", (_FrozenStages, type(encoder)), {})
    encoder.compiled = CompiledByShape()


class EarlyStages(nn.Module):
    """From pictures (N, 3, H, W) to the feature maps at strides 2, 4 and 8."""

    def __init__(self, conv_stem: nn.Module, bn1: nn.Module, blocks: nn.Sequential) -> None:
        super().__init__()
        self.conv_stem = conv_stem
        self.bn1 = bn1
        self.blocks = blocks

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From pictures to feature maps."""
        half = self.bn1(self.conv_stem(pictures))
        quarter = self.blocks[1](self.blocks[0](half))
        return half, quarter, self.blocks[2](quarter)


class _FrozenStages(nn.Module):
    """The encoder's class once its early stages are frozen; without trainable weights it keeps its batch statistics."""

    conv_stem: nn.Module
    bn1: nn.Module
    blocks: nn.Sequential
    compiled: CompiledByShape

    def early_stages(self) -> EarlyStages:
        return EarlyStages(self.conv_stem, self.bn1, self.blocks[:FROZEN_BLOCKS]).eval()

    def train(self, mode: bool = True) -> _FrozenStages:
        super().train(mode and any(values.requires_grad for values in self.parameters()))
        self.early_stages()  # sets these modules to evaluation mode
        return self

    def forward(self, x: Tensor) -> list[Tensor]:
        if self.training and x.device.type == "cpu":
            maps = self.compiled(self.early_stages, x)
            half, quarter, eighth = (part.contiguous(memory_format=torch.channels_last) for part in maps)
        else:
            half, quarter, eighth = self.early_stages()(x)
        sixteenth = self.blocks[4](self.blocks[3](eighth))
        return [x, half, quarter, eighth, sixteenth, self.blocks[6](self.blocks[5](sixteenth))]


class CompiledByShape:
    """A network in OpenVINO, compiled once for each shape of its input; copies share the compiled network."""

    def __init__(self) -> None:
        self._requests: dict[tuple[int, ...], Any] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledByShape:
        return self

    def __call__(self, build: Callable[[], nn.Module], pictures: Tensor) -> list[Tensor]:
        """Return the outputs, as tensors, of the torch network that `build` returns when it has to be compiled."""
        shape = tuple(pictures.shape)
        if shape not in self._requests:
            self._requests[shape] = compile_fixed(build(), shape)
        outputs = self._requests[shape].infer([pictures.contiguous().numpy()])
        return [torch.from_numpy(outputs[i].copy()) for i in range(len(outputs))]


def compile_fixed(network: nn.Module, shape: tuple[int, ...]) -> Any:
    """Compile a torch network for the processor, for inputs of one shape, and return OpenVINO's inference request."""
    openvino = frameworks.openvino()
    with torch.no_grad():
        model = openvino.convert_model(network, example_input=torch.zeros(shape))
    model.reshape(list(shape))
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
