"""Training loop in torch, which can be interrupted, resumed and extended.

AdamW, a learning rate that is constant and decays at the end, an exponential moving average of the weights, which is
the result, and a growing image size: the first epochs train on smaller images, which take less time.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, optim

from cnn_demo.models import frameworks
from cnn_demo.models.frameworks import TorchNetwork
from training.data.datasets import argument_parser
from training.steps.bundle import bundle_float16
from training.steps.checkpoints import restore, save
from training.steps.schedules import ema_update, parameter_groups, rate_at

torch = frameworks.torch()


@dataclass(frozen=True)
class Recipe:
    """Fixed settings of a training.

    Attributes:
        name: Name of the training; its results are in `runs/NAME`, its weights in `runs/NAME/bundle`.
        rate: Learning rate.
        weight_decay: Weight decay; biases and normalizations have none.
        clip: Maximum gradient norm.
        small_side: Side of the pictures in the first epochs.
        growth: Fraction of the epochs after which pictures grow to the full side.
        measured_every: Epochs between two measurements for the log.
        encoder_rate: Factor on the learning rate of the pretrained encoder, if the network has one.
        weights: Name of the weights' file without its ending; the training's name if empty.
    """

    name: str
    rate: float
    weight_decay: float
    clip: float
    small_side: int
    growth: float = 0.6
    measured_every: int = 5
    encoder_rate: float = 1.0
    weights: str = ""


def read_options(
    recipe: Recipe, description: str, *, epochs: int, side: int, batch: int, pictures: int
) -> argparse.Namespace:
    """Parse the common arguments of these trainings; the parameters are their defaults."""
    return options_of(recipe, description, epochs=epochs, side=side, batch=batch, pictures=pictures).parse_args()


def options_of(
    recipe: Recipe, description: str, *, epochs: int, side: int, batch: int, pictures: int
) -> argparse.ArgumentParser:
    """Return the parser of `read_options`, for a training that has an argument more."""
    parser = argument_parser(description)
    parser.add_argument("--out", type=Path, default=Path("runs") / recipe.name)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--side", type=int, default=side, help="longer side of the last epochs' pictures, in pixels")
    parser.add_argument("--first-side", type=int, help="of the first epochs' pictures, where not the recipe's")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--pictures", type=int, default=pictures, help="an epoch")
    parser.add_argument("--threads", type=int, help="of torch; one is fastest where cores come and go")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--start", type=Path, metavar="FILE", help="begin with these bundled weights, not with chance")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def prepare(options: argparse.Namespace) -> str:
    """Seed the random generators, set torch's threads, and return the device to train on: "cuda" or "cpu"."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    return "cuda" if torch.cuda.is_available() else "cpu"


def train(
    network: TorchNetwork,
    recipe: Recipe,
    options: argparse.Namespace,
    draw: Callable[[int, np.random.Generator], dict[str, Any]],
    loss_of: Callable[[TorchNetwork, dict[str, Any]], Tensor],
    measure: Callable[[TorchNetwork], dict[str, float]],
) -> list[dict]:
    """Train, and after each epoch write `checkpoint.pt` and `history.json`, after each measured one the weights too.

    Args:
        network: Network on its device.
        recipe: Fixed settings.
        options: Options from `read_options`.
        draw: Function from the side of the pictures and a generator to a batch of `options.batch` pictures.
        loss_of: Function from the network and a batch to the loss, summed over the pictures.
        measure: Function from the network with the EMA weights to its figures on the validation part, for the log.

    Returns:
        For each epoch the side, the loss for each picture, the seconds, and the metrics.
    """
    if options.start:  # of an earlier run of the same program, whose checkpoint is gone
        from safetensors.torch import load_file

        network.load_state_dict(load_file(options.start))
    mean = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=ema_update, use_buffers=True)
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe.weight_decay, recipe.encoder_rate), recipe.rate)
    steps = max(1, options.pictures // options.batch)
    options.out.mkdir(parents=True, exist_ok=True)
    states = {"network": network, "mean": mean, "optimizer": optimizer}
    history = restore(options.out, states) if options.resume else []
    first_side = min(options.first_side or recipe.small_side, options.side)
    network.train()
    for epoch in range(len(history), options.epochs):
        start = time.time()
        rng = np.random.default_rng((options.seed, epoch))
        side = first_side if epoch < recipe.growth * options.epochs else options.side
        losses = []
        for step in range(epoch * steps, (epoch + 1) * steps):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * group["factor"] * rate_at(step, options.epochs * steps)
            loss = loss_of(network, draw(side, rng))
            optimizer_step(network, optimizer, loss, recipe.clip)
            mean.update_parameters(network)
            losses.append(float(loss.detach()) / options.batch)
        history.append({"side": side, "loss": float(np.mean(losses)), "seconds": time.time() - start})
        if (epoch + 1) % recipe.measured_every == 0 or epoch + 1 == options.epochs:
            history[-1] |= measure(mean.module)
            bundle_float16(mean.module, options.out / "bundle" / f"{recipe.weights or recipe.name}.safetensors")
        save(options.out, states, history)
        print(epoch + 1, {name: round(value, 3) for name, value in history[-1].items()}, flush=True)
    return history


def optimizer_step(network: TorchNetwork, optimizer: optim.Optimizer, loss: Tensor, clip: float) -> None:
    """Do one step down the gradient of the loss, which is clipped."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimizer.step()
