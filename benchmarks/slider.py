"""How long from releasing a slider to the new picture on the screen, in Chromium, with a 12-megapixel upload.

Prints the median over 30 moves for page 1 and, measured in turns in the same run, for the smallest Streamlit app that
only shows `cv2.GaussianBlur` through `st.image` (slider_peer.py). The clock runs in the browser: it starts at the
mouse's release and stops at the first frame after the changed picture has been decoded.

    python benchmarks/slider.py
"""

import statistics
import tempfile
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, FloatRect, Locator, Page, sync_playwright
from served import ARGS, ROOT, find_chromium, serve

MOVES = 30
BAR_MS = 120

# Installed before the first move: reports each time from the release to the frame that shows the changed picture.
CLOCK = """
(selector) => {
  const deep = (root) => {
    const found = root.querySelector(selector)
    if (found) return found
    for (const element of root.querySelectorAll("*")) {
      const inside = element.shadowRoot && deep(element.shadowRoot)
      if (inside) return inside
    }
    return null
  }
  window.addEventListener("pointerup", () => {
    const start = performance.now()
    const before = deep(document).currentSrc
    window.latency = null
    const look = async () => {
      const img = deep(document)
      if (!img || img.currentSrc === before || img.getAttribute("src") === before) return requestAnimationFrame(look)
      await img.decode().catch(() => {})
      requestAnimationFrame(() => { window.latency = performance.now() - start })
    }
    requestAnimationFrame(look)
  }, { capture: true })
}
"""


def main() -> None:
    """Measure both apps and print their medians."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        photo = _twelve_megapixels(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        targets = {
            "page 1": (serve("app.py"), "/Convolution", "img[alt^='After']"),
            "peer": (serve("benchmarks/slider_peer.py"), "/", "[data-testid=stImage] img"),
        }
        try:
            pages = {
                name: _prepare(browser, address + path, photo, img)
                for name, ((_, address), path, img) in targets.items()
            }
            times: dict[str, list[float]] = {name: [] for name in pages}
            for move in range(MOVES + 2):  # the first two warm up
                for name, page in pages.items():
                    milliseconds = _move(page, 0.25 + 0.5 * ((move * 7) % 10) / 10)
                    if move >= 2:
                        times[name].append(milliseconds)
        finally:
            browser.close()
            for (process, _), *_ in targets.values():
                process.terminate()
    ours, peer = (statistics.median(times[name]) for name in ("page 1", "peer"))
    for name, values in times.items():
        low, high = np.percentile(values, [10, 90])
        print(
            f"{name:8s} median {statistics.median(values):6.1f} ms  10-90 % {low:.1f}-{high:.1f} ms  n = {len(values)}"
        )
    print(
        f"page 1 / peer = {ours / peer:.2f}   (bar for page 1: {BAR_MS} ms, {'held' if ours <= BAR_MS else 'missed'})"
    )


def _twelve_megapixels(folder: Path) -> Path:
    """A sample photo at 4000 × 3000 with a sensor's noise, as a phone makes them."""
    sample = cv2.imread(str(ROOT / "assets/samples/coffee.jpg"))
    assert sample is not None
    pixels = cv2.resize(sample, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 4, pixels.shape)
    path = folder / "phone.jpg"
    cv2.imwrite(str(path), np.clip(pixels + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def _prepare(browser: Browser, address: str, photo: Path, img: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(address)
    page.set_input_files("input[type=file]", str(photo))
    page.wait_for_timeout(5000)
    page.wait_for_selector(img)
    page.evaluate(CLOCK, img)
    return page


def _move(page: Page, fraction: float) -> float:
    """Drag the sigma slider to a fraction of its length and return the milliseconds to the new picture."""
    page.bring_to_front()
    slider = page.locator("[data-testid=stSlider]", has_text="Sigma (px)")
    slider.scroll_into_view_if_needed()
    thumb = slider.locator("[data-testid=stSliderThumbValue]").locator("xpath=..")
    start = _box(thumb)
    track = _box(slider.locator("[role=group]"))
    y = start["y"] + start["height"] / 2
    page.mouse.move(start["x"] + start["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * fraction, y, steps=4)
    page.wait_for_timeout(150)
    page.mouse.up()
    page.wait_for_function("window.latency != null", timeout=20_000)
    milliseconds = page.evaluate("window.latency")
    page.wait_for_timeout(700)  # wait for the rest of the page
    return milliseconds


def _box(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box is not None  # it is visible
    return box


if __name__ == "__main__":
    main()
