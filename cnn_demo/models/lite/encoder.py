"""EfficientNet-Lite as an encoder of torch networks, equivalent to the published classifier.

segmentation-models-pytorch builds the architecture, but pads symmetrically and normalizes with another epsilon: with
the published weights it then classifies 79 of 100 photos of ImageNet correctly, as published 88.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import torch

ENCODER = "timm-tf_efficientnet_lite0"
EPSILON = 1e-3  # of the batch normalizations, as in TensorFlow


def lite_encoder() -> torch.nn.Module:
    """Build the encoder of EfficientNet-Lite0 with random weights; nothing is downloaded.

    Returns:
        A module from (N, 3, H, W), sides multiples of 32, to six tensors: the input, and feature maps at strides 2, 4,
        8, 16 and 32 with 32, 24, 40, 112 and 320 channels.
    """
    smp = frameworks.segmentation_models_pytorch()
    return compute_as_published(smp.encoders.get_encoder(ENCODER, weights=None))


def compute_as_published(encoder: torch.nn.Module) -> torch.nn.Module:
    """Set TensorFlow's padding and epsilon in an encoder of segmentation-models-pytorch, in place; return it."""
    torch = frameworks.torch()
    from timm.layers import Conv2dSame

    for parent in list(encoder.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.eps = EPSILON
            elif isinstance(layer, torch.nn.Conv2d) and layer.stride == (2, 2):
                same = Conv2dSame(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    layer.stride,
                    groups=layer.groups,
                    bias=layer.bias is not None,
                )
                same.load_state_dict(layer.state_dict())
                setattr(parent, name, same)
    return encoder
