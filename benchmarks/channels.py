"""How long the probabilities take after channels are switched off, beside a pass of the whole network.

Run from anywhere: `python benchmarks/channels.py [--repeats N]`. EfficientNet-Lite0 is cut at its first, a middle and
its last layer with feature maps. Ours multiplies ten channels of the maps that are kept there, computes the rest of the
network, and takes the softmax; the peer computes the whole network for the same photo. Times are measured by
`timing.py`. The bar, under 300 ms, is held against the median; it is printed, not enforced.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from timing import print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.channel_ablation import CutNetwork, cut_network, scaled_logits

MAX_MILLISECONDS = 300
LAYERS = ("stem_conv", "block4b_expand_conv", "top_conv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=101)
    repeats = max(parser.parse_args().repeats, 1)
    model = load_classifier("efficientnet_lite0")
    seen = model.prepare(sample_photos()[0].load().pixels)
    cuts = {layer: cut_network(model, seen, layer) for layer in LAYERS}
    contestants: dict[str, Callable[[], object]] = {
        f"rest after {layer}": partial(without_ten, model, cut) for layer, cut in cuts.items()
    }
    contestants["whole network"] = lambda: model.probabilities(model.logits(seen[None]))
    times = take_times(contestants, repeats)
    print(f"{model.spec.title} on {model.device}, {repeats} repeats in an order drawn anew")
    print_times(times)
    whole = statistics.median(times["whole network"])
    for layer in LAYERS:
        rest = statistics.median(times[f"rest after {layer}"])
        print(f"  {layer}: {rest / whole:.2f} × the whole network")
        print(f"    under {MAX_MILLISECONDS} ms: {verdict(rest < MAX_MILLISECONDS)}")


def without_ten(model: Classifier, cut: CutNetwork) -> np.ndarray:
    """Return the probabilities (1, K) with the first ten channels off."""
    scales = np.ones((1, cut.channels), np.float32)
    scales[0, :10] = 0
    return model.probabilities(scaled_logits(model, cut, scales))


if __name__ == "__main__":
    main()
