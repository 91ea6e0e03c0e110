"""Train the bundled residual network on CIFAR-10, from random initialization.

`python -m training.cifar10_cnn --data FOLDER` takes about 80 s an epoch on 2 cores; interrupted, it goes on with
`--resume`. The 5,000 validation images are measured after every epoch but never trained on, and nothing is chosen by
them: the last epoch's weights are the result. The files for `assets/weights` are then in `runs/cifar10_cnn/bundle`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import cifar10_cnn, fold
from cnn_demo.models.classification.classifiers import network_input
from training.data.datasets import argument_parser, read_cifar10
from training.steps.bundle import bundle_cifar10

if TYPE_CHECKING:
    from keras import Model
    from keras.optimizers.schedules import LearningRateSchedule

keras = frameworks.keras()

# Cycles of epochs; in each the learning rate falls from its peak to 0, in the first it also rises to it.
# (epochs, peak rate, whether a part of each image is hidden)
CYCLES = ((26, 0.15, False), (18, 0.075, True))
WEIGHT_DECAY = 4e-3  # decoupled: one step subtracts this times the learning rate times the weight
SHIFT = 4  # pixels that an image is moved at most
HOLE = 10  # pixels a side of the grey square that hides a part of each image


def main() -> None:
    """Read the arguments and train."""
    parser = argument_parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/cifar10_cnn"), help="checkpoint, curves and snapshots")
    parser.add_argument("--cycles", type=int, default=len(CYCLES), help="how many of the cycles to train")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--float32", action="store_true", help="compute in float32, not in bfloat16 with float32 sums")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


def train(options: argparse.Namespace) -> None:
    """Train, and after each epoch write `checkpoint.keras`, `history.json` and `snapshots.npy`."""
    keras.utils.set_random_seed(options.seed)
    keras.mixed_precision.set_dtype_policy("float32" if options.float32 else "mixed_bfloat16")
    training, validation = read_cifar10(options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    steps = -(-len(training.images) // options.batch)
    if options.resume and (options.out / "checkpoint.keras").is_file():
        model = keras.models.load_model(options.out / "checkpoint.keras")
        history = json.loads((options.out / "history.json").read_text())
        snapshots = list(np.load(options.out / "snapshots.npy"))
    else:
        model = cifar10_cnn(batch_norm=True)
        history, snapshots = [], [first_kernels(model)]
    print(f"{model.count_params():,} parameters, {len(training.images):,} training images", flush=True)
    held_out = network_input(validation.images)
    plan = [(cycle, at == 0) for cycle in CYCLES[: options.cycles] for at in range(cycle[0])]
    for epoch, ((epochs, peak, hide), begins) in list(enumerate(plan))[len(history) :]:
        if begins:
            compile_for(model, warm_then_cosine(peak, epochs * steps) if epoch == 0 else cosine(peak, epochs * steps))
        start = time.time()
        rng = np.random.default_rng((options.seed, epoch))
        order = rng.permutation(len(training.images))
        images = augment(training.images[order], rng)
        if hide:
            images = cut_out(images, rng)
        images = network_input(images)
        fit = model.fit(images, training.labels[order], options.batch, shuffle=False, verbose=0)
        loss, accuracy = model.evaluate(held_out, validation.labels, 500, verbose=0)
        history.append(
            {
                "loss": fit.history["loss"][0],
                "accuracy": fit.history["accuracy"][0],
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "seconds": time.time() - start,
            }
        )
        snapshots.append(first_kernels(model))
        model.save(options.out / "checkpoint.keras")
        np.save(options.out / "snapshots.npy", np.stack(snapshots))
        (options.out / "history.json").write_text(json.dumps(history, indent=1))
        print(epoch + 1, {key: round(value, 4) for key, value in history[-1].items()}, flush=True)
    keras.mixed_precision.set_dtype_policy("float32")
    restarts = [epoch + 1 for epoch, (_, begins) in enumerate(plan) if begins and epoch]
    bundle_cifar10(model, history, restarts, snapshots, validation, options.out / "bundle")
    print(f"Wrote {options.out / 'bundle'}.")


def warm_then_cosine(peak: float, steps: int) -> LearningRateSchedule:
    """Return a learning rate that rises to its peak for a fifth of the steps, then falls to 0."""
    warm_up = steps // 5
    return keras.optimizers.schedules.CosineDecay(peak / 25, steps - warm_up, warmup_target=peak, warmup_steps=warm_up)


def cosine(peak: float, steps: int) -> LearningRateSchedule:
    """Return a learning rate that falls from its peak to 0 (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    return keras.optimizers.schedules.CosineDecay(peak, steps)


def compile_for(model: Model, rate: float | LearningRateSchedule) -> None:
    """Make a model ready for stochastic gradient descent with Nesterov momentum at this learning rate."""
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile="auto" if keras.backend.backend() == "jax" else False,
    )


def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror half of the images and move each by up to 4 pixels, its border filled with its own mirror image.

    Args:
        images: (N, H, W, 3) uint8.
        rng: Random generator.

    Returns:
        (N, H, W, 3) uint8.
    """
    count, height, width, _ = images.shape
    images = np.where(rng.random((count, 1, 1, 1)) < 0.5, images[:, :, ::-1], images)
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, count))
    return windows[np.arange(count), down, right].transpose(0, 2, 3, 1)


def cut_out(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hide a square of each image, (N, H, W, 3) uint8, behind grey; its centre may be anywhere.

    DeVries & Taylor (2017), "Cutout", https://arxiv.org/abs/1708.04552.
    """
    count, height, width, _ = images.shape
    top, left = (rng.integers(0, side, (count, 1)) - HOLE // 2 for side in (height, width))
    rows, columns = np.arange(height), np.arange(width)
    hidden = ((rows >= top) & (rows < top + HOLE))[:, :, None] & ((columns >= left) & (columns < left + HOLE))[:, None]
    return np.where(hidden[..., None], np.uint8(128), images)


def first_kernels(model: Model) -> np.ndarray:
    """Return the first layer's kernels (5, 5, 3, 32) float16, with the normalization after them folded in."""
    return fold(model.get_layer("stem").get_weights()[0], model.get_layer("stem_norm"))[0].astype(np.float16)


if __name__ == "__main__":
    main()
