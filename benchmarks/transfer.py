"""What a new head on MobileNetV2 makes of five classes of clothes, a dozen photos each, and in how many seconds.

The classes are the first five in alphabetical order (dress, hat, longsleeve, outwear, pants), the photos the first
twelve files of each. Prints the mean accuracy on the held-out photos of five splits and the seconds from bytes to a
trained head; beside it the same head on features of random weights, and on request after fine-tuning.

    CNN_DEMO_WEIGHTS=FOLDER python benchmarks/transfer.py --data FOLDER [--fine-tune] [--classes NAME ...] [--first N]

`--data` holds clothing.tar.gz (https://github.com/alexeygrigorev/clothing-dataset-small, CC0).
"""

import argparse
import os
import sys
import tarfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from cnn_demo.models import backbones, fine_tuning, load, photo_sets, transfer

CLASSES = ("dress", "hat", "longsleeve", "outwear", "pants")
MODEL = "mobilenet_v2"
SPLITS = 5
BAR_ACCURACY = 0.75
BAR_S = 15.0


def files(archive: Path, classes: tuple[str, ...], count: int, first: int) -> dict[str, list[tuple[str, bytes]]]:
    """Read `count` files of each class, from number `first` on in the order of their names."""
    found = {label: [] for label in classes}
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            label = Path(member.name).parent.name
            if member.isfile() and label in found:
                found[label].append(member)
        return {
            label: [(member.name, tar.extractfile(member).read()) for member in members[first : first + count]]
            for label, members in found.items()
        }


def trained(features: np.ndarray, photos: photo_sets.PhotoSet, seed: int, key: str = "") -> transfer.HeadRun:
    """Train a head on one split and return how it ended."""
    _, hold_out = transfer.split(photos.classes, seed=seed)
    *_, run = transfer.train_head(features, photos.classes, photos.labels, hold_out, backbone=key)
    return run


def tuned(model, photos: photo_sets.PhotoSet, head: transfer.HeadRun, seed: int) -> fine_tuning.TunedRun:
    """Fine-tune on one split, from the head that was trained on it."""
    _, hold_out = transfer.split(photos.classes, seed=seed)
    *_, run = fine_tuning.fine_tune(model, photos.photos, photos.classes, hold_out, head.head)
    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with clothing.tar.gz")
    parser.add_argument("--classes", nargs="+", default=CLASSES)
    parser.add_argument("--photos", type=int, default=12, help="of each class")
    parser.add_argument("--first", type=int, default=0, help="files of each class to pass over")
    parser.add_argument("--fine-tune", action="store_true", help="measure fine-tuning too, some minutes")
    chosen = parser.parse_args()
    named = files(chosen.data / "clothing.tar.gz", tuple(chosen.classes), chosen.photos, chosen.first)
    model = load(MODEL)

    start = time.perf_counter()
    photos, _ = photo_sets.gather(named)
    features = backbones.features(model, photos.photos)
    runs = [trained(features, photos, 0, MODEL)]
    seconds = time.perf_counter() - start
    runs += [trained(features, photos, seed, MODEL) for seed in range(1, SPLITS)]
    print(f"{', '.join(photos.labels)}: {len(photos.photos)} photos, chance {1 / len(photos.labels):.2f}")
    accuracy = report("trained features", runs, seconds)

    start = time.perf_counter()
    drawn = backbones.random_features(model, photos.photos)
    random = [trained(drawn, photos, seed) for seed in range(SPLITS)]
    report("random features", random, time.perf_counter() - start)

    if chosen.fine_tune:
        start = time.perf_counter()
        fine = [tuned(model, photos, run, seed) for seed, run in enumerate(runs)]
        report("fine-tuned", fine, (time.perf_counter() - start) / SPLITS)
    print(f"load of the machine, 1 minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    held = accuracy >= BAR_ACCURACY and seconds < BAR_S
    print(f"bar: {BAR_ACCURACY} in {BAR_S:.0f} s, {'held' if held else 'MISSED'}")


def report(name: str, ended: list[transfer.HeadRun], seconds: float) -> float:
    """Print and return the mean accuracy on what was held out."""
    scores = [run.epochs[-1].held_out_accuracy for run in ended]
    each = ", ".join(f"{score:.2f}" for score in scores)
    print(f"{name:17} hold-out accuracy {np.mean(scores):.3f}  ({each})  {seconds:5.1f} s", flush=True)
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
