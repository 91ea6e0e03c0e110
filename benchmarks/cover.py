"""How long it takes from a brush stroke to new predictions, in the server and in a browser.

Run from anywhere: `python benchmarks/cover.py [--repeats N] [--no-browser]`. In the server: the stroke's mask, the
covered photo, and the prediction of EfficientNet-Lite0 (page 4) or of the everyday detector with
its post-processing (page 6), beside the prediction of the untouched photo alone. Each stroke is another one, so that
nothing is kept from the one before. In the browser: strokes are drawn on page 4 in Chromium, from the release of the
mouse to the first frame with other bars, the messages to the browser included.

Times in the server are measured by `timing.py`. The bar, at most 300 ms by the median, is printed, not enforced.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from playwright.sync_api import Page, sync_playwright
from served import ARGS, find_chromium, serve
from timing import print_times, take_times, verdict

from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.drawing.shapes import Shape
from cnn_demo.images import Photo, sample_photos
from cnn_demo.images.covering import FILLS
from cnn_demo.models import load_classifier, load_detector
from cnn_demo.ui.widgets.cover.surface import working_photo

BAR_MS = 300
PHOTO = "zidane"  # 1280 × 720, as large as the app keeps a photo
POINTS = 60  # of a stroke
STROKES = 20  # in the browser

# Reports the time from each release of the mouse to the frame that shows other bars.
CLOCK = """
() => {
  const bars = () => document.querySelector("table[aria-label^='Prediction of']")?.innerText
  window.addEventListener("pointerup", () => {
    const start = performance.now(), before = bars()
    window.latency = null
    const look = () => {
      const now = bars()
      if (!now || now === before) return requestAnimationFrame(look)
      requestAnimationFrame(() => { window.latency = performance.now() - start })
    }
    requestAnimationFrame(look)
  }, { capture: true })
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    in_server(options.repeats)
    if not options.no_browser:
        in_browser()


def in_server(repeats: int) -> None:
    """Print the times of covering and predicting."""
    photo = next(sample for sample in sample_photos() if sample.key == PHOTO).load()
    classifier, detector = load_classifier("efficientnet_lite0"), load_detector("everyday_detector")
    detector.wait_for_export()
    targets: dict[str, tuple[Photo, Callable[[np.ndarray], object]]] = {
        "Lite0": (working_photo(photo, max(photo.size), square=True), classifier.predict),
        "detector": (photo, detector.predict),
    }
    for name, (small, predict) in targets.items():
        times = take_times(contestants_of(small, predict), repeats)
        height, width = small.size
        print(f"{name}, photo at {width} × {height} pixels, {len(jpeg_url(small.pixels)) / 1000:.0f} kB as a data URL")
        print_times(times)
        slowest = max(float(np.median(times[fill])) for fill in FILLS)
        print(f"  stroke to prediction at most {BAR_MS} ms: {verdict(slowest <= BAR_MS)}\n", flush=True)


def contestants_of(small: Photo, predict: Callable[[np.ndarray], object]) -> dict[str, Callable[[], object]]:
    """Return a stroke with each fill, the prediction alone, and the photo encoded for the browser."""
    draw = np.random.default_rng(0)

    def covered(fill: str) -> object:
        return predict(stroke(draw, small.size, fill).of(small.pixels, small.size))

    return {
        "untouched": lambda: predict(small.pixels),
        **{fill: partial(covered, fill) for fill in FILLS},
        "photo as JPEG": lambda: jpeg_url(small.pixels),
    }


def stroke(draw: np.random.Generator, size: tuple[int, int], fill: str) -> Edit:
    """Return an edit with a stroke of its own, as wide as the brush is at first."""
    steps = draw.normal(0, 0.02, (POINTS, 2)).cumsum(axis=0) + draw.uniform(0.2, 0.8, 2)
    points = np.clip(steps, 0, 1) * (size[1], size[0])
    return Edit((Shape("stroke", 0, tuple((float(x), float(y)) for x, y in points), 0.12 * max(size)),), fill)


def in_browser() -> None:
    """Print the time from the release of the mouse to other bars."""
    process, address = serve("app.py")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{address}/Pretrained_CNNs_in_Keras?photo={PHOTO}&task=Cover+it", timeout=150_000)
            page.locator(".st-key-cover_heat img").wait_for(timeout=150_000)
            page.wait_for_timeout(3000)
            page.evaluate(CLOCK)
            times = [one_stroke(page, number) for number in range(STROKES + 2)][2:]  # the first two warm up
            browser.close()
    finally:
        process.terminate()
    median = statistics.median(times)
    low, high = np.percentile(times, [10, 90])
    print(f"Chromium, release of the mouse to other bars: median {median:.0f} ms, 10-90 % {low:.0f}-{high:.0f} ms")
    print(f"  at most {BAR_MS} ms: {verdict(median <= BAR_MS)}")


def one_stroke(page: Page, number: int) -> float:
    """Draw one short stroke, and return its time in milliseconds."""
    box = page.locator(".annotator svg").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * (0.1 + 0.035 * number), box["y"] + box["height"] * (0.2 + 0.6 * (number % 3) / 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20, steps=5)
    page.mouse.up()
    page.wait_for_function("window.latency !== null", timeout=60_000)
    page.wait_for_timeout(1500)  # the heatmap follows the bars
    return float(page.evaluate("window.latency"))


if __name__ == "__main__":
    main()
