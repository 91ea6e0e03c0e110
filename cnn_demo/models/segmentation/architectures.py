"""What each architecture of segmentation-models-pytorch costs with one encoder: parameters, multiply-adds, time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cnn_demo.models import frameworks
from cnn_demo.models.segmentation import unets

ENCODERS = {  # name in segmentation-models-pytorch -> title
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet-b0": "EfficientNet-B0",
    "mit_b0": "MiT-B0, SegFormer's own",
}
# DPT reads the tokens of a vision transformer, and takes no other encoder.
TRANSFORMER, TRANSFORMER_OPTIONS = "tu-vit_tiny_patch16_224.augreg_in21k", {"dynamic_img_size": True}
REPEATS = 3


@dataclass(frozen=True)
class Cost:
    """What one network costs for one picture.

    Attributes:
        architecture: A key of `unets.ARCHITECTURES`.
        encoder: What it was built with.
        parameters: How many numbers it learns.
        decoder_parameters: Those of them that are not the encoder's.
        multiply_adds: Of one picture.
        milliseconds: The fastest of some runs, here and now.
    """

    architecture: str
    encoder: str
    parameters: int
    decoder_parameters: int
    multiply_adds: int
    milliseconds: float


def cost_of(architecture: str, encoder: str, side: int, classes: int = 21, device: str = "cpu") -> Cost | None:
    """Build a network with random weights, count, and run it.

    Args:
        architecture: A key of `unets.ARCHITECTURES`.
        encoder: A key of `ENCODERS`; DPT takes `TRANSFORMER` in its place.
        side: Height and width of the picture, a multiple of 32.
        classes: How many the network tells apart.
        device: Where it runs.

    Returns:
        What it costs; None where this architecture cannot be built with this encoder.

    Raises:
        ValueError: If there is no such architecture.
    """
    torch = frameworks.torch()
    options = {}
    if architecture == "DPT":
        encoder, options = TRANSFORMER, TRANSFORMER_OPTIONS
    try:
        network = unets.build(architecture, encoder, classes, **options)
    except (NotImplementedError, RuntimeError, KeyError):  # such as a resolution that this encoder leaves out
        return None
    except ValueError:
        if architecture not in unets.ARCHITECTURES:
            raise
        return None
    network = network.eval().to(device)
    picture = torch.zeros((1, 3, side, side), device=device)
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            network(picture)
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            network(picture)[0, 0, 0, 0].item()  # waits until it is computed
            times.append(time.perf_counter() - start)
    total, own = (sum(p.numel() for p in part.parameters()) for part in (network, network.encoder))
    multiply_adds = counter.get_total_flops() // 2  # it counts a multiplication and an addition as two
    return Cost(architecture, encoder, total, total - own, multiply_adds, 1000 * min(times))
