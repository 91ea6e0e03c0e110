"""How long a pretrained classifier takes for one photo, beside the bare compiled Keras call and `model.predict`.

Run from anywhere: `python benchmarks/classify.py [--repeats N] [KEY ...]`. Ours begins with the photo as the page has
it (the astronaut sample) and ends with labelled probabilities. The bare peer is a `tf.function` of the same Keras model
on the same picture, ready and scaled; `model.predict` gets that picture too. Repeats are interleaved; the table shows
medians. The bars, at most 1.1 × the bare call and at least 2.5 × faster than `model.predict`, are printed, not
enforced. Weights that are not on this machine are drawn by chance and kept in a temporary folder: the arithmetic is the
same.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, load
from cnn_demo.models.weights import find_weights, keras_cache

MODELS = ("mobilenet_v2", "resnet50", "efficientnet_b0")
MOST_RATIO = 1.1
LEAST_GAIN = 2.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=MODELS, metavar="KEY", help="of an ImageNet classifier")
    parser.add_argument("--repeats", type=int, default=51)
    options = parser.parse_args()
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load()
    height, width = photo.pixels.shape[:2]
    print(f"One photo of {width} × {height}, median of {options.repeats} interleaved repeats\n")
    with tempfile.TemporaryDirectory() as folder:
        for key in options.models:
            if find_weights(find(key).weights) is None:
                os.environ["KERAS_HOME"] = folder
                draw_weights(key)
            measure(key, photo.pixels, max(options.repeats, 1))


def draw_weights(key: str) -> None:
    """Save weights drawn by chance under the official file name."""
    spec = find(key)
    network = getattr(frameworks.keras().applications, spec.builder)(weights=None, classifier_activation=None)
    keras_cache().mkdir(parents=True, exist_ok=True)
    network.save(keras_cache() / spec.weights)


def measure(key: str, pixels, repeats: int) -> None:
    tf = frameworks.tensorflow()
    model = load(key)
    scaled = model.scaled(model.prepare(pixels)[None])
    ready = tf.constant(scaled)
    bare = tf.function(lambda batch: model.network(batch, training=False))
    contestants = {
        "ours": lambda: model.predict(pixels),
        "bare call": lambda: bare(ready).numpy(),
        "model.predict": lambda: model.network.predict(scaled, verbose=0),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(5):
        for run in contestants.values():
            run()
    for _ in range(repeats):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1000)
    ms = {name: statistics.median(values) for name, values in times.items()}
    ratio, gain = ms["ours"] / ms["bare call"], ms["model.predict"] / ms["ours"]
    print(f"{model.spec.title} on {model.device}")
    for name, value in ms.items():
        print(f"  {name:14} {value:7.2f} ms")
    verdicts = ["holds" if fine else "MISSED" for fine in (ratio <= MOST_RATIO, gain >= LEAST_GAIN)]
    print(f"  {ratio:.2f} × the bare call (at most {MOST_RATIO}: {verdicts[0]})")
    print(f"  {gain:.2f} × faster than model.predict (at least {LEAST_GAIN}: {verdicts[1]})\n")


if __name__ == "__main__":
    main()
