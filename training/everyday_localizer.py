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
from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import LOSS_WEIGHTS, iou, weighted_median
from cnn_demo.models.bundled_networks import EVERYDAY_SIDE, NECK_CHANNELS, everyday_localizer
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.lite.conversion import folded
from cnn_demo.models.lite.encoder import lite_encoder
from cnn_demo.models.lite.network import HEAD, weighted_layers
from training.data.everyday import LABELS, EverydayPhoto, main_object, read_coco, read_nothing, read_voc
from training.data.placement import recolour, squash, tint
from training.everyday_detector import EverydayPool
from training.networks.encoders import CompiledByShape, freeze_early_stages, load_encoder
from training.networks.localizer import Convolution, Heads, to_keras
from training.pseudo_labels import read_pseudo_labelled
from training.steps.bundle import bundle_float16
from training.steps.localizer_losses import box_losses
from training.steps.loop import Recipe, options_of, prepare, train
from training.steps.unet import as_input

torch = frameworks.torch()

RECIPE = Recipe(
    "everyday_localizer", rate=1e-3, weight_decay=0.05, clip=5.0, small_side=224, encoder_rate=0.2, measured_every=2
)
NOTHING = len(LABELS)
EMPTY = 0.2  # probability of a picture of nothing
WHOLE = 0.4  # probability that a photo is shown whole, unless `--whole` sets another
MIN_CROP = 0.55  # minimum fraction of the photo's height and width that a crop keeps
MIN_VISIBLE = 0.4  # minimum visible fraction of a box for it to count
WEIGHTS = LOSS_WEIGHTS | {"votes": 1.0}  # weights of the parts of the loss
PRIOR = 0.1  # probability of nothing that the fitted class head is for
FITS = 6  # of the class head, whose average is bundled: the order of the photos changes a fit by a percent
FEATURE_DROPOUT = 0.3  # of the averaged feature maps that the class head is fitted to
SMOOTHING = 0.05  # label smoothing: which of two objects is larger is often ambiguous


class Backbone(nn.Module):
    """Encoder with its last convolution, from pictures to the feature maps of `LocalizerNetwork.features`."""

    def __init__(self, encoder: TorchNetwork) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """From pictures to feature maps."""
        finer, coarse = self.encoder(pictures)[-2:]
        return finer, self.encoder.bn2(self.encoder.conv_head(coarse))


class LocalizerNetwork(nn.Module):
    """Encoder and heads, from pictures (N, 3, S, S) in −1..1 to the outputs of `Heads`."""

    def __init__(self) -> None:
        super().__init__()
        encoder: TorchNetwork = lite_encoder()
        self.encoder = encoder
        self.dropout = nn.Dropout2d(0.1)
        self.neck_coarse = Convolution(HEAD, NECK_CHANNELS, 1)
        self.neck_finer = Convolution(encoder.out_channels[-2], NECK_CHANNELS, 1)
        self.neck_conv = Convolution(NECK_CHANNELS, NECK_CHANNELS, 3)
        self.heads = Heads(HEAD, NOTHING + 1, NECK_CHANNELS)
        self.compiled: CompiledByShape | None = None

    def freeze_encoder(self) -> None:
        """Keep the encoder as it is; on a processor, OpenVINO runs it from now on."""
        self.encoder.requires_grad_(False).eval()
        self.compiled = CompiledByShape()

    def train(self, mode: bool = True) -> LocalizerNetwork:
        """Set the mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.compiled:
            self.encoder.eval()
        return self

    def features(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature maps (N, 112, S / 16, S / 16) and (N, 1280, S / 32, S / 32)."""
        backbone = Backbone(self.encoder)
        if self.compiled and pictures.device.type == "cpu":
            finer, maps = self.compiled(backbone.eval, pictures)
            return finer, maps
        return backbone(pictures)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """From pictures to the outputs of `Heads`."""
        finer, maps = self.features(pictures)
        maps = self.dropout(maps)
        enlarged = nn.functional.interpolate(self.neck_coarse(maps), scale_factor=2)
        box_maps = self.neck_conv((enlarged + self.neck_finer(finer)).relu()).relu()  # (N, 128, S / 16, S / 16)
        return self.heads(maps, box_maps)


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


def average(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of the state dicts of one network, float32; integers are those of the first."""
    return {
        name: torch.stack([state[name].float() for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


def average_encoders(network: TorchNetwork, trained: list[dict[str, Tensor]], imagenet: float) -> None:
    """Load weights, except that the encoder's are averaged with ImageNet's, which the network has, and kept so.

    Args:
        network: A `LocalizerNetwork` whose encoder has ImageNet's weights.
        trained: State dict of another one, and state dicts of other networks with such an encoder.
        imagenet: Fraction of ImageNet's weights in the average, 0 to 1; the others have equal parts of the rest.
    """
    state = network.state_dict()
    for name, value in trained[0].items():
        if name.startswith("encoder.") and value.is_floating_point():
            mean = torch.stack([weights[name].float() for weights in trained]).mean(0)
            state[name] = torch.lerp(mean, state[name], imagenet)
        else:
            state[name] = value
    network.load_state_dict(state)
    network.freeze_encoder()


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
        areas = (visible[:, 2:] - visible[:, :2]).prod(1)
        counts = areas > MIN_VISIBLE * (photo.boxes[:, 2:] - photo.boxes[:, :2]).prod(1)
        if counts.any() or not len(photo.boxes):
            break
    else:
        window = np.array([0, 0, width, height])
        visible = photo.boxes
        counts = np.ones(len(photo.boxes), bool)
    pixels = photo.pixels[window[1] : window[3], window[0] : window[2]]
    boxes = visible[counts]
    largest_first = np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(1), kind="stable")
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
