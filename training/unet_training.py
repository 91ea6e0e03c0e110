"""What the trainings of the two bundled U-Nets share: batches, the loss, and the figures for the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnn_demo.drawing import reduced
from cnn_demo.models import frameworks
from cnn_demo.models.mask_scores import IGNORED, MaskScores, score_masks
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.unets import bundled_unet
from training.encoders import freeze_early_stages, load_encoder
from training.masks import MaskedPhoto
from training.precision import autocast

torch = frameworks.torch()


def new_network(labels: tuple[str, ...], device: str, detector: Path | None = None):
    """Build a bundled U-Net for these classes, on its device and channels last in memory.

    The early stages of its encoder stay as they are; its decoder starts with random weights.

    Args:
        labels: Names of the classes.
        device: "cpu" or "cuda".
        detector: Weights of the everyday detector, whose encoder this one starts with; None for the ImageNet weights.
    """
    network = bundled_unet(len(labels))
    load_encoder(network.encoder, detector)
    freeze_early_stages(network.encoder)
    return network.to(device, memory_format=torch.channels_last)


def batch_of(views: list[tuple[np.ndarray, np.ndarray]], device: str) -> dict:
    """Make a batch of views, each pixels (H, W, 3) uint8 and classes (H, W) uint8.

    Returns:
        `images` (N, 3, H, W) float32 as the network takes them, channels last in memory; `classes` (N, H, W) int64.
    """
    pixels, classes = (np.stack(part) for part in zip(*views, strict=True))
    return {"images": as_input(pixels, device), "classes": torch.from_numpy(classes).to(device).long()}


def as_input(pixels: np.ndarray, device: str):
    """From pictures (N, H, W, 3) uint8 to what the bundled U-Nets take."""
    return torch.from_numpy(SCALINGS["tf"].apply(pixels)).to(device).permute(0, 3, 1, 2)


def class_weights(photos: list[MaskedPhoto], classes: int) -> np.ndarray:
    """Return how much a pixel of each class counts, (C,) float32: more, the fewer pixels a class has.

    The root of the median frequency over its own: half of the balance, in logarithms, of Eigen & Fergus, "Predicting
    depth, surface normals and semantic labels" (2015), https://arxiv.org/abs/1411.4734, which makes a pole's pixel
    count thirty times a road's, and poles of whatever is upright.
    """
    pixels = sum(np.bincount(photo.mask[photo.mask != IGNORED], minlength=classes) for photo in photos)
    return np.sqrt(np.median(pixels) / np.maximum(pixels, 1)).astype(np.float32)


def mask_loss(weights: np.ndarray | None = None) -> Callable:
    """Return a function of (network, batch): cross-entropy and Dice loss, each a mean over classes or pixels, times N.

    The Dice loss (Milletari et al., "V-Net" (2016), https://arxiv.org/abs/1606.04797) counts each class alike, however
    few its pixels. The network computes in `autocast`, the loss in float32.

    Args:
        weights: (C,) of the cross-entropy, which is a weighted mean; None for 1 each.
    """
    losses = frameworks.segmentation_models_pytorch().losses
    dice = losses.DiceLoss("multiclass", from_logits=True, ignore_index=IGNORED)

    def loss_of(network, batch: dict):
        with autocast(batch["images"].device.type, depthwise=True):
            logits = network(batch["images"])
        logits, classes = logits.float(), batch["classes"]
        scale = None if weights is None else torch.from_numpy(weights).to(logits.device)
        counted = classes[classes != IGNORED]
        count = len(counted) if scale is None else float(scale[counted].sum())
        crossed = torch.nn.functional.cross_entropy(logits, classes, scale, ignore_index=IGNORED, reduction="sum")
        crossed = crossed / max(count, 1e-6)  # a mean over no pixel would be no number
        return len(classes) * (crossed + dice(logits, classes))

    return loss_of


def measured(network, photos: list[MaskedPhoto], labels: tuple[str, ...], side: int | None = None) -> MaskScores:
    """Return the scores of the network on whole photos, for the log; `training.evaluate` measures what is bundled.

    Args:
        network: A U-Net.
        photos: To measure on.
        labels: The classes.
        side: What the photos' longer side has at most; as large as they are where it is not given.
    """
    network.eval()
    device = next(network.parameters()).device
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    for photo in photos:
        with torch.no_grad(), autocast(device.type, depthwise=True):
            pixels = photo.pixels if side is None else reduced(photo.pixels, side)
            logits = network(as_input(pixels[None], device)).float()
        logits = torch.nn.functional.interpolate(logits, photo.mask.shape, mode="bilinear")
        answer = logits.argmax(1)[0].cpu().numpy()
        confusion += score_masks(answer, photo.mask, len(labels)).confusion
    return MaskScores(confusion)


def foreground_iou(confusion: np.ndarray) -> float:
    """Return the IoU of whatever is not class 0, whichever class it is taken for.

    Args:
        confusion: (C, C) pixels, row the true class, column the answered one.
    """
    both = confusion[1:, 1:].sum()
    return float(both / max(1, confusion.sum() - confusion[0, 0]))
