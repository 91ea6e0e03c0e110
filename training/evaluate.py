"""Measure every bundled model on its validation part and print one table: the figures of the model cards.

`python -m training.evaluate --data FOLDER` needs the archives that the cards name. Models go through the app's own
door, with the weights that are bundled.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnn_demo.models import list_models, load
from cnn_demo.models.calibration import expected_calibration_error, softmax
from training.bundle import crossed_calibration_error
from training.datasets import DATA, read_cifar10

Figures = list[tuple[str, str, str]]  # what was measured, its value, on what


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the archives")
    parser.add_argument("--model", action="append", choices=tuple(EVALUATIONS), help="only this one; may be repeated")
    options = parser.parse_args()
    print(f"| {'model':20} | {'figure':50} | {'value':>8} | measured on")
    print(f"|{'-' * 22}|{'-' * 52}|{'-' * 10}|{'-' * 30}")
    for key in options.model or [spec.key for spec in list_models() if spec.key in EVALUATIONS]:
        for figure, value, dataset in EVALUATIONS[key](options.data):
            print(f"| {key:20} | {figure:50} | {value:>8} | {dataset}", flush=True)


def evaluate_cifar10(folder: Path) -> Figures:
    """Accuracy, per class too, and calibration of the CIFAR-10 network."""
    model = load("cifar10_cnn")
    _, validation = read_cifar10(folder)
    images, labels = validation.images, validation.labels
    logits = np.concatenate([model.logits(images[i : i + 500]) for i in range(0, len(images), 500)])
    right = logits.argmax(1) == labels
    untempered = expected_calibration_error(softmax(logits), labels)
    here = f"{len(images):,} held-back images"
    figures = [
        ("accuracy", f"{right.mean():.4f}", here),
        ("expected calibration error, two-fold temperature", f"{crossed_calibration_error(logits, labels):.4f}", here),
        ("expected calibration error, no temperature", f"{untempered:.4f}", here),
        ("temperature, fitted on all of them", f"{model.temperature:.3f}", here),
    ]
    classes = enumerate(model.labels)
    return figures + [(f"accuracy on {name}", f"{right[labels == i].mean():.3f}", "500 of them") for i, name in classes]


EVALUATIONS: dict[str, Callable[[Path], Figures]] = {"cifar10_cnn": evaluate_cifar10}


if __name__ == "__main__":
    main()
