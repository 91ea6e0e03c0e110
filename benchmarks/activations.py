"""How long page 3's network takes for one photo with every activation kept, beside the bare compiled Keras call.

Run from anywhere: `python benchmarks/activations.py [--repeats N]`. Ours begins with the photo as the page has it (the
astronaut sample, made 1280 × 1280 to be as large as photos are kept), brings it to 32 × 32, runs the network and hands
every layer's output out as NumPy arrays. The peer is a `tf.function` of the same Keras model on a ready 32 × 32 tensor,
which returns the ten logits alone. Times are measured by `timing.py`. The bars, under 150 ms and at most 1.5 × the bare
call, are held against the fastest tenth; they are printed, not enforced.
"""

import argparse
import sys
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from timing import fastest, print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import frameworks, load_classifier
from cnn_demo.models.classification.classifiers import network_input

MAX_MILLISECONDS = 150
MAX_RATIO = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=301)
    repeats = max(parser.parse_args().repeats, 1)
    tf = frameworks.tensorflow()
    model = load_classifier("cifar10_cnn")
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load()
    pixels = cv2.resize(photo.pixels, (1280, 1280))
    ready = tf.constant(network_input(model.prepare(pixels)[None]))
    bare = tf.function(lambda batch: model.network(batch, training=False))
    contestants = {
        "every activation": lambda: model.activations(pixels),
        "prediction": lambda: model.predict(pixels),
        "bare call": lambda: bare(ready).numpy(),
    }
    times = take_times(contestants, repeats)
    ms = fastest(times)
    print(f"{model.spec.title} on {model.device}, photo of 1280 × 1280, {repeats} repeats in an order drawn anew")
    print_times(times)
    ours = ms["every activation"]
    ratio = ours / ms["bare call"]
    print(f"  under {MAX_MILLISECONDS} ms: {verdict(ours < MAX_MILLISECONDS)}")
    print(f"  {ratio:.2f} × the bare call (at most {MAX_RATIO}: {verdict(ratio <= MAX_RATIO)})")


if __name__ == "__main__":
    main()
