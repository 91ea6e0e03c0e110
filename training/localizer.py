"""Train the bundled localizer on airplanes, faces and motorcycles of Caltech-101, from random initialisation.

`python -m training.localizer --data FOLDER`; interrupted, it goes on with `--resume`. The validation photos, the last
15 % of each class, are measured after every epoch but never trained on, and nothing is chosen by them: the last epoch's
weights are the result. The files for `assets/weights` are then in `runs/localizer/bundle`.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import LOSS_WEIGHTS, iou
from cnn_demo.models.classifiers import network_input
from cnn_demo.models.networks import LOCALIZER_SIDE, caltech_localizer
from training.bundle import bundle_localizer
from training.datasets import DATA, BoxedPhoto, read_backgrounds, read_caltech3, read_small_things
from training.localizer_losses import box_losses
from training.placement import NOTHING, Scenery, empty_picture, object_picture, pasted_picture, squash, squashed_picture

keras, tf = frameworks.keras(), frameworks.tensorflow()

PEAK_RATE, WEIGHT_DECAY, CLIP = 2e-3, 0.02, 5.0
WARM_UP = 0.05  # share of the steps in which the learning rate rises
WEIGHTS = LOSS_WEIGHTS | {"votes": 1.0}  # of the parts of the loss
EMPTY = 150  # pictures of nothing that are measured after each epoch


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the archives")
    parser.add_argument("--out", type=Path, default=Path("runs/localizer"), help="checkpoint, curves, weights by epoch")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--steps", type=int, help="no more steps an epoch than this, to try the program out")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--float32", action="store_true", help="compute in float32, not in bfloat16 with float32 sums")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone", metavar="KEY", help="train the heads alone, on this classifier's feature maps")
    options = parser.parse_args()
    if options.backbone:
        from training.localizer_heads import train_heads  # which imports this module

        train_heads(options)
    else:
        train(options)


def train(options: argparse.Namespace) -> None:
    """Train, and after each epoch write `checkpoint.npz`, `history.json` and `epochs/NUMBER.weights.h5`."""
    keras.utils.set_random_seed(options.seed)
    keras.mixed_precision.set_dtype_policy("float32" if options.float32 else "mixed_bfloat16")
    photos, held_out = read_caltech3(options.data)
    backgrounds, other_backgrounds = read_backgrounds(options.data)
    scenery = Scenery(backgrounds, read_small_things(options.data), LOCALIZER_SIDE)
    tests = validation_sets(held_out, other_backgrounds, LOCALIZER_SIDE, network_input)
    drawn = len(balanced(photos, np.random.default_rng(0)))
    steps = min(drawn // options.batch, options.steps or drawn)
    network = caltech_localizer(batch_norm=True)
    optimizer = keras.optimizers.AdamW(rate(options.epochs * steps), WEIGHT_DECAY, global_clipnorm=CLIP)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(network.trainable_variables)
    variables = network.variables + optimizer.variables
    (options.out / "epochs").mkdir(parents=True, exist_ok=True)
    history = restore(options.out, variables) if options.resume else []
    print(f"{network.count_params():,} parameters, {drawn:,} pictures an epoch, {len(held_out)} held back", flush=True)
    step = training_step(network, optimizer)
    for epoch in range(len(history), options.epochs):
        start = time.time()
        rng = np.random.default_rng((options.seed, epoch))
        order = balanced(photos, rng)[: steps * options.batch]
        losses = []
        for batch in range(0, len(order), options.batch):
            pictures, labels, boxes = draw_batch(order[batch : batch + options.batch], photos, scenery, rng)
            losses.append(step(network_input(pictures), labels, boxes))
        means = {name: float(np.mean([part[name] for part in losses])) for name in losses[0]}
        history.append(means | measure(network, tests) | {"seconds": time.time() - start})
        network.save_weights(options.out / "epochs" / f"{epoch + 1:03}.weights.h5")
        save(options.out, variables, history)
        print(epoch + 1, printed(history[-1]), flush=True)
    keras.mixed_precision.set_dtype_policy("float32")
    epochs = [options.out / "epochs" / f"{number + 1:03}.weights.h5" for number in range(len(history))]
    bundle_localizer(epochs, history, held_out, options.out / "bundle")
    print(f"Wrote {options.out / 'bundle'}.")


def rate(steps: int):
    """Return a learning rate that rises to its peak, then falls to 0 (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    warm_up = round(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        PEAK_RATE / 25, steps - warm_up, warmup_target=PEAK_RATE, warmup_steps=warm_up
    )


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


def training_step(network: keras.Model, optimizer):
    """Return a compiled function of (pictures, labels, boxes) that does one step and returns the parts of the loss."""

    @tf.function(reduce_retracing=True)
    def step(pictures, labels, boxes):
        with tf.GradientTape() as tape:
            outputs = network(pictures, training=True)
            crossed = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs["logits"])
            with_box = tf.cast(labels != NOTHING, tf.float32)
            parts = {"class": tf.reduce_mean(crossed)} | box_losses(outputs["box"], outputs["votes"], boxes, with_box)
            loss = sum(WEIGHTS[name] * part for name, part in parts.items())
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return parts | {"loss": loss}

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


def measure(network: keras.Model, tests: dict[str, tuple]) -> dict:
    """Return the figures of one epoch, as `cnn_demo.models.bundled.LocalizerRecord` keeps them."""
    figures = {}
    for name in ("whole", "pasted"):
        inputs, boxes, labels = tests[name]
        outputs = network.predict(inputs, 61, verbose=0)
        overlaps = iou(outputs["box"], boxes)
        figures |= {
            f"{name}_accuracy": float((outputs["logits"].argmax(1) == labels).mean()),
            f"{name}_iou": float(overlaps.mean()),
            f"{name}_over_50": float((overlaps > 0.5).mean()),
            f"{name}_over_75": float((overlaps > 0.75).mean()),
            f"{name}_histogram": np.histogram(overlaps, np.linspace(0, 1, 21))[0].tolist(),
        }
    logits = network.predict(tests["empty"][0], 61, verbose=0)["logits"]
    return figures | {"false_boxes": float((logits.argmax(1) != NOTHING).mean())}


def printed(figures: dict) -> dict:
    """Return the figures of an epoch for one line of the log."""
    return {key: round(value, 3) for key, value in figures.items() if not isinstance(value, list)}


def save(folder: Path, variables: list, history: list[dict]) -> None:
    """Write the checkpoint, network and optimizer, and what was measured so far."""
    values = [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]
    np.savez(folder / "checkpoint_new.npz", *values)
    (folder / "checkpoint_new.npz").replace(folder / "checkpoint.npz")  # never half a checkpoint
    (folder / "history.json").write_text(json.dumps(history, indent=1))


def restore(folder: Path, variables: list) -> list[dict]:
    """Read what `save` wrote into the variables, and return the history; an empty one where there is nothing yet."""
    if not (folder / "checkpoint.npz").is_file():
        return []
    with np.load(folder / "checkpoint.npz") as file:
        for variable, name in zip(variables, file.files, strict=True):
            variable.assign(file[name])
    return json.loads((folder / "history.json").read_text())


if __name__ == "__main__":
    main()
