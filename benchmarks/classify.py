"""How long a pretrained classifier takes for one photo, beside the bare compiled Keras call and `model.predict`.

Run from anywhere: `python benchmarks/classify.py [--repeats N] [KEY ...]`. Ours begins with the photo as the page has
it (the astronaut sample) and ends with labelled probabilities. The bare peer is a `tf.function` of the same Keras model
on the same picture, ready and scaled; `model.predict` gets that picture too. Beside them Grad-CAM of one class.

Times are measured by `timing.py`. The bars (at most 1.1 × the bare call, at least 2.5 × faster than `model.predict`,
Grad-CAM of EfficientNet-Lite0 and MobileNetV2 in 200 ms) are held against the fastest tenth. They are printed, not
enforced. After each network stands the process's resident memory. Weights of Keras's networks that are not on this
machine are random and kept in a temporary folder: the arithmetic is the same.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil
from random_weights import draw_weights
from timing import fastest, print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, load_classifier
from cnn_demo.models.explanation.explain import explain
from cnn_demo.models.files.weights import find_weights, keras_cache

MODELS = ("efficientnet_lite0", "mobilenet_v2", "resnet50", "efficientnet_b0")
MAX_RATIO = 1.1
MIN_GAIN = 2.5
MAX_CAM_MS = 200
CAM_OF = ("efficientnet_lite0", "mobilenet_v2")  # the pages' first networks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=MODELS, metavar="KEY", help="of an ImageNet classifier")
    parser.add_argument("--repeats", type=int, default=51)
    options = parser.parse_args()
    photo = next(sample for sample in sample_photos() if sample.key == "astronaut").load()
    height, width = photo.pixels.shape[:2]
    print(f"One photo of {width} × {height}, {options.repeats} repeats in an order drawn anew\n")
    with tempfile.TemporaryDirectory() as folder:
        for key in options.models:
            if find(key).family == "imagenet" and find_weights(find(key).weights) is None:
                os.environ["KERAS_HOME"] = folder
                draw_weights(key, keras_cache())
            measure(key, photo.pixels, options.repeats)


def measure(key: str, pixels: np.ndarray, repeats: int) -> None:
    tf = frameworks.tensorflow()
    model = load_classifier(key)
    scaled = model.scaled(model.prepare(pixels)[None])
    ready = tf.constant(scaled)
    bare = tf.function(lambda batch: model.network(batch, training=False))
    seen = model.prepare(pixels)
    contestants = {
        "ours": lambda: model.predict(pixels),
        "bare call": lambda: bare(ready).numpy(),
        "model.predict": lambda: model.network.predict(scaled, verbose=0),
        "Grad-CAM": lambda: explain(model, seen, 0, "grad_cam"),
    }
    times = take_times(contestants, repeats)
    ms = fastest(times)
    ratio, gain = ms["ours"] / ms["bare call"], ms["model.predict"] / ms["ours"]
    print(f"{model.spec.title} on {model.device}")
    print_times(times)
    print(f"  {ratio:.2f} × the bare call (at most {MAX_RATIO}: {verdict(ratio <= MAX_RATIO)})")
    print(f"  {gain:.2f} × faster than model.predict (at least {MIN_GAIN}: {verdict(gain >= MIN_GAIN)})")
    if key in CAM_OF:
        print(f"  Grad-CAM at most {MAX_CAM_MS} ms: {verdict(ms['Grad-CAM'] <= MAX_CAM_MS)}")
    print(f"  resident memory {psutil.Process().memory_info().rss / 1e6:.0f} MB\n", flush=True)


if __name__ == "__main__":
    main()
