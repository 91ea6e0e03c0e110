"""Fit of the everyday localizer's class head to whole photos, after its encoder has been trained."""

import numpy as np
from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.frameworks import TorchNetwork
from training.data.everyday import NOTHING, EverydayPhoto, main_object
from training.data.placement import squash
from training.steps.unet import as_input

torch = frameworks.torch()

PRIOR = 0.1  # probability of nothing that the fitted class head is for
FITS = 6  # of the class head, whose average is bundled: the order of the photos changes a fit by a percent
FEATURE_DROPOUT = 0.3  # of the averaged feature maps that the class head is fitted to


def fit_class_head(
    network: TorchNetwork, photos: list[EverydayPhoto], nothing: list[np.ndarray], side: int, epochs: int = 20
) -> None:
    """Fit the class head by logistic regression, on the averaged feature maps of a frozen encoder.

    Photos are shown whole, and mirrored too. Pictures of nothing are more frequent among them than visitors' photos
    of nothing: the bias of "nothing" makes up for it. The result is the average of `FITS` fits.

    Args:
        network: A `LocalizerNetwork`, whose class head is set.
        photos: Photos with objects.
        nothing: Photos (H, W, 3) uint8 without.
        side: Side of the network's input.
        epochs: Number of epochs.
    """
    network.eval()
    pixels = [photo.pixels for photo in photos] + nothing
    targets = [main_object(photo.boxes, photo.class_ids)[0] for photo in photos] + [NOTHING] * len(nothing)
    inputs = torch.stack([_averaged(network, p, side) for one in pixels for p in (one, one[:, ::-1])])  # (2 · N, 1280)
    labels = torch.tensor(targets, device=inputs.device).repeat_interleave(2)
    mean = inputs.mean(0)
    deviation = inputs.std(0) + 1e-3
    inputs = (inputs - mean) / deviation
    fits = [_fitted(inputs, labels, epochs) for _ in range(FITS)]
    weight = torch.stack([fit.weight for fit in fits]).mean(0) / deviation
    bias = torch.stack([fit.bias for fit in fits]).mean(0) - weight @ mean
    head = network.heads.logits
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
        head.bias[NOTHING] += np.log(PRIOR / (1 - PRIOR)) - np.log(len(nothing) / len(photos))


def _fitted(inputs: Tensor, labels: Tensor, epochs: int) -> nn.Linear:
    """Return a linear layer fitted to standardized inputs (N, C) and labels (N,)."""
    fitted = nn.Linear(inputs.shape[1], NOTHING + 1).to(inputs.device)
    nn.init.zeros_(fitted.weight)
    nn.init.zeros_(fitted.bias)
    optimizer = torch.optim.AdamW(fitted.parameters(), 1e-3, weight_decay=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(64):
            seen = nn.functional.dropout(inputs[rows], FEATURE_DROPOUT)
            loss = nn.functional.cross_entropy(fitted(seen), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return fitted


def _averaged(network: TorchNetwork, pixels: np.ndarray, side: int) -> Tensor:
    device = str(next(network.parameters()).device)
    with torch.no_grad():
        return network.features(as_input(squash(pixels, side)[None], device))[1].mean((2, 3))[0]
