"""Train the everyday detector: EfficientNet-Lite0 from ImageNet weights, on the twenty classes of Pascal VOC.

`python -m training.pseudo_labels --data FOLDER`, then `python -m training.everyday_detector --data FOLDER`;
interrupted, it goes on with `--resume`. The validation part of the archive is never trained on, and nothing is chosen
by it: the exponential moving average of the weights at the end is the result, in `runs/everyday_detector/bundle`.

Two losses are added, both Ultralytics'. The first compares the predictions with the boxes. The second compares them,
cell by cell, with the predictions of a published YOLO11n for the same picture (knowledge distillation, Hinton et al.
(2015), https://arxiv.org/abs/1503.02531): a few photos of a class do not show all of its forms, and the teacher has
seen more. Dining tables are taught by Pascal VOC's photos alone: COCO and its detectors call most tables so, VOC few.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from cnn_demo.models import find, frameworks
from cnn_demo.models.detection.everyday_network import everyday_detector
from cnn_demo.models.detection.yolo_detector import read_network
from cnn_demo.models.detection.yolo_engines import with_raw_outputs
from cnn_demo.models.frameworks import TorchNetwork
from training.assorted_yolo import average_precisions, batch_of
from training.data.everyday import LABELS, EverydayPhoto, read_coco, read_voc, voc_label
from training.data.mosaics import picture
from training.networks.encoders import CompiledByShape, freeze_early_stages, load_encoder
from training.pseudo_labels import TEACHER, read_pseudo_labelled
from training.steps import loop
from training.steps.precision import autocast

torch = frameworks.torch()

RECIPE = loop.Recipe(
    "everyday_detector",
    rate=1.5e-3,
    weight_decay=0.02,
    clip=10.0,
    small_side=256,
    growth=0.7,
    encoder_rate=0.3,
    measured_every=2,
)
BY_CLASS = 0.6  # probability that a photo is drawn by its class, so that rare classes are seen
RARE = {"chair": 3, "dining table": 2, "dog": 1.5, "bird": 1.5, "bottle": 1.5, "potted plant": 1.5, "boat": 1.5}
OTHERWISE_IN_COCO = LABELS.index("dining table")
DISTILLATION = 1.0  # weight of the second loss
MIN_TEACHER_SCORE = 0.1  # minimum score of a cell for its box to count
MEASURED_STEP = 2  # every second validation photo is measured for the log


class EverydayPool:
    """Pool of photos, sampled partly by class and partly uniformly."""

    def __init__(self, photos: list[EverydayPhoto]) -> None:
        self.photos = photos
        self._of_class = [
            [i for i, photo in enumerate(photos) if class_id in photo.class_ids] for class_id in range(len(LABELS))
        ]
        found = [len(of_class) > 0 for of_class in self._of_class]  # pseudo-labels may lack a class
        weights = np.array([RARE.get(label, 1.0) for label in LABELS]) * found
        self._weights = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> EverydayPhoto:
        """Draw a photo."""
        if rng.random() > BY_CLASS:
            return self.photos[rng.integers(len(self.photos))]
        of_class = self._of_class[rng.choice(len(LABELS), p=self._weights)]
        return self.photos[of_class[rng.integers(len(of_class))]]


def main() -> None:
    """Read the arguments and train."""
    train(loop.read_options(RECIPE, __doc__, epochs=24, side=320, batch=16, pictures=2048))


def train(options: argparse.Namespace) -> list[dict]:
    """Train, and return the history."""
    device = loop.prepare(options)
    training, validation = read_voc(options.data)
    others = read_coco(options.data)[0] + read_pseudo_labelled(options.data)
    pool = EverydayPool(training + [photo for photo in others if OTHERWISE_IN_COCO not in photo.class_ids])
    network = everyday_detector(LABELS)
    load_encoder(network.encoder)
    freeze_early_stages(network.encoder)
    network.to(device, memory_format=torch.channels_last)
    teach = teacher(device)
    print(f"{len(pool.photos):,} photos to learn from, {len(validation):,} held back, on {device}", flush=True)

    def draw(side: int, rng: np.random.Generator) -> dict:
        batch = batch_of([picture(pool, side, rng) for _ in range(options.batch)], device)
        return batch | teach(batch["img"])

    def measure(mean: TorchNetwork) -> dict[str, float]:
        return measured(mean, validation[::MEASURED_STEP], options.side)

    return loop.train(network, RECIPE, options, draw, distilled_loss, measure)


def teacher(device: str) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return a function from pictures (N, 3, H, W) to the published detector's `distances` and `probabilities`.

    Distances (N, 4, A) of each cell's box sides are in cells; probabilities (N, 20, A) are of Pascal VOC's classes.
    """
    spec = find(TEACHER)
    network = with_raw_outputs(read_network(spec.weights_file().path, spec)).to(device)
    compiled = CompiledByShape()
    order = [next(i for i, label in enumerate(spec.labels) if voc_label(label) == own) for own in LABELS]

    def teach(pictures: Tensor) -> dict[str, Tensor]:
        if device == "cpu":
            distances, scores = compiled(lambda: network, pictures)
        else:
            with torch.no_grad(), autocast(device):
                distances, scores = network(pictures)
        return {"distances": distances.float(), "probabilities": scores.float()[:, order]}

    return teach


def distilled_loss(network: TorchNetwork, batch: dict[str, Tensor]) -> Tensor:
    """Return the sum over the pictures of Ultralytics' loss for the boxes and of the same for the teacher's cells."""
    from ultralytics.utils.loss import v8DetectionLoss

    with autocast(batch["img"].device.type, depthwise=True):
        outputs = network(batch["img"])
    outputs = {name: value.float() if name != "feats" else value for name, value in outputs.items()}
    criterion = getattr(network, "criterion", None)
    if criterion is None:
        criterion = network.criterion = v8DetectionLoss(network)
    loss = criterion(outputs, batch)[0].sum()
    return loss + DISTILLATION * len(batch["img"]) * distillation_loss(criterion, outputs, batch)


def distillation_loss(criterion: Any, outputs: dict[str, Tensor], batch: dict[str, Tensor]) -> Tensor:
    """Compare each cell's class scores and box with the teacher's.

    Args:
        criterion: Ultralytics' `v8DetectionLoss`, for its parts and gains.
        outputs: Raw outputs of the network: `boxes` (N, 64, A), `scores` (N, 20, A), `feats`.
        batch: `distances` (N, 4, A) and `probabilities` (N, 20, A) of the teacher.

    Returns:
        The mean over the pictures.
    """
    from ultralytics.utils.tal import dist2bbox, make_anchors

    centres, strides = make_anchors(outputs["feats"], criterion.stride, 0.5)
    distances = outputs["boxes"].permute(0, 2, 1).contiguous()  # (N, A, 64)
    targets = batch["probabilities"].permute(0, 2, 1).contiguous()  # (N, A, 20)
    boxes = dist2bbox(batch["distances"].permute(0, 2, 1), centres, xywh=False)  # (N, A, 4) in cells
    taught = torch.arange(targets.shape[-1], device=targets.device) != OTHERWISE_IN_COCO
    targets = targets * taught
    total = targets.sum().clamp(min=1)
    crossed = criterion.bce(outputs["scores"].permute(0, 2, 1), targets)[..., taught].sum() / total
    sizes = torch.tensor(outputs["feats"][0].shape[2:], dtype=torch.float32) * criterion.stride[0]
    counted = targets.amax(-1) > MIN_TEACHER_SCORE
    box, distribution = criterion.bbox_loss(
        distances, criterion.bbox_decode(centres, distances), centres, boxes, targets, total, counted, sizes, strides
    )
    return criterion.hyp.box * box + criterion.hyp.cls * crossed + criterion.hyp.dfl * distribution


def measured(network: TorchNetwork, photos: list[EverydayPhoto], side: int) -> dict[str, float]:
    """Return mAP50 and mAP50-95 of the current network, for the log; `training.evaluate` measures the bundled one."""
    precisions = average_precisions(network, photos, side, len(LABELS))
    worst = int(np.nanargmin(precisions[:, 0]))
    return {
        "map50": float(np.nanmean(precisions[:, 0])),
        "map50_95": float(np.nanmean(precisions)),
        "min_ap50": float(precisions[worst, 0]),
        "min_class": float(worst),
    }


if __name__ == "__main__":
    main()
