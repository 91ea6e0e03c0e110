"""Train the bundled localizer on airplanes, faces and motorcycles of Caltech-101, from random initialisation.

`python -m training.localizer --data FOLDER`; interrupted, it goes on with `--resume`. The validation photos, the last
15 % of each class, are measured after every epoch but never trained on, and nothing is chosen by them: the last epoch's
weights are the result. The first epochs see smaller pictures, which cost two thirds; then pictures grow to the size
that the app shows the network (Tan & Le, "EfficientNetV2" (2021), https://arxiv.org/abs/2104.00298). The files for
`assets/weights` are then in `runs/localizer/bundle`. With `--start` it goes on from the bundled weights, with pictures
of that size alone, and the record of their training is carried on.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnn_demo.models import frameworks, load
from cnn_demo.models.boxes import LOSS_WEIGHTS, iou
from cnn_demo.models.bundled import localizer_record
from cnn_demo.models.classifiers import network_input
from cnn_demo.models.networks import LOCALIZER_SIDE
from training.bundle import bundle_localizer
from training.datasets import DATA, BoxedPhoto, read_backgrounds, read_caltech3, read_small_things
from training.localizer_losses import box_losses
from training.localizer_network import LocalizerNetwork, answers, as_tensor, from_keras
from training.placement import NOTHING, Scenery, empty_picture, object_picture, pasted_picture, squash, squashed_picture
from training.precision import fast_bfloat16

torch = frameworks.torch()

PEAK_RATE, WEIGHT_DECAY, CLIP = 2e-3, 0.02, 5.0
WARM_UP = 0.05  # share of the steps in which the learning rate rises
WEIGHTS = LOSS_WEIGHTS | {"votes": 1.0}  # of the parts of the loss
SMALL_SIDE, GROWTH = 128, 0.4  # of pictures in the first epochs, and after which share of all epochs they grow
EMPTY = 150  # pictures of nothing that are measured after each epoch
SOME = 512  # pictures on which normalizations that were folded are measured anew


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the archives")
    parser.add_argument("--out", type=Path, default=Path("runs/localizer"), help="checkpoint, curves, weights by epoch")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--steps", type=int, help="no more steps an epoch than this, to try the program out")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, help="of torch; one is fastest where cores come and go")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--start", action="store_true", help="begin with the bundled weights, not with chance")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone", metavar="KEY", help="train the heads alone, on this classifier's feature maps")
    options = parser.parse_args()
    if options.backbone:
        from training.localizer_heads import train_heads  # which imports this module

        train_heads(options)
    else:
        train(options)


def train(options: argparse.Namespace) -> None:
    """Train, and after each epoch write `checkpoint.pt`, `history.json` and `epochs/NUMBER.pt`."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    photos, held_out = read_caltech3(options.data)
    backgrounds, other_backgrounds = read_backgrounds(options.data)
    scenery = Scenery(backgrounds, read_small_things(options.data), SMALL_SIDE)
    tests = {}
    drawn = len(balanced(photos, np.random.default_rng(0)))
    steps = min(drawn // options.batch, options.steps or drawn)
    network = LocalizerNetwork()
    if options.start:  # of an earlier run, whose checkpoint is gone
        rng = np.random.default_rng(options.seed)
        pictures, _, _ = draw_batch(balanced(photos, rng)[:SOME], photos, scenery, rng)
        from_keras(load("caltech_localizer", "cpu").network, network, as_tensor(network_input(pictures), "cpu"))
    network = network.to(device, memory_format=torch.channels_last)
    optimizer, schedule = optimization(network, options.epochs * steps, options.rate)
    (options.out / "epochs").mkdir(parents=True, exist_ok=True)
    states = {"network": network, "optimizer": optimizer, "schedule": schedule}
    history = restore(options.out, states) if options.resume else []
    if not history:
        torch.save(network.state_dict(), options.out / "epochs" / "000.pt")
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"{count:,} parameters, {drawn:,} pictures an epoch, {len(held_out)} held back, on {device}", flush=True)
    bfloat16 = fast_bfloat16(device)
    step = training_step(network, optimizer, schedule, device, bfloat16=bfloat16)
    for epoch in range(len(history), options.epochs):
        start, side = time.time(), LOCALIZER_SIDE if options.start else side_in(epoch, options.epochs)
        if not tests or side != scenery.side:
            scenery = replace(scenery, side=side)
            tests = validation_sets(held_out, other_backgrounds, side, network_input)
        rng = np.random.default_rng((options.seed, epoch))
        order = balanced(photos, rng)[: steps * options.batch]
        losses = []
        for batch in range(0, len(order), options.batch):
            pictures, labels, boxes = draw_batch(order[batch : batch + options.batch], photos, scenery, rng)
            losses.append(step(network_input(pictures), labels, boxes))
        means = {name: float(np.mean([part[name] for part in losses])) for name in losses[0]}
        measured = measure(network, tests, bfloat16=bfloat16)
        history.append({"side": side} | means | measured | {"seconds": time.time() - start})
        torch.save(network.state_dict(), options.out / "epochs" / f"{epoch + 1:03}.pt")
        save(options.out, states, history)
        print(epoch + 1, printed(history[-1]), flush=True)
    epochs = [options.out / "epochs" / f"{number:03}.pt" for number in range(len(history) + 1)]
    earlier = localizer_record() if options.start else None
    bundle_localizer(epochs, history, held_out, options.out / "bundle", earlier)
    print(f"Wrote {options.out / 'bundle'}.")


def side_in(epoch: int, epochs: int) -> int:
    """Return the side of the pictures in an epoch, counted from 0, of so many."""
    return SMALL_SIDE if epoch < round(GROWTH * epochs) else LOCALIZER_SIDE


def optimization(network, steps: int, peak_rate: float = PEAK_RATE) -> tuple:
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

    def share(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def balanced(photos: list, rng: np.random.Generator) -> np.ndarray:
    """Draw an epoch: every photo, those of rarer classes again, and as many of nothing, in random order.

    Returns:
        (N,) int: indices of photos; −1 is a picture of nothing.
    """
    labels = np.array([photo.label for photo in photos])
    most = np.bincount(labels).max()
    drawn = [np.full(most, -1)]
    for label in range(NOTHING):
        own = np.flatnonzero(labels == label)
        drawn += [own, rng.choice(own, most - len(own))]
    return rng.permutation(np.concatenate(drawn))


def draw_batch(
    indices: np.ndarray, photos: list, scenery: Scenery, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make pictures (N, S, S, 3) uint8, labels (N,) int32 and boxes (N, 4) float32, all 0 where there is nothing."""
    pictures, labels, boxes = [], [], []
    for index in indices:
        if index < 0:
            picture, label, box = empty_picture(photos, scenery, rng), NOTHING, np.zeros(4, np.float32)
        else:
            (picture, box), label = object_picture(photos[index], scenery, rng), photos[index].label
        pictures.append(picture)
        labels.append(label)
        boxes.append(box)
    return np.stack(pictures), np.array(labels, np.int32), np.stack(boxes)


def training_step(network, optimizer, schedule, device: str, *, bfloat16: bool) -> Callable[..., dict[str, float]]:
    """Return a function of (inputs (N, h, w, C), labels, boxes) that does a step and returns the parts of the loss."""

    def step(inputs: np.ndarray, labels: np.ndarray, boxes: np.ndarray) -> dict[str, float]:
        wanted, truth = torch.from_numpy(labels).long().to(device), torch.from_numpy(boxes).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            outputs = network(as_tensor(inputs, device))
        crossed = torch.nn.functional.cross_entropy(outputs["logits"], wanted)
        with_box = (wanted != NOTHING).float()
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
    """Make what is measured after each epoch: the held-back photos, the same pasted, and pictures of nothing.

    Args:
        held_out: The photos.
        backgrounds: Photos with nothing.
        side: Of the pictures.
        to_input: From pictures (N, side, side, 3) uint8 to what the network takes.

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


def measure(network, tests: dict[str, tuple], *, bfloat16: bool = False) -> dict:
    """Return the figures of one epoch, as `cnn_demo.models.bundled.LocalizerRecord` keeps them."""
    figures = {}
    for name in ("whole", "pasted"):
        inputs, boxes, labels = tests[name]
        logits, found = answers(network, inputs, bfloat16=bfloat16)
        overlaps = iou(found, boxes)
        figures |= {
            f"{name}_accuracy": float((logits.argmax(1) == labels).mean()),
            f"{name}_iou": float(overlaps.mean()),
            f"{name}_over_50": float((overlaps > 0.5).mean()),
            f"{name}_over_75": float((overlaps > 0.75).mean()),
            f"{name}_histogram": np.histogram(overlaps, np.linspace(0, 1, 21))[0].tolist(),
        }
    logits, _ = answers(network, tests["empty"][0], bfloat16=bfloat16)
    return figures | {"false_boxes": float((logits.argmax(1) != NOTHING).mean())}


def printed(figures: dict) -> dict:
    """Return the figures of an epoch for one line of the log."""
    return {key: round(value, 3) for key, value in figures.items() if not isinstance(value, list)}


def save(folder: Path, states: dict, history: list[dict]) -> None:
    """Write the checkpoint, of whatever has a `state_dict`, and what was measured so far."""
    torch.save({name: part.state_dict() for name, part in states.items()}, folder / "checkpoint_new.pt")
    (folder / "checkpoint_new.pt").replace(folder / "checkpoint.pt")  # never half a checkpoint
    (folder / "history.json").write_text(json.dumps(history, indent=1))


def restore(folder: Path, states: dict) -> list[dict]:
    """Read what `save` wrote into the states, and return the history; an empty one where there is nothing yet."""
    if not (folder / "checkpoint.pt").is_file():
        return []
    saved = torch.load(folder / "checkpoint.pt", weights_only=True)
    for name, part in states.items():
        part.load_state_dict(saved[name])
    return json.loads((folder / "history.json").read_text())


if __name__ == "__main__":
    main()
