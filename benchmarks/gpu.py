"""How long the networks take on the GPU: beside the CPU, beside the bare network, in batches and in half precision.

Run from anywhere: `python benchmarks/gpu.py [--repeats N] [KEY...]`. For every bundled network, four published ones and
each KEY whose weights are available locally, it prints milliseconds of the fastest tenth:

* photo CPU, photo GPU: `predict` for a photo, preprocessing and postprocessing included, in float32;
* bare 1: the network alone, from an array to arrays, called as its library's documentation shows;
* ours 1, ours 16: the app's forward pass of one and of 16 photos in float32, half 1 and half 16 in half precision;
* the GPU's memory for the weights and, in addition, for a photo, in MB, and the precision that `CNN_DEMO_HALF=auto`
  chooses.

The bars are at most 1.15 × the bare network for one photo, and at least 1.5 × as fast in half precision for 16. Then
20 visitors use YOLO11n at 640 pixels at once, each with the next photo as soon as the last is done: at most 200 ms for
95% of their photos. Published networks have random weights unless `CNN_DEMO_WEIGHTS` names a folder; without
`yolo11n.pt`, the visitors use the bundled YOLO11n. Without a GPU it says so and ends. It needs neither the internet nor
TensorFlow, nor more than five minutes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from random_weights import draw_weights
from timing import fastest, take_times, verdict

import cnn_demo.models as models
from cnn_demo.environment import HALF, WEIGHTS
from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, gpu_memory, half_precision, list_models, load, load_detector
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.detection.torchvision_detectors import TorchvisionDetector
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.files.weights import find_weights
from cnn_demo.models.localization.localizers import Localizer
from cnn_demo.turns import network_turns

MAX_RATIO, MIN_GAIN, MAX_P95, MAX_MINUTES = 1.15, 1.5, 200, 5
BATCH = 16
PUBLISHED = ("mobilenet_v2", "yolo11n", "deeplabv3_mobilenet_v3_large", "fasterrcnn_resnet50_fpn")
CROWD, OWN, SIDE = "yolo11n", "assorted_yolo11n", 640
VISITORS, PHOTOS_EACH = 20, 25
COLUMNS = ("photo CPU", "photo GPU", "bare 1", "ours 1", "half 1", f"ours {BATCH}", f"half {BATCH}")

Pass = Callable[[np.ndarray], object]


def main() -> None:
    begun = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="KEY", help="measured beside the others")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    try:
        device = frameworks.torch_device("cuda")
    except ValueError as error:
        print(f"Nothing to measure: {error}")
        return
    os.environ[HALF] = "off"  # both precisions are measured, whatever the operator has chosen
    bundled = [spec.key for spec in list_models() if spec.availability() == "bundled"]
    detector = CROWD if find(CROWD).availability() == "at hand" else OWN
    print(f"{frameworks.torch().cuda.get_device_name()}; Keras runs on {frameworks.keras_backend()}.")
    with tempfile.TemporaryDirectory() as folder:
        if not os.environ.get(WEIGHTS):
            drawn = [key for key in PUBLISHED if find_weights(find(key).weights) is None]
            os.environ[WEIGHTS] = folder
            for key in drawn:
                draw_weights(key, Path(folder))
            print(f"Random weights: {', '.join(drawn) or 'none'}.")
        headings = (*COLUMNS, "weights MB", "photo MB")
        print(f"\n{'model':32}" + "".join(f"{heading:>11}" for heading in headings) + "  auto")
        for key in dict.fromkeys((*bundled, *PUBLISHED, *options.models)):
            if find(key).availability() in ("bundled", "at hand"):
                measure(key, device, options.repeats)
        crowd(detector, device)
    minutes = (time.monotonic() - begun) / 60
    print(f"\n{minutes:.1f} minutes: {verdict(minutes <= MAX_MINUTES)}")


def measure(key: str, device: str, repeats: int) -> None:
    """Print the row of a model."""
    pixels = next(sample for sample in sample_photos() if sample.key == "bus").load().pixels
    models.release()
    on_gpu: Any = load(key, device)
    on_cpu: Any = load(key, "cpu")
    getattr(on_cpu, "wait_for_export", lambda: None)()
    times = fastest(take_times({"photo CPU": lambda: on_cpu.predict(pixels)}, min(repeats, 3)))
    ours, bare = our_pass(on_gpu), bare_pass(on_gpu, device)
    one, many = noise(on_gpu, 1), noise(on_gpu, BATCH)
    chosen = trial(on_gpu)
    calls: dict[str, Callable[[], object]] = {
        "photo GPU": lambda: on_gpu.predict(pixels),
        "bare 1": lambda: bare(one),
        "ours 1": lambda: ours(one),
        "half 1": in_half(on_gpu, ours, one),
        f"ours {BATCH}": lambda: ours(many),
        f"half {BATCH}": in_half(on_gpu, ours, many),
    }
    times |= fastest(take_times(calls, repeats))
    taken = gpu_memory.taken().get(key)
    memory = [np.nan, np.nan] if taken is None else [taken.weights / 1e6, (taken.prediction or np.nan) / 1e6]
    print(f"{key:32}" + "".join(f"{value:11.2f}" for value in (*(times[name] for name in COLUMNS), *memory)), end="")
    print(f"  {chosen}", flush=True)
    ratio, gain = times["ours 1"] / times["bare 1"], times[f"ours {BATCH}"] / times[f"half {BATCH}"]
    print(f"{'':32}{ratio:.2f} × the bare network ({verdict(ratio <= MAX_RATIO)}), ", end="")
    print(f"half precision {gain:.2f} × as fast ({verdict(gain >= MIN_GAIN)})", flush=True)


def our_pass(model: Any) -> Pass:
    """Return the app's forward pass, from an array to arrays."""
    match model:
        case Classifier():
            return lambda batch: model.half.run(model._logits, batch)
        case Localizer():
            return lambda batch: model.half.run(model._outputs, batch)
        case YoloDetector():
            return model._engine
        case TorchvisionDetector():
            return lambda batch: to_cpu(model.half.run(model.network, list(to_gpu(batch, model.device))))
        case _:
            return lambda batch: to_cpu(model._engine(model._engine.array(batch)))


def bare_pass(model: Any, device: str) -> Pass:
    """Return the network's forward pass without the app."""
    torch = frameworks.torch()
    network = model.torch_network() if isinstance(model, YoloDetector) else model.network

    def run(batch: np.ndarray) -> object:
        with torch.inference_mode():
            pictures = to_gpu(batch, device)
            return to_cpu(network(list(pictures) if isinstance(model, TorchvisionDetector) else pictures))

    def run_keras(batch: np.ndarray) -> object:
        with torch.no_grad(), frameworks.placed_on(device):
            return to_cpu(network(to_gpu(batch, device), training=False))

    return run_keras if isinstance(model, (Classifier, Localizer)) else run


def in_half(model: Any, ours: Pass, batch: np.ndarray) -> Callable[[], object]:
    """Return a call of our pass in half precision."""

    def call() -> object:
        model.half.from_batch = 1
        try:
            return ours(batch)
        finally:
            model.half.from_batch = None

    return call


def trial(model: Any) -> str:
    """Return the precision that the trial chooses, in words."""
    from_batch = half_precision.smallest_batch(model, model.half)
    return "float32" if from_batch is None else f"half precision from a batch of {from_batch}"


def noise(model: Any, count: int) -> np.ndarray:
    """Return normalized noise of the network's input size, in its layout."""
    height, width = model.spec.input_size
    last = isinstance(model, (Classifier, Localizer))
    return np.random.default_rng(0).random((count, height, width, 3) if last else (count, 3, height, width), np.float32)


def to_gpu(batch: np.ndarray, device: str) -> Any:
    return frameworks.torch().from_numpy(batch).to(device)


def to_cpu(outputs: Any) -> Any:
    """Return nested outputs as arrays, for which the GPU must have finished."""
    match outputs:
        case dict():
            return {name: to_cpu(value) for name, value in outputs.items()}
        case list() | tuple():
            return [to_cpu(value) for value in outputs]
    return outputs.cpu().numpy()


def crowd(key: str, device: str) -> None:
    """Print how long each of 20 visitors of a detector waits for the boxes in a photo, in the queue too."""
    models.release()
    os.environ[HALF] = "auto"
    detector = load_detector(key, device)
    photos = [sample.load().pixels for sample in sample_photos()]

    def visit(number: int) -> list[float]:
        times = []
        for step in range(PHOTOS_EACH + 1):
            start = time.perf_counter()
            with network_turns().turn():
                detector.predict(photos[(number + step) % len(photos)], side=SIDE)
            times.append((time.perf_counter() - start) * 1000)
        return times[1:]  # without the first one: each size of a batch has algorithms to choose

    with ThreadPoolExecutor(VISITORS) as visitors:
        times = np.array([ms for own in visitors.map(visit, range(VISITORS)) for ms in own])
    median, p95 = np.percentile(times, (50, 95))
    print(
        f"\n{VISITORS} visitors of {detector.spec.title} at {SIDE} pixels, {len(times)} photos: "
        f"median {median:.0f} ms, 95th percentile {p95:.0f} ms (at most {MAX_P95}: {verdict(p95 <= MAX_P95)})"
    )


if __name__ == "__main__":
    main()
