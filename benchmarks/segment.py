"""How long a bundled U-Net takes to label a photo of 1280 × 960, beside the bare call of the network.

Run from anywhere: `python benchmarks/segment.py [--repeats N] [KEY ...]`. Ours begins with the photo as an array (the
china sample, scaled) and ends with a class, a confidence and an entropy for each of its pixels; it runs in OpenVINO,
exported beforehand. The bare peer is the torch network on the same input, ready and scaled, up to its logits, with
torch's default threads. Once the photo has its own size, once the network's default size, where the prediction has far
more pixels than the input. The limits, at most 700 ms and at most 1.15 × the bare call, are for the first; they are
compared with the fastest tenth, and printed, not enforced.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from timing import fastest, print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import frameworks, load_segmenter
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter

MODELS = ("everyday_unet", "street_unet", "pet_unet")
WIDTH, HEIGHT = 1280, 960
MAX_MS = 700
MAX_RATIO = 1.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=MODELS, metavar="KEY", help="of a semantic segmenter")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    photo = next(sample for sample in sample_photos() if sample.key == "china").load()
    pixels = cv2.resize(photo.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    print(f"One photo of {WIDTH} × {HEIGHT}, {options.repeats} repeats in an order drawn anew\n")
    for key in options.models:
        model = load_segmenter(key, "cpu")
        model.wait_for_export()
        whole = measure(model, pixels, HEIGHT, options.repeats)
        print(f"  at most {MAX_MS} ms: {verdict(whole['ours'] <= MAX_MS)}")
        ratio = whole["ours"] / whole["bare call"]
        print(f"  {ratio:.2f} × the bare call (at most {MAX_RATIO}: {verdict(ratio <= MAX_RATIO)})\n")
        own = measure(model, pixels, model.spec.input_size[0], options.repeats)
        print(f"  {own['ours'] / own['bare call']:.2f} × the bare call\n")


def measure(model: SemanticSegmenter, pixels: np.ndarray, side: int, repeats: int) -> dict[str, float]:
    """Print the times at this image size, and return the fastest tenth."""
    torch = frameworks.torch()
    frame = model.frame(pixels.shape[:2], side)
    batch = model.batch(frame.apply(pixels))

    def bare():
        with torch.inference_mode():
            return model.network(batch)

    times = take_times({"ours": lambda: model.predict(pixels, side=side), "bare call": bare}, repeats)
    print(f"{model.spec.title}, ours in {model.engine}, in one pass at {frame.input[1]} × {frame.input[0]}")
    print_times(times)
    return fastest(times)


if __name__ == "__main__":
    main()
