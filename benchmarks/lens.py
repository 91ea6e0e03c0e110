"""How fast page 1 follows a slider that is dragged: the browser computes the result, without the server.

A mouse drags sigma of a Gaussian, one step of the slider at a time, on a colour photo of 640 × 480 pixels. The clock
runs in the browser, from the mouse's event to the first frame after the result is in the canvas. Printed are medians
over the steps, for kernels of 3 × 3, 7 × 7 and 15 × 15, and for both ways to compute: loops over typed arrays, which
the app takes where there is no graphics card, and WebGL2, which the processor then draws. The peer is a plain page
that does what https://setosa.io/ev/image-kernels/ does: 3 × 3 weights on a grey photo (lens_peer.html). The server
loads nothing in the background meanwhile. The bar is printed, not enforced.

    python benchmarks/lens.py
"""

import base64
import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, FloatRect, Locator, Page, sync_playwright
from served import ARGS, ROOT, find_chromium, serve
from timing import verdict

SIZES = (3, 7, 15)
BAR_SIZE, BAR_MS = 7, 50
STEPS, WARM_UP = 24, 6
ENGINES = {"the app's own choice": "", "typed arrays": "arrays", "WebGL2": "webgl"}

# Runs before the page's scripts: notes when a canvas is drawn while the mouse drags, and when its frame is there.
CLOCK = """
(() => {
  let begun = null
  window.step = null
  addEventListener("pointermove", (event) => { if (event.buttons) begun ??= event.timeStamp }, { capture: true })
  const drawn = (canvas) => {
    if (begun === null || (canvas !== document.querySelector("body > canvas") && !canvas.dataset.engine)) return
    const from = begun
    begun = null
    requestAnimationFrame(() => setTimeout(() => {
      window.step = { milliseconds: performance.now() - from, engine: canvas.dataset.engine, width: canvas.width }
    }))
  }
  window.awaitStep = () => { window.step = null; begun = null }
  const put = CanvasRenderingContext2D.prototype.putImageData
  CanvasRenderingContext2D.prototype.putImageData = function (...rest) { put.apply(this, rest); drawn(this.canvas) }
  const draw = WebGL2RenderingContext.prototype.drawArrays
  WebGL2RenderingContext.prototype.drawArrays = function (...rest) {
    draw.apply(this, rest)
    if (this.getParameter(this.FRAMEBUFFER_BINDING)) return
    this.readPixels(0, 0, 1, 1, this.RGBA, this.UNSIGNED_BYTE, new Uint8Array(4)) // waits until it is drawn
    drawn(this.canvas)
  }
})()
"""


@dataclass
class Contestant:
    """A page with a slider.

    Attributes:
        page: It.
        thumb: The element that the mouse drags.
        track: The element along which it is dragged.
        times: Milliseconds of the steps.
        widths: Pixels across of the pictures that were drawn.
    """

    page: Page
    thumb: Locator
    track: Locator
    times: list[float] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)


def main() -> None:
    """Measure all of them and print their medians."""
    photo = _photo()
    os.environ["CNN_DEMO_PRELOAD"] = "off"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        process, address = serve("app.py")
        try:
            peer = _peer(browser, photo)
            _drag(peer)
            _print("plain page, 3 × 3, grey", peer)
            for name, engine in ENGINES.items():
                ours = _lens(browser, address, photo, engine)
                for size in SIZES:
                    _set_size(ours.page, size)
                    ours.times.clear()
                    _drag(ours)
                    held = statistics.median(ours.times) <= BAR_MS
                    note = f"   (bar: {BAR_MS} ms, {verdict(held)})" if size == BAR_SIZE else ""
                    _print(f"{name}, {size} × {size}, colour", ours, statistics.median(peer.times), note)
                ours.page.close()
        finally:
            browser.close()
            process.terminate()


def _photo() -> bytes:
    """A sample photo at 640 × 480, as a JPEG."""
    sample = cv2.imread(str(ROOT / "assets/samples/coffee.jpg"))
    assert sample is not None
    done, file = cv2.imencode(".jpg", cv2.resize(sample, (640, 480), interpolation=cv2.INTER_AREA))
    assert done
    return file.tobytes()


def _peer(browser: Browser, photo: bytes) -> Contestant:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.add_init_script(CLOCK)
    page.goto((Path(__file__).parent / "lens_peer.html").as_uri())
    page.evaluate("show", "data:image/jpeg;base64," + base64.b64encode(photo).decode("ascii"))
    slider = page.locator("input")
    return Contestant(page, slider, slider)


def _lens(browser: Browser, address: str, photo: bytes, engine: str) -> Contestant:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.add_init_script(f"{CLOCK}; window.cnnDemoLensEngine = {engine!r}")
    page.goto(f"{address}/Convolution")
    page.set_input_files("input[type=file]", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
    page.get_by_text("480 rows × 640 columns").first.wait_for()
    page.wait_for_timeout(3000)
    slider = page.locator("[data-testid=stSlider]", has_text="Sigma (px)")
    thumb = slider.locator("[data-testid=stSliderThumbValue]").locator("xpath=..")
    return Contestant(page, thumb, slider.locator("[role=group]"))


def _set_size(page: Page, size: int) -> None:
    """Give the kernel a size by the slider's keys."""
    slider = page.get_by_role("slider", name="Size (px)")
    slider.press("Home")
    for _ in range(20):
        if float(slider.input_value()) >= size:
            break
        slider.press("ArrowRight")
    assert float(slider.input_value()) == size
    page.wait_for_timeout(2500)


def _drag(contestant: Contestant) -> None:
    """Drag the slider from its left end on, each time by a step, and note the times."""
    page = contestant.page
    page.bring_to_front()
    start, track = _box(contestant.thumb), _box(contestant.track)
    y = track["y"] + track["height"] / 2 if contestant.thumb is contestant.track else start["y"] + start["height"] / 2
    if contestant.thumb is not contestant.track:
        page.mouse.move(start["x"] + start["width"] / 2, y)
        page.mouse.down()
    x = track["x"] + 0.1 * track["width"]
    page.mouse.move(x, y)
    if contestant.thumb is contestant.track:
        page.mouse.down()
    page.wait_for_timeout(500)
    measured = 0
    while measured < STEPS + WARM_UP:
        x += track["width"] / 40
        page.evaluate("awaitStep()")
        page.mouse.move(x, y)
        page.wait_for_function("window.step", timeout=20_000)
        step = page.evaluate("window.step")
        measured += 1
        if measured > WARM_UP:
            contestant.times.append(step["milliseconds"])
            contestant.widths.append(step["width"])
    page.mouse.up()
    page.wait_for_timeout(1500)


def _print(name: str, contestant: Contestant, peer: float | None = None, note: str = "") -> None:
    low, high = np.percentile(contestant.times, [10, 90])
    median = statistics.median(contestant.times)
    ratio = "" if peer is None else f"  {median / peer:4.1f} × the plain page"
    width = int(statistics.median(contestant.widths))
    print(f"{name:38s} median {median:6.1f} ms  10-90 % {low:.1f}-{high:.1f}  {width} pixels across{ratio}{note}")


def _box(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box is not None  # it is visible
    return box


if __name__ == "__main__":
    main()
