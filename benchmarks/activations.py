"""How long page 3's network takes for one photo with every activation kept, beside the bare compiled Keras call.

Run from anywhere: `python benchmarks/activations.py [--repeats N]`. Ours begins with the photo as the page has it (the
astronaut sample, made 1280 × 1280 to be as large as photos are kept), brings it to 32 × 32, runs the network and hands
every layer's output out as NumPy arrays. The peer is a `tf.function` of the same Keras model on a ready 32 × 32 tensor,
which returns the ten logits alone. Repeats are interleaved; the table shows medians. The bars, under 150 ms and at most
1.5 × the bare call, are printed, not enforced.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cnn_demo.images import sample_photos
from cnn_demo.models import frameworks, load
from cnn_demo.models.classifiers import network_input

MOST_MILLISECONDS = 150
MOST_RATIO = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=301)
    repeats = max(parser.parse_args().repeats, 1)
    tf = frameworks.tensorflow()
    model = load("cifar10_cnn")
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load()
    pixels = cv2.resize(photo.pixels, (1280, 1280))
    ready = tf.constant(network_input(model.prepare(pixels)[None]))
    bare = tf.function(lambda batch: model.network(batch, training=False))
    contestants = {
        "every activation": lambda: model.activations(pixels),
        "prediction": lambda: model.predict(pixels),
        "bare call": lambda: bare(ready).numpy(),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(10):
        for run in contestants.values():
            run()
    for _ in range(repeats):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1000)
    ms = {name: statistics.median(values) for name, values in times.items()}
    print(f"{model.spec.title} on {model.device}, photo of 1280 × 1280, median of {repeats} interleaved repeats\n")
    for name, value in ms.items():
        print(f"{name:18} {value:7.2f} ms   {value / ms['bare call']:5.2f} × the bare compiled Keras call")
    ours = ms["every activation"]
    print(f"\nunder {MOST_MILLISECONDS} ms: {'holds' if ours < MOST_MILLISECONDS else 'MISSED'}")
    print(f"at most {MOST_RATIO} × the bare call: {'holds' if ours <= MOST_RATIO * ms['bare call'] else 'MISSED'}")


if __name__ == "__main__":
    main()
