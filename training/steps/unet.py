"""Common parts of the U-Net trainings: batches, the loss, and the metrics for the log."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn
from torch import device as torch_device

from cnn_demo.drawing.pictures import reduced
from cnn_demo.models import frameworks
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.segmentation.metrics import IGNORED, MaskScores, score_masks
from cnn_demo.models.segmentation.unets import STEPS, bundled_unet
from training.data.masks import MaskedPhoto
from training.networks.encoders import freeze_early_stages, load_encoder
from training.steps.loop import Recipe, options_of
from training.steps.precision import autocast

torch = frameworks.torch()

COARSE_STEPS = 3  # decoder stages up to stride 4: the last two cost three times as much as all before them
HEAD = "segmentation_head."
SAMPLED = 2  # every second row and column count in the loss


def read_unet_options(recipe: Recipe, description: str, **defaults: int) -> tuple[argparse.Namespace, Recipe]:
    """Read the arguments of a U-Net's training, and return them with the recipe of its stage.

    Args:
        recipe: Recipe of the whole network's training.
        description: The program's.
        **defaults: Of `loop.options_of`.
    """
    parser = options_of(recipe, description, **defaults)
    parser.add_argument("--coarse", action="store_true", help="train up to stride 4 only, in a third of the time")
    parser.add_argument("--from-coarse", type=Path, metavar="FILE", help="go on from the weights of such a training")
    options = parser.parse_args()
    if options.coarse:
        recipe = replace(recipe, name=f"{recipe.name}_coarse")
        options.out = options.out.with_name(f"{options.out.name}_coarse")
    return options, recipe


def new_network(
    labels: tuple[str, ...],
    device: str,
    *,
    encoder: Path | None = None,
    decoder_steps: int = STEPS,
    from_coarse: Path | None = None,
):
    """Build a bundled U-Net for these classes, on its device and channels last in memory.

    The early stages of its encoder are frozen; its decoder starts with random weights.

    Args:
        labels: Names of the classes.
        device: "cpu" or "cuda".
        encoder: Weights of the everyday detector, whose encoder initializes this one; None for the ImageNet weights.
        decoder_steps: Number of decoder stages, as in `unets.build`. With 3, logits stay at stride 4 in training mode.
        from_coarse: Weights of a U-Net whose decoder ends early, to start from.
    """
    network = bundled_unet(len(labels), decoder_steps)
    load_encoder(network.encoder, encoder)
    if from_coarse:
        load_coarse(network, from_coarse)
    freeze_early_stages(network.encoder)
    if decoder_steps < STEPS:
        network.segmentation_head[1] = EvaluationUpsample(scale_factor=2 ** (STEPS - decoder_steps), mode="bilinear")
    return network.to(device, memory_format=torch.channels_last)


class EvaluationUpsample(nn.Upsample):
    """Upsampling in evaluation mode alone: the loss needs no logits between those that were computed."""

    def forward(self, logits: Tensor) -> Tensor:
        """Return the logits of the whole picture, or `logits` themselves in training mode."""
        return logits if self.training else super().forward(logits)


def load_coarse(network: TorchNetwork, path: Path) -> None:
    """Load the encoder and decoder stages of a U-Net whose decoder ends early into a whole U-Net.

    Its last stages and its head keep their random weights.

    Raises:
        RuntimeError: If the file has other tensors than these.
    """
    from safetensors.torch import load_file

    coarse = {name: value for name, value in load_file(path).items() if not name.startswith(HEAD)}
    network.load_state_dict(network.state_dict() | coarse)


def batch_of(views: list[tuple[np.ndarray, np.ndarray]], device: str) -> dict:
    """Make a batch of views, each pixels (H, W, 3) uint8 and classes (H, W) uint8.

    Returns:
        `images` (N, 3, H, W) float32 as the network takes them, channels last in memory; `classes` (N, H, W) int64.
    """
    pixels, classes = (np.stack(part) for part in zip(*views, strict=True))
    return {"images": as_input(pixels, device), "classes": torch.from_numpy(classes).to(device).long()}


def as_input(pixels: np.ndarray, device: str | torch_device) -> Tensor:
    """Convert pictures (N, H, W, 3) uint8 to the input of the bundled U-Nets."""
    return torch.from_numpy(SCALINGS["tf"].apply(pixels)).to(device).permute(0, 3, 1, 2)


def class_weights(photos: list[MaskedPhoto], classes: int) -> np.ndarray:
    """Return how much a pixel of each class counts, (C,) float32: more, the fewer pixels a class has.

    The root of the median frequency over its own: half of the balance, in logarithms, of Eigen & Fergus, "Predicting
    depth, surface normals and semantic labels" (2015), https://arxiv.org/abs/1411.4734, which makes a pole's pixel
    count thirty times a road's, and poles of whatever is upright.
    """
    pixels = np.zeros(classes, np.int64)
    for photo in photos:
        pixels += np.bincount(photo.mask[photo.mask != IGNORED], minlength=classes)
    return np.sqrt(np.median(pixels) / np.maximum(pixels, 1)).astype(np.float32)


def mask_loss(weights: np.ndarray | None = None) -> Callable[..., Tensor]:
    """Return a function of (network, batch): cross-entropy and Dice loss, each a mean over classes or pixels, times N.

    The Dice loss (Milletari et al., "V-Net" (2016), https://arxiv.org/abs/1606.04797) counts each class alike, however
    few its pixels. The network computes in `autocast`, the loss in float32.

    Args:
        weights: (C,) of the cross-entropy, which is a weighted mean; None for 1 each.
    """
    losses = frameworks.segmentation_models_pytorch().losses
    dice = losses.DiceLoss("multiclass", from_logits=True, ignore_index=IGNORED)

    def loss_of(network: TorchNetwork, batch: dict[str, Tensor]) -> Tensor:
        with autocast(batch["images"].device.type, depthwise=True):
            logits = network(batch["images"])
        logits, classes = sampled(logits.float(), batch["classes"])
        scale = None if weights is None else torch.from_numpy(weights).to(logits.device)
        counted = classes[classes != IGNORED]
        count = len(counted) if scale is None else float(scale[counted].sum())
        crossed = torch.nn.functional.cross_entropy(logits, classes, scale, ignore_index=IGNORED, reduction="sum")
        crossed = crossed / max(count, 1e-6)  # a mean over no pixel would be no number
        return len(classes) * (crossed + dice(logits, classes))

    return loss_of


def sampled(logits: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and classes that the loss is computed of: a quarter of all pixels, in a random grid.

    Neighbours have nearly the same loss, and twenty classes at every pixel cost as much as the network's last step.

    Args:
        logits: (N, C, H, W), or (N, C, H / 4, W / 4).
        classes: (N, H, W).
    """
    stride = classes.shape[1] // logits.shape[2]
    if stride > 1:
        return logits, classes[:, stride // 2 :: stride, stride // 2 :: stride]
    row, column = torch.randint(SAMPLED, (2,)).tolist()
    return logits[..., row::SAMPLED, column::SAMPLED], classes[:, row::SAMPLED, column::SAMPLED]


def measured(
    network: TorchNetwork, photos: list[MaskedPhoto], labels: tuple[str, ...], side: int | None = None
) -> MaskScores:
    """Return the scores of the network on whole photos, for the log; `training.evaluate` measures the bundled one.

    Args:
        network: A U-Net.
        photos: Validation photos.
        labels: The classes.
        side: Maximum longer side of the photos in pixels; None keeps their size.
    """
    network.eval()
    device = next(network.parameters()).device
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    for photo in photos:
        with torch.no_grad(), autocast(device.type, depthwise=True):
            pixels = photo.pixels if side is None else reduced(photo.pixels, side)
            logits = network(as_input(pixels[None], device)).float()
        logits = torch.nn.functional.interpolate(logits, photo.mask.shape, mode="bilinear")
        prediction = logits.argmax(1)[0].cpu().numpy()
        confusion += score_masks(prediction, photo.mask, len(labels)).confusion
    return MaskScores(confusion)


def foreground_iou(confusion: np.ndarray) -> float:
    """Return the IoU of the foreground: all classes but 0 as one.

    Args:
        confusion: (C, C) pixels, row the true class, column the predicted one.
    """
    both = confusion[1:, 1:].sum()
    return float(both / max(1, confusion.sum() - confusion[0, 0]))
