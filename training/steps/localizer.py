"""The localizer's training: optimizer, batches, one step, and the figures for the log."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from torch import nn, optim

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import LOSS_WEIGHTS, iou
from training.data.datasets import BoxedPhoto
from training.data.placement import (
    NOTHING,
    Backgrounds,
    empty_picture,
    object_picture,
    pasted_picture,
    squash,
    squashed_picture,
)
from training.networks.localizer import as_tensor, predict_in_batches
from training.steps.localizer_losses import box_losses

torch = frameworks.torch()

PEAK_RATE, WEIGHT_DECAY, CLIP = 2e-3, 0.02, 5.0


WARM_UP = 0.05  # fraction of the steps in which the learning rate rises


WEIGHTS = LOSS_WEIGHTS | {"votes": 1.0}  # weights of the parts of the loss


EMPTY = 150  # pictures of nothing that are measured after each epoch


def optimization(
    network: nn.Module, steps: int, peak_rate: float = PEAK_RATE
) -> tuple[optim.Optimizer, optim.lr_scheduler.LRScheduler]:
    """Return AdamW and its learning rate, which rises to its peak, then falls to 0 along a cosine.

    Weights decay, biases and normalizations do not. Loshchilov & Hutter (2017), https://arxiv.org/abs/1608.03983.
    """
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, peak_rate)
    warm_up = max(1, round(WARM_UP * steps))

    def rate(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def balanced(photos: list, rng: np.random.Generator) -> np.ndarray:
    """Draw an epoch: every photo, those of rarer classes again, and as many of nothing, in random order.

    Returns:
        (N,) int: indices of photos; −1 is a picture of nothing.
    """
    labels = np.array([photo.label for photo in photos])
    largest = np.bincount(labels).max()
    drawn = [np.full(largest, -1)]
    for label in range(NOTHING):
        own = np.flatnonzero(labels == label)
        drawn += [own, rng.choice(own, largest - len(own))]
    return rng.permutation(np.concatenate(drawn))


def draw_batch(
    indices: np.ndarray, photos: list, scenery: Backgrounds, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make pictures (N, S, S, 3) uint8, labels (N,) int32 and boxes (N, 4) float32, all 0 if there is no object."""
    pictures, labels, boxes = [], [], []
    for index in indices:
        if index < 0:
            picture = empty_picture(photos, scenery, rng)
            label = NOTHING
            box = np.zeros(4, np.float32)
        else:
            picture, box = object_picture(photos[index], scenery, rng)
            label = photos[index].label
        pictures.append(picture)
        labels.append(label)
        boxes.append(box)
    return np.stack(pictures), np.array(labels, np.int32), np.stack(boxes)


def training_step(
    network: nn.Module,
    optimizer: optim.Optimizer,
    schedule: optim.lr_scheduler.LRScheduler,
    device: str,
    *,
    bfloat16: bool,
) -> Callable[..., dict[str, float]]:
    """Return a function of (inputs (N, h, w, C), labels, boxes) that does a step and returns the parts of the loss."""

    def step(inputs: np.ndarray, labels: np.ndarray, boxes: np.ndarray) -> dict[str, float]:
        targets = torch.from_numpy(labels).long().to(device)
        truth = torch.from_numpy(boxes).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            outputs = network(as_tensor(inputs, device))
        crossed = torch.nn.functional.cross_entropy(outputs["logits"], targets)
        with_box = (targets != NOTHING).float()
        parts = {"class": crossed} | box_losses(outputs["box"], outputs["votes"], truth, with_box)
        loss = sum(WEIGHTS[name] * part for name, part in parts.items())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        return {name: float(part.detach()) for name, part in (parts | {"loss": loss}).items()}

    return step


def validation_sets(
    held_out: list[BoxedPhoto], backgrounds: list[np.ndarray], side: int, to_input: Callable[[np.ndarray], np.ndarray]
) -> dict[str, tuple]:
    """Make the validation sets: the held-out photos, the same pasted, and pictures without any of the classes.

    Args:
        held_out: The photos.
        backgrounds: Photos without objects.
        side: Side of the pictures in pixels.
        to_input: Function from pictures (N, side, side, 3) uint8 to network inputs.

    Returns:
        `whole` and `pasted`: (inputs, boxes, labels); `empty`: (inputs,).
    """
    rng = np.random.default_rng(0)
    labels = np.array([photo.label for photo in held_out])
    drawn = rng.integers(0, len(backgrounds), len(held_out))
    pairs = {
        "whole": [squashed_picture(photo, side) for photo in held_out],
        "pasted": [pasted_picture(held_out[i], backgrounds[drawn[i]], side, rng) for i in range(len(held_out))],
    }
    sets = {name: tuple(map(np.stack, zip(*some, strict=True))) for name, some in pairs.items()}
    empty = np.stack([squash(pixels, side) for pixels in backgrounds[:: max(1, len(backgrounds) // EMPTY)]])
    sets = {name: (to_input(pictures), boxes, labels) for name, (pictures, boxes) in sets.items()}
    return sets | {"empty": (to_input(empty),)}


def measure(network: nn.Module, tests: dict[str, tuple], *, bfloat16: bool = False) -> dict:
    """Return the figures of one epoch, as `cnn_demo.models.training_records.LocalizerRecord` keeps them."""
    figures: dict[str, float | list[int]] = {}
    for name in ("whole", "pasted"):
        inputs, boxes, labels = tests[name]
        logits, found = predict_in_batches(network, inputs, bfloat16=bfloat16)
        overlaps = iou(found, boxes)
        figures |= {
            f"{name}_accuracy": float((logits.argmax(1) == labels).mean()),
            f"{name}_iou": float(overlaps.mean()),
            f"{name}_over_50": float((overlaps > 0.5).mean()),
            f"{name}_over_75": float((overlaps > 0.75).mean()),
            f"{name}_histogram": np.histogram(overlaps, np.linspace(0, 1, 21))[0].tolist(),
        }
    logits, _ = predict_in_batches(network, tests["empty"][0], bfloat16=bfloat16)
    return figures | {"false_boxes": float((logits.argmax(1) != NOTHING).mean())}


def printed(figures: dict) -> dict:
    """Return the figures of an epoch for one line of the log."""
    return {key: round(value, 3) for key, value in figures.items() if not isinstance(value, list)}
