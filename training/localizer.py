"""Train the bundled localizer on airplanes, faces and motorcycles of Caltech-101, from random initialization.

`python -m training.localizer --data FOLDER`; interrupted, it goes on with `--resume`. The validation photos, the last
15% of each class, are measured after every epoch but never trained on, and nothing is chosen by them: the last epoch's
weights are the result. The first epochs use smaller pictures, which cost two thirds; then pictures grow to the size
that the app shows the network (Tan & Le, "EfficientNetV2" (2021), https://arxiv.org/abs/2104.00298). The files for
`assets/weights` are then in `runs/localizer/bundle`. With `--start` it goes on from the bundled weights, with pictures
of that size alone, and the record of their training is carried on.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnn_demo.models import frameworks, load_localizer
from cnn_demo.models.bundled_networks import LOCALIZER_SIDE
from cnn_demo.models.classification.classifiers import network_input
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.training_records import localizer_record
from training.data.datasets import argument_parser, read_backgrounds, read_caltech3, read_distractors
from training.data.placement import (
    Backgrounds,
)
from training.networks.localizer import LocalizerNetwork, as_tensor, from_keras
from training.steps.bundle import bundle_localizer
from training.steps.checkpoints import restore, save
from training.steps.localizer import (
    PEAK_RATE,
    balanced,
    draw_batch,
    measure,
    optimization,
    printed,
    training_step,
    validation_sets,
)
from training.steps.precision import fast_bfloat16

torch = frameworks.torch()

SMALL_SIDE, GROWTH = 128, 0.4  # picture side in the first epochs, and fraction of the epochs after which it grows
SOME = 512  # pictures on which normalizations that were folded are measured anew


def main() -> None:
    """Read the arguments and train."""
    parser = argument_parser(__doc__)
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
    scenery = Backgrounds(backgrounds, read_distractors(options.data), SMALL_SIDE)
    tests: dict[str, tuple] = {}
    drawn = len(balanced(photos, np.random.default_rng(0)))
    steps = min(drawn // options.batch, options.steps or drawn)
    network: TorchNetwork = LocalizerNetwork()
    if options.start:  # continues from the bundled weights, without a checkpoint
        rng = np.random.default_rng(options.seed)
        pictures, _, _ = draw_batch(balanced(photos, rng)[:SOME], photos, scenery, rng)
        from_keras(
            load_localizer("caltech_localizer", "cpu").network, network, as_tensor(network_input(pictures), "cpu")
        )
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
        start = time.time()
        side = LOCALIZER_SIDE if options.start else side_in(epoch, options.epochs)
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


if __name__ == "__main__":
    main()
