"""The everyday localizer in torch, to be trained; `cnn_demo.models.bundled_networks` has the Keras network."""

from __future__ import annotations

from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import EVERYDAY_CLASSES, NECK_CHANNELS
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.lite.encoder import lite_encoder
from cnn_demo.models.lite.network import HEAD
from training.networks.encoders import CompiledByShape
from training.networks.localizer import Convolution, Heads

torch = frameworks.torch()


class Backbone(nn.Module):
    """Encoder with its last convolution, from pictures to the feature maps of `LocalizerNetwork.features`."""

    def __init__(self, encoder: TorchNetwork) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """From pictures to feature maps."""
        finer, coarse = self.encoder(pictures)[-2:]
        return finer, self.encoder.bn2(self.encoder.conv_head(coarse))


class LocalizerNetwork(nn.Module):
    """Encoder and heads, from pictures (N, 3, S, S) in −1..1 to the outputs of `Heads`."""

    def __init__(self) -> None:
        super().__init__()
        encoder: TorchNetwork = lite_encoder()
        self.encoder = encoder
        self.dropout = nn.Dropout2d(0.1)
        self.neck_coarse = Convolution(HEAD, NECK_CHANNELS, 1)
        self.neck_finer = Convolution(encoder.out_channels[-2], NECK_CHANNELS, 1)
        self.neck_conv = Convolution(NECK_CHANNELS, NECK_CHANNELS, 3)
        self.heads = Heads(HEAD, EVERYDAY_CLASSES, NECK_CHANNELS)
        self.compiled: CompiledByShape | None = None

    def freeze_encoder(self) -> None:
        """Keep the encoder as it is; on a processor, OpenVINO runs it from now on."""
        self.encoder.requires_grad_(False).eval()
        self.compiled = CompiledByShape()

    def train(self, mode: bool = True) -> LocalizerNetwork:
        """Set the mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.compiled:
            self.encoder.eval()
        return self

    def features(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature maps (N, 112, S / 16, S / 16) and (N, 1280, S / 32, S / 32)."""
        backbone = Backbone(self.encoder)
        if self.compiled and pictures.device.type == "cpu":
            finer, maps = self.compiled(backbone.eval, pictures)
            return finer, maps
        return backbone(pictures)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """From pictures to the outputs of `Heads`."""
        finer, maps = self.features(pictures)
        maps = self.dropout(maps)
        enlarged = nn.functional.interpolate(self.neck_coarse(maps), scale_factor=2)
        box_maps = self.neck_conv((enlarged + self.neck_finer(finer)).relu()).relu()  # (N, 128, S / 16, S / 16)
        return self.heads(maps, box_maps)


def average(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of the state dicts of one network, float32; integers are those of the first."""
    return {
        name: torch.stack([state[name].float() for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


def average_encoders(network: TorchNetwork, trained: list[dict[str, Tensor]], imagenet: float) -> None:
    """Load weights, except that the encoder's are averaged with ImageNet's, which the network has, and kept so.

    Args:
        network: A `LocalizerNetwork` whose encoder has ImageNet's weights.
        trained: State dict of another one, and state dicts of other networks with such an encoder.
        imagenet: Fraction of ImageNet's weights in the average, 0 to 1; the others have equal parts of the rest.
    """
    state = network.state_dict()
    for name, value in trained[0].items():
        if name.startswith("encoder.") and value.is_floating_point():
            mean = torch.stack([weights[name].float() for weights in trained]).mean(0)
            state[name] = torch.lerp(mean, state[name], imagenet)
        else:
            state[name] = value
    network.load_state_dict(state)
    network.freeze_encoder()
