"""Cost of the architectures of segmentation-models-pytorch: parameters, multiply-adds and inference time.

Parameters and multiply-adds are the same on every machine: `architecture_costs.csv` has them, as `cost_of` counts them.
"""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models import frameworks
from cnn_demo.models.segmentation import unets

ENCODERS = {  # name in segmentation-models-pytorch -> title
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet-b0": "EfficientNet-B0",
    "mit_b0": "MiT-B0, SegFormer's own",
}
# DPT requires a vision transformer as encoder.
TRANSFORMER, TRANSFORMER_OPTIONS = "tu-vit_tiny_patch16_224.augreg_in21k", {"dynamic_img_size": True}
REPEATS = 3
SIDES = (128, 256, 512)  # of the images in the file
_COUNTED = Path(__file__).with_name("architecture_costs.csv")


@dataclass(frozen=True)
class Cost:
    """Cost of one network for one image.

    Attributes:
        architecture: A key of `unets.ARCHITECTURES`.
        encoder: Name of its encoder.
        parameters: Number of parameters.
        decoder_parameters: Number of parameters outside the encoder.
        multiply_adds: Number of multiply-adds per image.
        milliseconds: Inference time on this machine, the fastest of several runs; NaN if not measured.
    """

    architecture: str
    encoder: str
    parameters: int
    decoder_parameters: int
    multiply_adds: int
    milliseconds: float


def counted_costs(encoder: str, side: int) -> dict[str, Cost | None]:
    """Return the cost of each architecture but the time, for 21 classes; None for those that cannot be built.

    Args:
        encoder: A key of `ENCODERS`.
        side: One of `SIDES`.
    """
    costs: dict[str, Cost | None] = dict.fromkeys(unets.ARCHITECTURES)
    with _COUNTED.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["encoder"] == encoder:
                name = row["architecture"]
                counts = int(row["parameters"]), int(row["decoder_parameters"]), int(row[f"at_{side}"])
                costs[name] = Cost(name, TRANSFORMER if name == "DPT" else encoder, *counts, float("nan"))
    return costs


def cost_of(architecture: str, encoder: str, side: int, classes: int = 21, device: str = "cpu") -> Cost | None:
    """Build a network with random weights and measure its cost.

    Args:
        architecture: A key of `unets.ARCHITECTURES`.
        encoder: A key of `ENCODERS`; DPT uses `TRANSFORMER` instead.
        side: Height and width of the image, a multiple of 32.
        classes: Number of classes.
        device: Device to run on.

    Returns:
        The cost; None if this architecture cannot be built with this encoder.

    Raises:
        ValueError: If there is no such architecture.
    """
    torch = frameworks.torch()
    options = {}
    if architecture == "DPT":
        encoder, options = TRANSFORMER, TRANSFORMER_OPTIONS
    try:
        network = unets.build(architecture, encoder, classes, **options)
    except (NotImplementedError, RuntimeError, KeyError):  # for example, the encoder lacks a resolution
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
            network(picture)[0, 0, 0, 0].item()  # waits for the result
            times.append(time.perf_counter() - start)
    total = sum(values.numel() for values in network.parameters())
    own = sum(values.numel() for values in network.encoder.parameters())
    multiply_adds = counter.get_total_flops() // 2  # a multiply-add counts as two FLOPs
    return Cost(architecture, encoder, total, total - own, multiply_adds, 1000 * min(times))
