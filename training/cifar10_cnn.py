"""Train the bundled residual network on CIFAR-10, from random weights or, with `--start`, from the bundled ones.

`python -m training.cifar10_cnn --data FOLDER` takes about 4 minutes an epoch on one core; interrupted, it goes on with
`--resume`. The 5,000 validation images are measured after every epoch but never trained on, and nothing is chosen by
them: the result is the exponential moving average of the weights after the last epoch. The files for `assets/weights`
are then in `runs/cifar10_cnn/bundle`; with `--start` they carry on the record of the earlier epochs. `--measure` trains
nothing: it measures the bundled weights again and writes the files of `write_cifar10_record` into that folder.

With `--teacher FILE`, the logits that `training.cifar10_teacher` writes, the network also learns from a teacher's
probabilities for each image (Hinton et al. 2015, "Distilling the knowledge in a neural network",
https://arxiv.org/abs/1503.02531): of the mean of these logits and of its own at the start of this training. With
`--own-teacher` it learns from its own at the start alone (Furlanello et al. 2018, "Born-again neural networks",
https://arxiv.org/abs/1805.04770). `--bfloat16` takes about half the time on processors and GPUs that have it; weights,
their updates and all that is measured stay float32.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import cifar10_cnn
from cnn_demo.models.classification.classifiers import network_input
from cnn_demo.models.files.weights import BUNDLED
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.training_records import cifar10_record
from training.data.datasets import LabelledImages, argument_parser, read_cifar10
from training.networks.cifar10 import Cifar10Network, first_kernels, predict_logits
from training.networks.localizer import as_tensor, from_keras
from training.steps.bundle import bundle_cifar10, write_cifar10_record
from training.steps.checkpoints import restore, save
from training.steps.schedules import COOL_DOWN, ema_update, parameter_groups, rate_at

torch = frameworks.torch()

WEIGHT_DECAY = 4e-4
SHIFT = 4  # pixels that an image is moved at most
SOFTNESS = 2.0  # temperature of the teacher's and the network's probabilities
TEACHER_WEIGHT = 0.8  # of the loss against the teacher's probabilities; the rest is against the labels
SOME = 2000  # images on which normalizations that were folded are measured anew


def main() -> None:
    """Read the arguments and train."""
    parser = argument_parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/cifar10_cnn"), help="checkpoint, curves and snapshots")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.1, help="the highest learning rate")
    parser.add_argument("--cool-down", type=float, default=COOL_DOWN, help="fraction of the epochs in which it falls")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, help="of torch; one is fastest where cores come and go")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--start", action="store_true", help="begin with the bundled weights, not with chance")
    parser.add_argument("--teacher", type=Path, help="logits of a teacher for the training images, (N, 10) .npy")
    parser.add_argument("--own-teacher", action="store_true", help="learn from the network's own first predictions")
    parser.add_argument("--hole", type=int, default=8, help="pixels a side of the grey square that hides a part")
    parser.add_argument("--bfloat16", action="store_true", help="convolve in bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", action="store_true", help="only measure the bundled weights again")
    options = parser.parse_args()
    if options.measure:
        measure_bundled(options.data, options.out / "bundle")
    else:
        train(options)


def measure_bundled(data: Path, folder: Path) -> None:
    """Measure the bundled weights on the validation images and write their record, with the epochs that it had."""
    network = cifar10_cnn()
    network.load_weights(BUNDLED / "cifar10_cnn.weights.h5")
    record = cifar10_record()
    validation = read_cifar10(data)[1]
    write_cifar10_record(network, validation, folder, record.epochs, record.restarts, record.taught_from)
    print(f"Wrote {folder}.")


def train(options: argparse.Namespace) -> None:
    """Train, and after each epoch write `checkpoint.pt`, `history.json` and `snapshots.npy`."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    training, validation = read_cifar10(options.data)
    network: TorchNetwork = Cifar10Network()
    if options.start:
        bundled = cifar10_cnn()
        bundled.load_weights(BUNDLED / "cifar10_cnn.weights.h5")
        some = np.random.default_rng(options.seed).permutation(len(training.images))[:SOME]
        from_keras(bundled, network, as_tensor(network_input(training.images[some]), "cpu"))
    network = network.to(device, memory_format=torch.channels_last)
    mean = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=ema_update, use_buffers=True)
    optimizer = torch.optim.SGD(parameter_groups(network, WEIGHT_DECAY), options.rate, momentum=0.9, nesterov=True)
    states = {"network": network, "mean": mean, "optimizer": optimizer}
    options.out.mkdir(parents=True, exist_ok=True)
    history = restore(options.out, states) if options.resume else []
    snapshots = [first_kernels(network)]
    if history:
        snapshots = list(np.load(options.out / "snapshots.npy"))[: len(history) + 1]
    teacher = teacher_logits(options, mean.module, training.images)
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"{count:,} parameters, {len(training.images):,} training images, on {device}", flush=True)
    held_out = network_input(validation.images)
    steps = len(training.images) // options.batch
    for epoch in range(len(history), options.epochs):
        start = time.time()
        rng = np.random.default_rng((options.seed, epoch))
        order = rng.permutation(len(training.images))
        images = cut_out(augment(training.images[order], rng), rng, options.hole)
        labels = torch.from_numpy(training.labels[order]).to(device)
        losses, right = [], []
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = options.rate * rate_at(epoch * steps + step, options.epochs * steps, options.cool_down)
            batch = slice(step * options.batch, (step + 1) * options.batch)
            with torch.autocast(device, torch.bfloat16, enabled=options.bfloat16):
                logits = network(as_tensor(network_input(images[batch]), device))
            logits = logits.float()
            loss = nn.functional.cross_entropy(logits, labels[batch])
            if teacher is not None:
                loss = torch.lerp(loss, distillation_loss(logits, teacher[order[batch]].to(device)), TEACHER_WEIGHT)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean.update_parameters(network)
            losses.append(float(loss.detach()))
            right.append(float((logits.argmax(1) == labels[batch]).float().mean()))
        metrics = {"loss": float(np.mean(losses)), "accuracy": float(np.mean(right))}
        metrics |= validate(mean.module, held_out, validation)
        metrics |= {"rate": group["lr"], "teacher": teacher is not None, "seconds": time.time() - start}
        history.append(metrics)
        snapshots.append(first_kernels(mean.module))
        np.save(options.out / "snapshots.npy", np.stack(snapshots))
        save(options.out, states, history)
        print(epoch + 1, {key: round(value, 4) for key, value in history[-1].items()}, flush=True)
    earlier = cifar10_record() if options.start else None
    bundle_cifar10(mean.module, history, snapshots, validation, options.out / "bundle", earlier)
    print(f"Wrote {options.out / 'bundle'}.")


def teacher_logits(options: argparse.Namespace, network: nn.Module, images: np.ndarray) -> Tensor | None:
    """Return the logits (N, 10) to learn from, made at the start of a training and kept in its folder."""
    if not options.teacher and not options.own_teacher:
        return None
    kept = options.out / "teacher.npy"
    if not kept.exists():
        own = np.mean([predict_logits(network, network_input(view)) for view in (images, images[:, :, ::-1])], axis=0)
        np.save(kept, (np.load(options.teacher) + own) / 2 if options.teacher else own)
    return torch.from_numpy(np.load(kept).astype(np.float32))


def distillation_loss(logits: Tensor, teacher: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence from softened probabilities of the network to those of its teacher.

    Args:
        logits: (N, 10) logits of the network.
        teacher: (N, 10) logits of the teacher.

    Returns:
        Mean over the images, times the squared temperature, which keeps the size of its gradient.
    """
    predicted = nn.functional.log_softmax(logits / SOFTNESS, 1)
    target = nn.functional.softmax(teacher / SOFTNESS, 1)
    return SOFTNESS**2 * nn.functional.kl_div(predicted, target, reduction="batchmean")


def validate(network: nn.Module, inputs: np.ndarray, validation: LabelledImages) -> dict[str, float]:
    """Return `validation_loss` and `validation_accuracy` of a network."""
    logits = torch.from_numpy(predict_logits(network, inputs))
    truth = torch.from_numpy(validation.labels)
    return {
        "validation_loss": float(nn.functional.cross_entropy(logits, truth)),
        "validation_accuracy": float((logits.argmax(1) == truth).float().mean()),
    }


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


def cut_out(images: np.ndarray, rng: np.random.Generator, hole: int) -> np.ndarray:
    """Hide a square of `hole` pixels of each image, (N, H, W, 3) uint8, behind grey; its centre may be anywhere.

    DeVries & Taylor (2017), "Cutout", https://arxiv.org/abs/1708.04552.
    """
    count, height, width, _ = images.shape
    top, left = (rng.integers(0, side, (count, 1)) - hole // 2 for side in (height, width))
    rows, columns = np.arange(height), np.arange(width)
    hidden = ((rows >= top) & (rows < top + hole))[:, :, None] & ((columns >= left) & (columns < left + hole))[:, None]
    return np.where(hidden[..., None], np.uint8(128), images)


if __name__ == "__main__":
    main()
