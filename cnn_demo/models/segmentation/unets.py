"""Segmentation networks of segmentation-models-pytorch, the bundled U-Net, and its intermediate feature maps.

The encoder of a U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597) halves the resolution five times, its
decoder doubles it five times. Four skip connections pass the encoder's feature maps to the decoder stage of the same
resolution; a skip connection is identified by its stride, from 2 (half the resolution) to 16.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.registry import BUNDLED_OPTIONS
from cnn_demo.models.lite.encoder import ENCODER, compute_as_published

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.catalogue.specs import ModelSpec
    from cnn_demo.models.frameworks import TorchNetwork

ARCHITECTURES = {  # name in segmentation-models-pytorch -> title
    "Unet": "U-Net",
    "UnetPlusPlus": "U-Net++",
    "MAnet": "MA-Net",
    "Linknet": "LinkNet",
    "FPN": "FPN",
    "PSPNet": "PSPNet",
    "PAN": "PAN",
    "DeepLabV3": "DeepLabV3",
    "DeepLabV3Plus": "DeepLabV3+",
    "UPerNet": "UPerNet",
    "Segformer": "SegFormer",
    "DPT": "DPT",
}
STEPS = 5  # stages of the encoder and of a whole decoder
SKIPS = (2, 4, 8, 16)  # strides of the skip connections


def build(architecture: str, encoder: str, classes: int, decoder_steps: int = STEPS, **kwargs: Any) -> TorchNetwork:
    """Build a network with random weights; nothing is downloaded.

    Args:
        architecture: A key of `ARCHITECTURES`.
        encoder: Name of the encoder in segmentation-models-pytorch; "tu-NAME" is a timm encoder.
        classes: Number of classes.
        decoder_steps: Number of decoder stages of a U-Net with EfficientNet-Lite. With 3 it predicts at stride 4, and
            its logits are upsampled bilinearly, as those of DeepLabV3+ are.
        **kwargs: Further arguments, such as `decoder_channels`; those unknown to the architecture go to timm's encoder.

    Raises:
        ValueError: If there is no such architecture.
        KeyError: If there is no such encoder.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"There is no architecture {architecture!r}: choose one of {', '.join(ARCHITECTURES)}.")
    create = frameworks.segmentation_models_pytorch().create_model
    network = create(architecture, encoder_name=encoder, encoder_weights=None, classes=classes, **kwargs)
    if encoder == ENCODER:
        compute_as_published(network.encoder)
    if decoder_steps < STEPS:
        torch = frameworks.torch()
        network.decoder.blocks = network.decoder.blocks[:decoder_steps]
        network.segmentation_head = torch.nn.Sequential(
            torch.nn.Conv2d(kwargs["decoder_channels"][decoder_steps - 1], classes, 1),
            torch.nn.Upsample(scale_factor=2 ** (STEPS - decoder_steps), mode="bilinear"),
        )
    return network


def bundled_unet(classes: int, decoder_steps: int = STEPS) -> TorchNetwork:
    """Build the architecture of the bundled U-Nets with random weights.

    It takes (N, 3, H, W) float32 from −1 to 1 (`preprocessing.SCALINGS["tf"]`), of any size, and returns the logits
    (N, classes, H, W).

    Args:
        classes: Number of classes.
        decoder_steps: Number of decoder stages, as in `build`.
    """
    return build("Unet", classes=classes, decoder_steps=decoder_steps, **BUNDLED_OPTIONS)


def skips_of(spec: ModelSpec) -> tuple[int, ...]:
    """Return the strides of the skip connections of a U-Net: without the finest ones if its decoder ends early."""
    options: dict[str, Any] = dict(spec.options)
    steps = options.get("decoder_steps", STEPS)
    return SKIPS[max(0, STEPS - 1 - steps) :]


def feature_maps(network: TorchNetwork, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the feature maps of a U-Net at every resolution, from one forward pass.

    Args:
        network: A U-Net returned by `build`.
        x: (N, 3, H, W) normalized input.

    Returns:
        In the order of computation: "encoder 1/2" to "encoder 1/32", "decoder 1/16" to "decoder 1/1" (or to "decoder
        1/4", if the decoder has three stages), each (N, C, h, w), and "logits" (N, classes, H, W), which are those of
        `network(x)`.
    """
    features = encoded(network, x)
    steps = decoded(network, features)
    maps = {f"encoder 1/{2**depth}": features[depth] for depth in range(1, len(features))}
    maps |= {f"decoder 1/{2 ** (len(features) - 2 - index)}": step for index, step in enumerate(steps)}
    return maps | {"logits": network.segmentation_head(steps[-1])}


def forward_without(network: TorchNetwork, x: torch.Tensor, skips_off: Collection[int]) -> torch.Tensor:
    """Run a trained U-Net with some of its skip connections ablated.

    An ablated skip connection passes the spatial mean of each feature map at every position, and so carries no spatial
    information. Zeros would disturb more: the decoder was trained on feature maps with non-zero means.

    Args:
        network: A U-Net returned by `build`.
        x: (N, 3, H, W) normalized input.
        skips_off: Strides of the skip connections to ablate, from `SKIPS`.

    Returns:
        Logits (N, classes, H, W).

    Raises:
        ValueError: If there is no such skip connection.
    """
    unknown = sorted(set(skips_off) - set(SKIPS))
    if unknown:
        raise ValueError(
            f"There is no skip connection of stride {unknown[0]}: choose from {', '.join(map(str, SKIPS))}."
        )
    features = encoded(network, x)
    for stride in set(skips_off):
        features = without_positions(features, stride)
    return network.segmentation_head(decoded(network, features)[-1])


def without_positions(features: list[torch.Tensor], stride: int) -> list[torch.Tensor]:
    """Replace the encoder's feature maps at one stride, a power of 2, by their spatial means; return a new list."""
    depth = stride.bit_length() - 1
    mean = features[depth].mean((2, 3), keepdim=True).expand_as(features[depth])  # (N, C, h, w)
    return [*features[:depth], mean, *features[depth + 1 :]]


def encoded(network: TorchNetwork, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the input and the encoder's feature maps, each at half the resolution of the previous one."""
    return list(network.encoder(x))


def decoded(network: TorchNetwork, features: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the output of each decoder stage, coarsest first, as in `segmentation_models_pytorch.Unet`."""
    decoder = network.decoder
    step = decoder.center(features[-1])
    steps = []
    for index, block in enumerate(decoder.blocks):
        target = features[-2 - index]
        skip = target if index < STEPS - 1 else None  # the last of five stage has the input's resolution
        step = block(step, *target.shape[2:], skip_connection=skip)
        steps.append(step)
    return steps
