"""How long page 3's live training takes while another process keeps one core busy, and how well it then reads.

Prints, for the settings that the page begins with, seconds and accuracy on the 360 held-out digits, once with torch's
own threads and once as the app trains: the first is `cnn_demo.models.classification.digits` with torch's default
threads.

    python benchmarks/live_training.py
"""

import contextlib
import multiprocessing
import os
import sys
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cnn_demo.models.classification import digits

BAR_S = 20.0
BAR_ACCURACY = 0.97
PATIENCE_S = 60.0


def hog() -> None:
    """Keep one core busy."""
    while True:
        pass


def trained(settings: digits.DigitSettings) -> digits.DigitRun:
    """Train, giving up after `PATIENCE_S`; return how far it came."""
    runs: list[digits.DigitRun] = []
    digits.train(settings, runs.append, lambda: runs[-1].seconds < PATIENCE_S)
    return runs[-1]


def main() -> None:
    """Measure both and print them."""
    settings = digits.DigitSettings()
    digits.digit_data(), digits.frameworks.torch()
    busy = multiprocessing.Process(target=hog, daemon=True)
    busy.start()
    try:
        ours = trained(settings)
        with unittest.mock.patch.object(digits, "_one_thread", contextlib.nullcontext):
            peer = trained(settings)
    finally:
        busy.kill()
    for name, run in (("as the app trains", ours), ("torch's own threads", peer)):
        print(
            f"{name:20} {len(run.epochs):3} of {settings.epochs} epochs  {run.seconds:6.2f} s  "
            f"held-out accuracy {run.epochs[-1].held_out_accuracy if run.epochs else 0:.1%}"
        )
    print(f"load of the machine, 1 minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    held = ours.seconds < BAR_S and ours.epochs[-1].held_out_accuracy >= BAR_ACCURACY
    print(f"bar: {BAR_ACCURACY:.0%} in {BAR_S:.0f} s, {'held' if held else 'MISSED'}")


if __name__ == "__main__":
    main()
