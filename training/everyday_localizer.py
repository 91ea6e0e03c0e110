"""Train the everyday localizer: the main object of a photo among twenty classes, or nothing, and its box.

The main object is the one with the largest box. Training has two stages, since fine-tuning the encoder on so few
photos makes boxes better but classes worse: ImageNet's features tell them apart already.

1. `python -m training.everyday_localizer --data FOLDER` trains all but the first stages, from ImageNet weights.
2. `python -m training.everyday_localizer --data FOLDER --out runs/everyday_localizer_heads --heads-of FILE`, where FILE
   holds the weights of the first stage, averages its encoder with ImageNet's (Wortsman et al., "Robust fine-tuning of
   zero-shot models" (2022), https://arxiv.org/abs/2109.01903), and with the everyday detector's if `--detector` names
   its weights. It keeps this encoder as it is, trains the box head on, and fits the class head to whole photos.

Trained in torch, the network is then handed over to the Keras network that the app runs. The validation parts are never
trained on: the exponential moving average of the weights at the end is the result, in the folder's `bundle`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import LOSS_WEIGHTS, area, iou, weighted_median
from cnn_demo.models.bundled_networks import EVERYDAY_SIDE, everyday_localizer
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.lite.conversion import folded
from cnn_demo.models.lite.network import weighted_layers
from training.data.everyday import NOTHING, EverydayPhoto, main_object, read_coco, read_nothing, read_voc
from training.data.placement import recolour, squash, tint
from training.everyday_detector import EverydayPool
from training.networks.encoders import freeze_early_stages, load_encoder
from training.networks.everyday_localizer import LocalizerNetwork, average, average_encoders
from training.networks.localizer import to_keras
from training.pseudo_labels import read_pseudo_labelled
from training.steps.bundle import bundle_float16
from training.steps.class_head import fit_class_head
from training.steps.localizer_losses import box_losses
from training.steps.loop import Recipe, options_of, prepare, train
from training.steps.unet import as_input

torch = frameworks.torch()

RECIPE = Recipe(
    "everyday_localizer", rate=1e-3, weight_decay=0.05, clip=5.0, small_side=224, encoder_rate=0.2, measured_every=2
)
EMPTY = 0.2  # probability of a picture of nothing
WHOLE = 0.4  # probability that a photo is shown whole, unless `--whole` sets another
MIN_CROP = 0.55  # minimum fraction of the photo's height and width that a crop keeps
MIN_VISIBLE = 0.4  # minimum visible fraction of a box for it to count
WEIGHTS = LOSS_WEIGHTS | {"votes": 1.0}  # weights of the parts of the loss
SMOOTHING = 0.05  # label smoothing: which of two objects is larger is often ambiguous


def main() -> None:
    """Read the arguments and train."""
    parser = options_of(RECIPE, __doc__, epochs=12, side=EVERYDAY_SIDE, batch=16, pictures=2048)
    heads_help = "train the heads only, from these weights, or from the average of several"
    parser.add_argument("--heads-of", type=Path, nargs="+", metavar="FILE", help=heads_help)
    parser.add_argument("--imagenet", type=float, default=0.3, help="fraction of ImageNet's weights in that average")
    parser.add_argument("--whole", type=float, default=WHOLE, help="probability that a photo is shown whole")
    parser.add_argument("--detector", type=Path, metavar="FILE", help="average the encoder with this detector's too")
    run(parser.parse_args())


def run(options: argparse.Namespace) -> list[dict]:
    """Train, write the weights of the Keras network, and return the history."""
    device = prepare(options)
    training, validation = read_voc(options.data)
    pool = EverydayPool([p for p in training + read_coco(options.data)[0] if len(p.boxes)])
    more = EverydayPool([p for p in read_pseudo_labelled(options.data) if len(p.boxes)])
    nothing, other_nothing = read_nothing(options.data)
    network: TorchNetwork = LocalizerNetwork()
    load_encoder(network.encoder)
    freeze_early_stages(network.encoder)
    if options.heads_of:
        trained = [average([load_file(file) for file in options.heads_of])]
        if options.detector:
            trained.append(load_file(options.detector))
        average_encoders(network, trained, options.imagenet)
    network.to(device, memory_format=torch.channels_last)
    held_back = [photo for photo in validation if len(photo.boxes)]
    print(f"{len(pool.photos) + len(more.photos):,} photos with objects, {len(nothing):,} without", flush=True)

    def draw(side: int, rng: np.random.Generator) -> dict:
        return batch_of([drawn(pool, more, nothing, side, rng, options.whole) for _ in range(options.batch)], device)

    def measure(mean: TorchNetwork) -> dict[str, float]:
        return measured(mean, held_back, other_nothing)

    history = train(network, RECIPE, options, draw, localizer_loss, measure)
    weights = options.out / "bundle" / f"{RECIPE.name}.safetensors"
    if options.heads_of:
        if history:
            network.load_state_dict(load_file(weights))
        fit_class_head(network, pool.photos, nothing, options.side)
        bundle_float16(network, weights)
    hand_over(weights)
    return history


def drawn(
    pool: EverydayPool,
    more: EverydayPool,
    nothing: list[np.ndarray],
    side: int,
    rng: np.random.Generator,
    whole: float = WHOLE,
) -> tuple[np.ndarray, int, np.ndarray]:
    """Draw a picture, some of them without any object.

    Args:
        pool: Photos with objects.
        more: Photos with pseudo-labels.
        nothing: Photos (H, W, 3) uint8 without.
        side: Side of the picture.
        rng: Random generator.
        whole: Probability that a photo is shown whole.

    Returns:
        The picture (side, side, 3) uint8, the class of its main object or `NOTHING`, and the boxes (K, 4) of all its
        objects as fractions of the side, largest first.
    """
    if rng.random() < EMPTY:
        pixels = nothing[rng.integers(len(nothing))]
        none = np.zeros((0, 4), np.float32)
        photo = EverydayPhoto(pixels, none, np.zeros(0, np.int64), "", np.zeros(0, bool))
    else:
        photo = (pool if rng.random() < 0.7 else more).draw(rng)
    pixels, label, boxes = cropped(photo, rng, whole)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        boxes = np.array([1, 0, 1, 0]) + boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1)
    return recolour(tint(squash(np.ascontiguousarray(pixels), side), rng), rng), label, boxes.astype(np.float32)


def cropped(photo: EverydayPhoto, rng: np.random.Generator, whole: float = WHOLE) -> tuple[np.ndarray, int, np.ndarray]:
    """Cut a part out of a photo, in which at least one object is visible if the photo has any.

    Args:
        photo: The photo and its boxes.
        rng: Random generator.
        whole: Probability that it is not cut.

    Returns:
        The part's pixels, the class of its main object or `NOTHING`, and the boxes (K, 4) of all its visible objects as
        fractions of the part, largest first.
    """
    height, width = photo.pixels.shape[:2]
    for _ in range(6):
        left, top, right, bottom = 0, 0, width, height
        if rng.random() >= whole:
            size = np.maximum(1, np.round(rng.uniform(MIN_CROP, 1, 2) * (width, height)).astype(int))
            left, top = rng.integers(0, np.array([width, height]) - size + 1)
            right, bottom = np.array([left, top]) + size
        window = np.array([left, top, right, bottom])
        visible = np.clip(photo.boxes, np.tile(window[:2], 2), np.tile(window[2:], 2))
        counts = area(visible) > MIN_VISIBLE * area(photo.boxes)
        if counts.any() or not len(photo.boxes):
            break
    else:
        window = np.array([0, 0, width, height])
        visible = photo.boxes
        counts = np.ones(len(photo.boxes), bool)
    pixels = photo.pixels[window[1] : window[3], window[0] : window[2]]
    boxes = visible[counts]
    largest_first = np.argsort(-area(boxes), kind="stable")
    label = int(photo.class_ids[counts][largest_first[0]]) if len(boxes) else NOTHING
    return pixels, label, (boxes[largest_first] - np.tile(window[:2], 2)) / np.tile(window[2:] - window[:2], 2)


def batch_of(pictures: list[tuple[np.ndarray, int, np.ndarray]], device: str) -> dict:
    """Make a batch: `images` (N, 3, S, S) float32, `labels` (N,) int64, `boxes` (N, K, 4) float32, or zeros."""
    pixels, labels, boxes = zip(*pictures, strict=True)
    padded = np.zeros((len(boxes), max(1, *map(len, boxes)), 4), np.float32)
    for row, of_picture in zip(padded, boxes, strict=True):
        row[: len(of_picture)] = of_picture
    return {
        "images": as_input(np.stack(pixels), device),
        "labels": torch.tensor(labels, device=device),
        "boxes": torch.from_numpy(padded).to(device),
    }


def localizer_loss(network: TorchNetwork, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss, summed over the pictures."""
    outputs = network(batch["images"])
    labels = batch["labels"]
    crossed = torch.nn.functional.cross_entropy(outputs["logits"], labels, label_smoothing=SMOOTHING)
    boxes = batch["boxes"]
    parts = box_losses(outputs["box"], outputs["votes"], boxes[:, 0], (labels != NOTHING).float(), boxes[:, 1:])
    parts = {"class": crossed} | parts
    total = crossed.new_zeros(())
    for name, part in parts.items():
        total = total + WEIGHTS[name] * part
    return len(labels) * total


def measured(network: TorchNetwork, photos: list[EverydayPhoto], nothing: list[np.ndarray]) -> dict[str, float]:
    """Return the figures on whole photos, for the log; `training.evaluate` measures the bundled network."""
    network.eval()
    outcomes = []
    for photo in photos:
        label, box = main_object(photo.boxes, photo.class_ids)
        probabilities, predicted = predict(network, photo.pixels)
        height, width = photo.pixels.shape[:2]
        overlap = float(iou(predicted * (width, height, width, height), box))
        outcomes.append((probabilities[:-1].argmax() == label, overlap, probabilities.argmax() == label))
    false = [predict(network, pixels)[0] for pixels in nothing]
    right, overlaps, strict = np.array(outcomes, float).T
    return {
        "accuracy": float(strict.mean()),
        "accuracy_of_twenty": float(right.mean()),
        "mean_iou": float(overlaps.mean()),
        "false_boxes": float(np.mean([p.argmax() != NOTHING for p in false])),
        "false_boxes_50": float(np.mean([p[:-1].max() > 0.5 for p in false])),
    }


def predict(network: TorchNetwork, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities (21,) and the box (4,) from 0 to 1 of a photo, the weighted median of the votes."""
    device = next(network.parameters()).device
    with torch.no_grad():
        outputs = network(as_input(squash(pixels, EVERYDAY_SIDE)[None], device))
    votes = outputs["votes"][0].flatten(0, 1).cpu().numpy()  # (h, w, 4) -> (h·w, 4)
    box = weighted_median(votes, outputs["attention"][0].flatten().cpu().numpy())
    return outputs["logits"].softmax(1)[0].cpu().numpy(), box


def hand_over(weights: Path) -> None:
    """Write the weights of the Keras network beside those of the torch network."""
    trained = LocalizerNetwork()
    deployed = everyday_localizer()
    trained.load_state_dict(load_file(weights))
    layers = [name for name in weighted_layers("efficientnet_lite0") if name != "predictions"]
    arrays = folded(trained.encoder.state_dict(), layers)
    for name in layers:
        deployed.get_layer(name).set_weights([arrays[f"{name}/kernel"], arrays[f"{name}/bias"]])
    to_keras(trained, deployed)
    path = weights.with_suffix(".weights.h5")
    deployed.save_weights(path)
    print(f"Wrote {path}.", flush=True)


if __name__ == "__main__":
    main()
