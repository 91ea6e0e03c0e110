"""Fine-tune EfficientNet-Lite0 on CIFAR-10 as a teacher, and write its logits for the training images.

`python -m training.cifar10_teacher --data FOLDER` starts with the published ImageNet weights, whose stem and first
three stages stay as they are, and enlarges the images to 96 × 96. `runs/cifar10_teacher/logits.npy` then holds the mean
of the logits of each training image and of its mirror image; `training.cifar10_cnn --teacher` learns from them. The
teacher is trained on the same 45,000 images as its student; the 5,000 validation images only measure it. Interrupted,
it goes on with `--resume`.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cnn_demo.models import frameworks
from cnn_demo.models.classification.classifiers import network_input
from cnn_demo.models.frameworks import TorchNetwork
from training.cifar10_cnn import augment
from training.data.datasets import LabelledImages, argument_parser, read_cifar10
from training.networks.cifar10 import predict_logits
from training.networks.encoders import FROZEN_BLOCKS, CompiledByShape, EarlyStages, load_encoder
from training.networks.localizer import as_tensor
from training.steps.checkpoints import restore, save

torch = frameworks.torch()

SIDE = 96  # pixels to which the images are enlarged
CHANNELS = 1280  # pooled features
WEIGHT_DECAY = 0.01
WARM_UP = 100  # steps


class Teacher(nn.Module):
    """EfficientNet-Lite0 with ten classes, from images (N, 3, 32, 32) in −1..1 to logits (N, 10)."""

    encoder: TorchNetwork

    def __init__(self) -> None:
        import timm

        super().__init__()
        self.encoder = timm.create_model("tf_efficientnet_lite0", num_classes=0)
        load_encoder(self.encoder)
        self.logits = nn.Linear(CHANNELS, 10)
        self.early = EarlyStages(self.encoder.conv_stem, self.encoder.bn1, self.encoder.blocks[:FROZEN_BLOCKS])
        self.early.requires_grad_(False)
        self.compiled = CompiledByShape()  # OpenVINO, for the processor

    def train(self, mode: bool = True) -> "Teacher":
        """Set the mode of all stages but the early ones, whose batch statistics stay as they are."""
        super().train(mode)
        self.early.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """From images to logits."""
        pictures = nn.functional.interpolate(images, (SIDE, SIDE), mode="bicubic", antialias=False)
        if pictures.device.type == "cpu":
            maps = self.compiled(lambda: self.early, pictures)[-1].contiguous(memory_format=torch.channels_last)
        else:
            maps = self.early(pictures)[-1]
        maps = self.encoder.bn2(self.encoder.conv_head(self.encoder.blocks[FROZEN_BLOCKS:](maps)))
        return self.logits(nn.functional.dropout(maps.mean((2, 3)), 0.2, self.training))


def main() -> None:
    """Train, and after each epoch write `checkpoint.pt`; then write `logits.npy`."""
    parser = argument_parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/cifar10_teacher"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=5e-4, help="the highest learning rate")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, help="of torch")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    training, validation = read_cifar10(options.data)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    teacher: TorchNetwork = Teacher()
    teacher = teacher.to(device, memory_format=torch.channels_last)
    options.out.mkdir(parents=True, exist_ok=True)
    train(teacher, training, validation, options)
    images = training.images
    logits = predict_logits(teacher, network_input(images)) + predict_logits(teacher, network_input(images[:, :, ::-1]))
    np.save(options.out / "logits.npy", (logits / 2).astype(np.float32))
    print(f"Wrote {options.out / 'logits.npy'}.")


def train(teacher: Teacher, training: LabelledImages, validation: LabelledImages, options: argparse.Namespace) -> None:
    """Train all stages but the early ones with AdamW, and print the validation accuracy after each epoch."""
    device = next(teacher.parameters()).device.type
    optimizer = torch.optim.AdamW(
        (values for values in teacher.parameters() if values.requires_grad), options.rate, weight_decay=WEIGHT_DECAY
    )
    states = {"network": teacher, "optimizer": optimizer}
    history = restore(options.out, states) if options.resume else []
    steps = len(training.images) // options.batch
    held_out = network_input(validation.images)
    for epoch in range(len(history), options.epochs):
        start = time.time()
        rng = np.random.default_rng((options.seed, epoch))
        order = rng.permutation(len(training.images))
        images = augment(training.images[order], rng)
        labels = torch.from_numpy(training.labels[order]).to(device)
        losses = []
        for step in range(steps):
            done = epoch * steps + step
            for group in optimizer.param_groups:
                cosine = (1 + math.cos(math.pi * done / (options.epochs * steps))) / 2
                group["lr"] = options.rate * min(1, (done + 1) / WARM_UP) * cosine
            batch = slice(step * options.batch, (step + 1) * options.batch)
            loss = nn.functional.cross_entropy(teacher(as_tensor(network_input(images[batch]), device)), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            if step % 100 == 0:
                print(step, round(float(np.mean(losses[-100:])), 4), round(time.time() - start), flush=True)
        accuracy = float((predict_logits(teacher, held_out).argmax(1) == validation.labels).mean())
        history.append({"loss": float(np.mean(losses)), "accuracy": accuracy, "seconds": time.time() - start})
        save(options.out, states, history)
        print(epoch + 1, history[-1], flush=True)


if __name__ == "__main__":
    main()
