"""How long the networks take on the GPU: beside the CPU, beside the bare call, in batches, in half precision.

Run from anywhere: `python benchmarks/gpu.py [--repeats N] [KEY...]`. For every bundled network, and each KEY whose
weights are available locally, it prints a photo's time on CPU and GPU, preprocessing and postprocessing included, the
bare network's for batches of 1 and 16 in float32 and in half precision (autocast), and the GPU's memory for the weights
and at most. The bar, at most 1.15 × the bare call, is held against the fastest tenth for networks that return what they
compute; boxes and masks need postprocessing that the bare call lacks. Without a GPU it says so and ends. It needs
neither the internet nor more than five minutes.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from timing import fastest, take_times, verdict

import cnn_demo.models as models
from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, list_models, load

MAX_RATIO = 1.15
BATCH = 16
DIRECT = ("classification", "localization")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="KEY", help="measured beside the bundled networks")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda", "mps"), help="measured beside the CPU")
    options = parser.parse_args()
    try:
        frameworks.torch_device(options.device)
    except ValueError as error:
        print(f"Nothing to measure: {error}")
        return
    bundled = [spec.key for spec in list_models() if spec.availability() == "bundled"]
    print(
        f"Keras runs on {frameworks.keras_backend()}. Milliseconds of the fastest tenth of {options.repeats} calls:\n"
    )
    columns = ("photo CPU", "photo GPU", "bare 1", "half 1", f"bare {BATCH}", f"half {BATCH}", "weights MB", "peak MB")
    print(f"{'model':22}" + "".join(f"{column:>12}" for column in columns))
    for key in [*bundled, *options.models]:
        if find(key).availability() in ("bundled", "at hand"):
            measure(key, options.device, options.repeats)


def measure(key: str, device: str, repeats: int) -> None:
    """Print the row of a model."""
    pixels = next(sample for sample in sample_photos() if sample.key == "bus").load().pixels
    models.release()
    before = allocated(device)
    on_gpu = load(key, device)
    weights = allocated(device) - before
    on_cpu = load(key, "cpu")
    waiting = getattr(on_cpu, "wait_for_export", None)
    if waiting is not None:
        waiting()
    calls: dict[str, Callable[[], object]] = {
        "cpu": lambda: on_cpu.predict(pixels),
        "gpu": lambda: on_gpu.predict(pixels),
    }
    for count in (1, BATCH):
        for half in (False, True):
            calls[f"{'half' if half else 'bare'} {count}"] = bare_call(on_gpu, device, count, half=half)
    times = fastest(take_times(calls, repeats))
    figures = "".join(f"{value:12.2f}" for value in times.values())
    ratio = times["gpu"] / times["bare 1"]
    bar = f"  {ratio:.2f} × ({verdict(ratio <= MAX_RATIO)})" if on_gpu.spec.task in DIRECT else f"  {ratio:.2f} ×"
    print(f"{key:22}{figures}{weights / 1e6:12.1f}{peak(device) / 1e6:12.1f}{bar}", flush=True)


def bare_call(model: Any, device: str, count: int, *, half: bool) -> Callable[[], object]:
    """Return the network's forward pass alone, for a batch of noise that is on the device already."""
    torch = frameworks.torch()
    network: Any = getattr(model, "network", None) or getattr(model._engine, "network", None)
    height, width = model.spec.input_size
    is_keras = model.spec.family in models.KERAS_FAMILIES
    shape = (count, height, width, 3) if is_keras else (count, 3, height, width)
    batch = torch.rand(shape, device=device)

    def call() -> None:
        with torch.no_grad(), torch.autocast(device, torch.float16 if device == "cuda" else None, enabled=half):
            if is_keras:
                with frameworks.placed_on(device):
                    network(batch, training=False)
            elif network is not None:
                network(batch)
            else:  # OpenVINO, on the CPU
                for picture in batch:
                    model._engine(picture[None].numpy())
        if device == "cuda":
            torch.cuda.synchronize()

    return call


def allocated(device: str) -> int:
    """Return the bytes of the GPU that tensors take."""
    return frameworks.torch().cuda.memory_allocated() if device == "cuda" else 0


def peak(device: str) -> int:
    """Return the most bytes that tensors took since the last call."""
    cuda = frameworks.torch().cuda
    if device != "cuda":
        return 0
    most = cuda.max_memory_allocated()
    cuda.reset_peak_memory_stats()
    return most


if __name__ == "__main__":
    main()
