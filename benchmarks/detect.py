"""How long YOLO takes for one photo, beside `ultralytics.YOLO.predict` in torch with its default threads.

Run from anywhere: `python benchmarks/detect.py [--repeats N] [KEY]`. Both begin with the bus sample as an array and end
with boxes, scores and classes, at 640 pixels. Ours runs in OpenVINO, exported beforehand; the export's time is not in
the figures. Beside them, the cost of moving a slider: the post-processing alone, on cached candidates. After that the
bundled everyday detector at its own 320 pixels, without a peer. The bars, at least 2 × faster than
Ultralytics on a processor, 100 ms for a slider, and 15 ms for the everyday detector on two cores, are held against the
fastest tenth; they are printed, not enforced. Weights that are not on this machine are random: the arithmetic
is the same, but for the number of boxes.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from random_weights import draw_weights
from timing import fastest, print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, load_detector
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.files.weights import find_weights

MIN_GAIN = 2.0
MAX_SLIDER_MS = 100
EVERYDAY = "everyday_detector"
MAX_EVERYDAY_MS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="yolo11n", metavar="KEY", help="of a YOLO detector")
    parser.add_argument("--repeats", type=int, default=31)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if find_weights(find(options.model).weights) is None:
            os.environ["CNN_DEMO_WEIGHTS"] = folder
            draw_weights(options.model, Path(folder))
        measure(options.model, options.repeats)
    measure_everyday(options.repeats)


def measure(key: str, repeats: int) -> None:
    pixels = next(sample for sample in sample_photos() if sample.key == "bus").load().pixels
    ours = load_detector(key, "cpu")
    ours.wait_for_export()
    theirs = frameworks.ultralytics().YOLO(ours.spec.weights_file().path)
    as_opencv = pixels[..., ::-1].copy()
    kept = ours.candidates(pixels)
    times = take_times(
        {
            f"ours, {ours.engine}": lambda: ours.predict(pixels),
            "Ultralytics, torch": lambda: theirs.predict(as_opencv, imgsz=640, verbose=False, device="cpu"),
            "a slider": lambda: select(kept, 0.01, 0.5).detections(),
        },
        repeats,
    )
    us, them, slider = fastest(times).values()
    height, width = pixels.shape[:2]
    print(f"{ours.spec.title}, one photo of {width} × {height}, {repeats} repeats in an order drawn anew")
    print_times(times)
    print(f"  {them / us:.2f} × faster (at least {MIN_GAIN}: {verdict(them / us >= MIN_GAIN)})")
    print(f"  a slider at most {MAX_SLIDER_MS} ms: {verdict(slider <= MAX_SLIDER_MS)}\n")


def measure_everyday(repeats: int) -> None:
    """Print the time of the bundled detector for a photo, at its own image size."""
    pixels = next(sample for sample in sample_photos() if sample.key == "bus").load().pixels
    model = load_detector(EVERYDAY, "cpu")
    model.wait_for_export()
    times = take_times({f"ours, {model.engine}": lambda: model.predict(pixels)}, repeats)
    (ms,) = fastest(times).values()
    print(f"{model.spec.title} at {model.spec.input_size[0]} pixels")
    print_times(times)
    print(f"  at most {MAX_EVERYDAY_MS} ms: {verdict(ms <= MAX_EVERYDAY_MS)}")


if __name__ == "__main__":
    main()
