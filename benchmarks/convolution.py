"""How fast `convolve` is beside OpenCV, SciPy and PyTorch, on a 1024 × 1024 float32 image at stride 1.

Run from anywhere: `python benchmarks/convolution.py [--repeats N]`. The repeats are interleaved, so that whatever else
the machine does falls on all of them alike; the table shows medians in milliseconds. The two bars, within 1.3 × of
bare `cv2.filter2D` and 5 × faster than `scipy.ndimage.convolve` from 7 × 7 on, are printed, not enforced: times
depend on the machine, so the program always exits with 0.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cnn_demo.convolution import ConvSpec, convolve

SIZES = (3, 5, 7, 9, 11, 15)
SIDE = 1024
AT_MOST_FILTER2D = 1.3
AT_LEAST_SCIPY = 5.0


def contestants(image: np.ndarray, weights: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return the timed functions, by name; all compute the same "same" zero-padded convolution, up to a flip."""
    spec = ConvSpec()
    image_torch, weights_torch = torch.from_numpy(image)[None, None], torch.from_numpy(weights)[None, None]
    return {
        "ours": lambda: convolve(image, weights, spec),
        "filter2D": lambda: cv2.filter2D(image, -1, weights, borderType=cv2.BORDER_CONSTANT),
        "scipy": lambda: scipy.ndimage.convolve(image, weights, mode="constant"),
        "torch": lambda: torch.nn.functional.conv2d(image_torch, weights_torch, padding="same"),
    }


def median_times(functions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return each function's median time in milliseconds over interleaved repeats, after one call to warm up.

    SciPy and PyTorch take so long that a fifth of the repeats must do.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for repeat in range(repeats):
        for name, function in functions.items():
            if name in ("scipy", "torch") and repeat % 5:
                continue
            start = time.perf_counter()
            function()
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=51, help="of ours and filter2D; the others take a fifth")
    repeats = max(parser.parse_args().repeats, 1)
    draw = np.random.default_rng(0)
    image = draw.random((SIDE, SIDE), dtype=np.float32)
    print(f"{SIDE} × {SIDE} float32, {os.cpu_count()} cores, median of {repeats} interleaved repeats, ms\n")
    print("kernel      ours  filter2D     scipy     torch   ours/filter2D  scipy/ours  torch/ours")
    bars = {f"within {AT_MOST_FILTER2D} × of filter2D": True, f"{AT_LEAST_SCIPY} × faster than scipy from 7 × 7": True}
    near, fast = bars
    for size in SIZES:
        weights = draw.standard_normal((size, size)).astype(np.float32)
        ms = median_times(contestants(image, weights), repeats)
        ours = ms["ours"]
        bars[near] &= ours <= AT_MOST_FILTER2D * ms["filter2D"]
        bars[fast] &= size < 7 or ms["scipy"] >= AT_LEAST_SCIPY * ours
        print(
            f"{size:2} × {size:<3} {ours:8.2f}  {ms['filter2D']:8.2f}  {ms['scipy']:8.1f}  {ms['torch']:8.1f}"
            f"   {ours / ms['filter2D']:13.2f}  {ms['scipy'] / ours:10.1f}  {ms['torch'] / ours:10.1f}"
        )
    print()
    for bar, holds in bars.items():
        print(f"{bar}: {'holds' if holds else 'MISSED'}")


if __name__ == "__main__":
    main()
