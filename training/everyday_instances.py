"""Train the masks of the everyday instance segmenter: prototypes and mask coefficients for the everyday detector.

`python -m training.pseudo_masks --data FOLDER`, then `python -m training.everyday_instances --data FOLDER`;
interrupted, it goes on with `--resume`. The bundled everyday detector stays as it is, so that boxes and classes are
its own; only the layers that predict masks are trained, on photos of Pascal VOC and COCO with a mask for every object,
on pets, and on photos of Pascal VOC whose masks a published YOLOv8n-seg predicted. The validation part is never
trained on, and nothing is chosen by it: the exponential moving average of the weights at the end is the result, in
`runs/everyday_instances/bundle`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from cnn_demo.models import find, frameworks
from cnn_demo.models.detection.everyday_network import everyday_detector
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.segmentation.metrics import IGNORED
from training.assorted_yolo import batch_of
from training.data.everyday import LABELS
from training.data.instances import (
    InstancePhoto,
    instance_view,
    read_coco_instances,
    read_pet_instances,
    read_voc_instances,
    truth_of,
)
from training.networks.encoders import CompiledByShape
from training.pets_instances import FEWEST_SURE, MASK_STRIDE, on_photo
from training.pseudo_masks import INSTANCES, OUT
from training.steps.loop import Recipe, prepare, read_options, train
from training.steps.mask_precision import MaskedPrediction, mask_precisions

torch = frameworks.torch()

DETECTOR = "everyday_detector"
RECIPE = Recipe("everyday_instances", rate=1.5e-3, weight_decay=0.02, clip=10.0, small_side=320, measured_every=2)
TRUE_MASKS, PETS = 0.6, 0.1  # probabilities of a photo with ground-truth masks, and of a pet; the rest are pseudo-masks
BY_CLASS = 0.5  # probability that a photo is drawn by one of its classes
MAX_CELLS = 48  # cells of a picture whose masks are compared, drawn at random
MEASURED_STEP = 2  # every second validation photo is measured for the log


class InstancePool:
    """Pool of photos, sampled partly by class and partly uniformly."""

    def __init__(self, photos: list[InstancePhoto]) -> None:
        self.photos = photos
        of_class = [[i for i, photo in enumerate(photos) if label in photo.class_ids] for label in range(len(LABELS))]
        self._of_class = [own for own in of_class if own]

    def draw(self, rng: np.random.Generator) -> InstancePhoto:
        """Draw a photo."""
        if rng.random() > BY_CLASS:
            return self.photos[rng.integers(len(self.photos))]
        own = self._of_class[rng.integers(len(self._of_class))]
        return self.photos[own[rng.integers(len(own))]]


class FrozenDetector(nn.Module):
    """The network without its mask layers: pictures to the head's maps, box distributions and class scores."""

    def __init__(self, network: TorchNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Map (N, 3, H, W) to four maps, `boxes` (N, 64, A) and `scores` (N, 20, A)."""
        maps = self.network.encoder(pictures * 2 - 1)
        levels = [*self.network.neck(maps[-3:]), maps[2]]
        head = self.network.head
        raw = head.forward_head(levels, box_head=head.cv2, cls_head=head.cv3)
        return (*levels, raw["boxes"], raw["scores"])


def main() -> None:
    """Read the arguments and train."""
    run(read_options(RECIPE, __doc__, epochs=20, side=320, batch=8, pictures=1024))


def run(options: argparse.Namespace) -> list[dict]:
    """Train, and return the history."""
    device = prepare(options)
    training, validation = read_voc_instances(options.data, OUT / INSTANCES)
    pseudo_names = {path.stem for path in (OUT / INSTANCES).glob("*.png")}
    is_pseudo = [Path(photo.name).stem in pseudo_names for photo in training]
    true_masks = [photo for photo, pseudo in zip(training, is_pseudo, strict=True) if not pseudo]
    pools = [
        InstancePool(true_masks + read_coco_instances(options.data)),
        InstancePool(read_pet_instances(options.data)),
        InstancePool([photo for photo, pseudo in zip(training, is_pseudo, strict=True) if pseudo]),
    ]
    print(f"{[len(pool.photos) for pool in pools]} photos to learn from, {len(validation)} held back", flush=True)
    network = new_network().to(device)
    frozen = CompiledByShape()
    fractions = (TRUE_MASKS, PETS, 1 - TRUE_MASKS - PETS)

    def draw(side: int, rng: np.random.Generator) -> dict:
        chosen = [pools[rng.choice(len(pools), p=fractions)].draw(rng) for _ in range(options.batch)]
        pictures = [instance_view(photo, side, rng) for photo in chosen]
        batch = batch_of([(pixels, boxes, class_ids) for pixels, _, boxes, class_ids in pictures], device)
        middle = MASK_STRIDE // 2
        masks = np.stack([instances[middle::MASK_STRIDE, middle::MASK_STRIDE] for _, instances, _, _ in pictures])
        if device == "cpu":
            outputs = frozen(lambda: FrozenDetector(network).eval(), batch["img"])
        else:
            with torch.no_grad():
                outputs = FrozenDetector(network)(batch["img"])
        return batch | {"masks": torch.from_numpy(masks).to(device), "outputs": outputs}

    def measure(mean: TorchNetwork) -> dict[str, float]:
        part = validation[::MEASURED_STEP]
        precisions = mask_precisions([prediction_for(mean, photo, options.side) for photo in part], len(LABELS))
        return {"mask_map50": float(np.nanmean(precisions[:, 0])), "mask_map50_95": float(np.nanmean(precisions))}

    return train(network, RECIPE, options, draw, mask_loss, measure)


def new_network() -> TorchNetwork:
    """Return the bundled everyday detector with new mask layers, all else frozen."""
    from safetensors.torch import load_file

    network = everyday_detector(LABELS, with_masks=True)
    network.load_state_dict(load_file(find(DETECTOR).weights_file().path), strict=False)
    network.requires_grad_(False)
    for part in (network.head.proto, network.head.cv4):
        part.requires_grad_(True)
    network.__class__ = type("FrozenButForMasks", (_FrozenButForMasks, type(network)), {})
    return network


class _FrozenButForMasks(nn.Module):
    """The network's class while its masks are trained: all other layers keep their batch statistics."""

    head: Any

    def train(self, mode: bool = True) -> _FrozenButForMasks:
        super().train(False)
        self.head.proto.train(mode)
        self.head.cv4.train(mode)
        return self


def mask_loss(network: TorchNetwork, batch: dict[str, Any]) -> Tensor:
    """Return the cross-entropy of the masks inside their boxes, summed over the pictures.

    The cells that predict an object are those that Ultralytics' loss assigns to it. Each cell's mask is compared with
    the object's inside its box, averaged over the pixels that are known, as in YOLACT.
    """
    from ultralytics.utils.loss import v8SegmentationLoss
    from ultralytics.utils.ops import crop_mask

    head = network.head
    *levels, boxes, scores = batch["outputs"]
    count = len(boxes)
    prototypes = head.proto(levels)  # (N, 32, h, w)
    coefficients = torch.cat([part(x).flatten(2) for part, x in zip(head.cv4, levels[:3], strict=True)], 2)
    coefficients = coefficients.permute(0, 2, 1)  # (N, A, 32)
    criterion = getattr(network, "criterion", None)
    if criterion is None:
        criterion = network.criterion = v8SegmentationLoss(network)
    with torch.no_grad():
        raw = {"boxes": boxes, "scores": scores, "feats": levels[:3]}
        (assigned, objects, targets, _, _), _, _ = criterion.get_assigned_targets_and_loss(raw, batch)
    losses = []
    for i in range(count):
        cells = torch.nonzero(assigned[i]).flatten()
        if len(cells) > MAX_CELLS:
            cells = cells[torch.randperm(len(cells))[:MAX_CELLS]]
        if not len(cells):
            continue
        numbers = batch["masks"][i]  # (h, w)
        truth = (numbers[None] == objects[i, cells][:, None, None] + 1).float()  # (cells, h, w)
        known = (numbers != IGNORED).float()[None].expand_as(truth)
        mixed = torch.einsum("ck,khw->chw", coefficients[i, cells], prototypes[i])
        inside = crop_mask(known.clone(), targets[i, cells] / MASK_STRIDE)
        errors = nn.functional.binary_cross_entropy_with_logits(mixed, truth, reduction="none") * inside
        losses.append((errors.sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)).mean())
    if not losses:
        return (prototypes * 0).sum() + (coefficients * 0).sum()
    return torch.stack(losses).mean() * count


def prediction_for(network: TorchNetwork, photo: InstancePhoto, side: int) -> MaskedPrediction:
    """Return the network's predictions for a photo and the ground truth, for the log."""
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.ops import process_mask

    network.eval()
    shape = photo.instances.shape
    frame = Letterbox.fit(shape, side, 32)
    pixels = torch.from_numpy(frame.apply(photo.pixels)).to(next(network.parameters()).device)
    with torch.no_grad():
        outputs, prototypes = network(pixels.permute(2, 0, 1)[None].float() / 255)[0]
        found = non_max_suppression(outputs, FEWEST_SURE, 0.7, nc=len(LABELS), max_det=100)[0]
        masks = process_mask(prototypes[0], found[:, 6:], found[:, :4], frame.input, upsample=True)
    return MaskedPrediction(
        np.array([on_photo(mask, frame) for mask in masks.cpu().numpy()], bool).reshape(-1, *shape),
        found[:, 4].cpu().numpy(),
        found[:, 5].cpu().numpy().astype(int),
        *truth_of(photo),
    )


if __name__ == "__main__":
    main()
