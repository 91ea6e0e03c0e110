"""How long the localizers take for one photo, beside the bare compiled Keras call.

Run from anywhere: `python benchmarks/localize.py [--repeats N] [KEY ...]`. Ours begins with the photo as the page has
it (the astronaut sample) and ends with a label and a box in its pixels. The bare peer is a `tf.function` of the same
Keras model on the same picture, ready and scaled. Times are measured by `timing.py`. The bars, at most 60 ms and at
most 1.2 × the bare call, are held against the fastest tenth; they are printed, not enforced.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from timing import fastest, print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import frameworks, load_localizer

MODELS = ("everyday_localizer", "caltech_localizer")
MAX_MS = 60
MAX_RATIO = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=MODELS, metavar="KEY", help="of a localizer")
    parser.add_argument("--repeats", type=int, default=51)
    options = parser.parse_args()
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load()
    height, width = photo.pixels.shape[:2]
    print(f"One photo of {width} × {height}, {options.repeats} repeats in an order drawn anew\n")
    for key in options.models:
        measure(key, photo.pixels, options.repeats)


def measure(key: str, pixels: np.ndarray, repeats: int) -> None:
    tf = frameworks.tensorflow()
    model = load_localizer(key)
    ready = tf.constant(model.scaled(model.prepare(pixels)[None]))
    bare = tf.function(lambda batch: [model.network(batch, training=False)[name] for name in ("logits", "box")])
    contestants = {
        "ours": lambda: model.predict(pixels),
        "bare call": lambda: [output.numpy() for output in bare(ready)],
    }
    times = take_times(contestants, repeats)
    ms = fastest(times)
    ratio = ms["ours"] / ms["bare call"]
    print(f"{model.spec.title} on {model.device}")
    print_times(times)
    print(f"  at most {MAX_MS} ms: {verdict(ms['ours'] <= MAX_MS)}")
    print(f"  {ratio:.2f} × the bare call (at most {MAX_RATIO}: {verdict(ratio <= MAX_RATIO)})\n")


if __name__ == "__main__":
    main()
