"""Accuracy and training time of a new head on EfficientNet-Lite0 for five classes of clothes, a dozen photos each.

The classes are the first five in alphabetical order (dress, hat, longsleeve, outwear, pants), the photos the first
twelve files of each. Prints the mean accuracy on the held-out photos of five splits and the seconds from bytes to a
trained head; beside it the same head on features of random weights, and on request after fine-tuning. Then the same of
the bundled set of textures. The bars are printed, not enforced.

    python benchmarks/transfer.py --data FOLDER [--model KEY] [--fine-tune] [--classes NAME ...] [--first N]

`--data` holds clothing.tar.gz (https://github.com/alexeygrigorev/clothing-dataset-small, CC0).
"""

import argparse
import os
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from timing import verdict

from cnn_demo.models import list_models, load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.transfer import backbones, fine_tuning, linear_head, photo_sets
from cnn_demo.models.transfer.sample_sets import textures

CLASSES = ("dress", "hat", "longsleeve", "outwear", "pants")
MODEL = "efficientnet_lite0"
SPLITS = 5
BAR_CLOTHES, BAR_TEXTURES = 0.78, 0.95
BAR_S = 15.0


def files(archive: Path, classes: tuple[str, ...], count: int, first: int) -> dict[str, list[tuple[str, bytes]]]:
    """Read `count` files of each class, from number `first` on in the order of their names."""
    found: dict[str, list[tarfile.TarInfo]] = {label: [] for label in classes}
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            label = Path(member.name).parent.name
            if member.isfile() and label in found:
                found[label].append(member)
        return {
            label: [(member.name, _contents(tar, member)) for member in members[first : first + count]]
            for label, members in found.items()
        }


def _contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # members are files
    return file.read()


def trained(features: np.ndarray, photos: photo_sets.PhotoSet, seed: int, key: str = "") -> linear_head.HeadRun:
    """Train a head on one split and return how it ended."""
    _, hold_out = linear_head.split(photos.classes, seed=seed)
    *_, run = linear_head.train_head(features, photos.classes, photos.labels, hold_out, backbone=key)
    return run


def tuned(model: Classifier, photos: photo_sets.PhotoSet, head: linear_head.HeadRun, seed: int) -> fine_tuning.TunedRun:
    """Fine-tune on one split, from the head that was trained on it."""
    _, hold_out = linear_head.split(photos.classes, seed=seed)
    *_, run = fine_tuning.fine_tune(model, photos.photos, photos.classes, hold_out, head.head)
    return run


def main() -> None:
    """Measure and print."""
    keys = [spec.key for spec in list_models("classification")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with clothing.tar.gz")
    parser.add_argument("--model", default=MODEL, choices=keys, metavar="KEY", help="network that gives the features")
    parser.add_argument("--classes", nargs="+", default=CLASSES)
    parser.add_argument("--photos", type=int, default=12, help="of each class")
    parser.add_argument("--first", type=int, default=0, help="files of each class to pass over")
    parser.add_argument("--fine-tune", action="store_true", help="measure fine-tuning too, some minutes")
    chosen = parser.parse_args()
    named = files(chosen.data / "clothing.tar.gz", tuple(chosen.classes), chosen.photos, chosen.first)
    model = load_classifier(chosen.model)
    measure(model, lambda: photo_sets.gather(named)[0], BAR_CLOTHES, chosen.fine_tune)
    measure(model, textures, BAR_TEXTURES, chosen.fine_tune)
    print(f"load of the machine, 1 minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def measure(model: Classifier, read: Callable[[], photo_sets.PhotoSet], bar: float, fine_tune: bool) -> None:
    """Train on the photos that `read` returns, and hold the first figures against the bars."""
    key = model.spec.key
    start = time.perf_counter()
    photos = read()
    features = backbones.features(model, photos.photos)
    runs = [trained(features, photos, 0, key)]
    seconds = time.perf_counter() - start
    runs += [trained(features, photos, seed, key) for seed in range(1, SPLITS)]
    labels = ", ".join(photos.labels)
    print(f"{model.spec.title} on {labels}: {len(photos.photos)} photos, chance {1 / len(photos.labels):.2f}")
    accuracy = report("trained features", runs, seconds)
    print(f"  at least {bar}: {verdict(accuracy >= bar)}, in {BAR_S:.0f} s: {verdict(seconds < BAR_S)}", flush=True)

    start = time.perf_counter()
    drawn = backbones.random_features(model, photos.photos)
    random = [trained(drawn, photos, seed) for seed in range(SPLITS)]
    report("random features", random, time.perf_counter() - start)

    if fine_tune:
        start = time.perf_counter()
        fine = [tuned(model, photos, run, seed) for seed, run in enumerate(runs)]
        report("fine-tuned", fine, (time.perf_counter() - start) / SPLITS)
    print()


def report(name: str, ended: Sequence[linear_head.HeadRun], seconds: float) -> float:
    """Print and return the mean accuracy on the held-out photos."""
    scores = [run.epochs[-1].held_out_accuracy for run in ended]
    each = ", ".join(f"{score:.2f}" for score in scores)
    print(f"{name:17} hold-out accuracy {np.mean(scores):.3f}  ({each})  {seconds:5.1f} s", flush=True)
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
