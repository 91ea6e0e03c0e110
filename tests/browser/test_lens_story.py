"""Page 1's lens: photos of any shape, kernels that do not fit, a camera, a graphics card that goes away, a phone."""

import base64
import io
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from visitor import settle, visit

from cnn_demo.convolution import convolve, kernel
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import read_photo, sample_photos

CANVAS = "canvas[data-engine]"
GAUSSIAN = kernel("gaussian", size=9, sigma=2.0)  # the page's own
READ = """async canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
  copy.getContext("2d").drawImage(canvas, 0, 0)
  const file = new Uint8Array(await (await copy.convertToBlob()).arrayBuffer())
  return btoa(Array.from(file, (byte) => String.fromCharCode(byte)).join(""))
}"""  # a PNG: five million numbers as JSON would take Playwright ten seconds


def resized(width: int, height: int, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """A sample photo with so many pixels, as a file."""
    file = io.BytesIO()
    Image.open(sample_photos()[0].path).convert(mode).resize((width, height)).save(file, kind)
    return file.getvalue()


def upload(page: Page, file: bytes, name: str) -> None:
    kind = "image/png" if name.endswith("png") else "image/jpeg"
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": kind, "buffer": file})


def drawn(page: Page) -> np.ndarray:
    """The canvas of the result, (H, W, 3), once all of its pixels are there."""
    file = base64.b64decode(page.locator(CANVAS).evaluate(READ))
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), int)


@pytest.fixture
def camera(page: Page) -> Iterator[Page]:
    """A visitor who allows the camera; Chromium has one that shows a test pattern."""
    page.context.grant_permissions(["camera"])
    yield page
    page.context.clear_permissions()


def test_photos_of_any_shape_are_drawn_as_python_draws_them(page: Page) -> None:
    visit(page, "/Convolution")
    photos = {
        "large.jpg": (resized(4000, 3000), "960 rows × 1,280 columns"),
        "pixel.png": (resized(1, 1, "PNG"), "1 row × 1 column"),
        "grey.png": (resized(90, 60, "PNG", "L"), "60 rows × 90 columns"),
        "tall.jpg": (resized(150, 3000), "1,280 rows × 64 columns"),
    }
    for name, (file, size) in photos.items():
        upload(page, file, name)
        expect(page.locator(".captions .after")).to_contain_text(f"After · {size}. ")
        expect(page.locator(CANVAS)).to_be_visible()
        settle(page)
        values = convolve(read_photo(file, name).pixels.astype(np.float32) / 255, GAUSSIAN)
        assert np.abs(drawn(page) - display_values(values, "clip")).max() <= 2, name
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth"), name


def test_a_kernel_that_does_not_fit_gets_one_sentence(page: Page) -> None:
    visit(page, "/Convolution?padding=Explicit&pad=2&gaussian_size=5")
    upload(page, resized(3, 2, "PNG"), "tiny.png")
    expect(page.locator(".captions .after")).to_contain_text("After · 2 rows × 3 columns. ")
    settle(page)
    page.get_by_role("slider", name="Size (px)").press("End")
    expect(page.locator(".failure")).to_have_text("The kernel is larger than the padded photo.")
    expect(page.get_by_role("alert")).to_contain_text("choose more padding, less dilation or a smaller kernel.")
    settle(page)
    expect(page.locator(".captions .after")).to_contain_text("After · 2 rows × 3 columns. ")  # the last result stays


def test_no_number_in_a_cell_gets_one_sentence(page: Page) -> None:
    visit(page, "/Convolution?kernel=Custom+kernel&cells=0+0+0;+0+1+0;+0+0+0&view=Step+through")
    canvas = page.locator(CANVAS)
    expect(canvas).to_be_visible()
    before = drawn(page)
    for text in ("0 0 0; 0 NaN 0; 0 0 0", "0 0 0; 0 1e999 0; 0 0 0"):
        field = page.get_by_role("textbox", name="As text")
        field.fill(text)
        field.press("Enter")
        expect(page.get_by_role("alert").first).to_contain_text(".")
        settle(page)
        expect(canvas).to_be_visible()
        assert np.array_equal(drawn(page), before)
    page.locator(".player .before canvas").click(position={"x": 40, "y": 40})
    page.get_by_role("textbox", name="Value of the cell").fill("NaN")
    expect(page.locator(".player .status")).to_contain_text("the cell stays")


def test_a_lost_graphics_card_is_replaced(page: Page) -> None:
    visit(page, "/")
    page.evaluate("cnnDemoLensEngine = 'webgl'")
    page.get_by_role("main").get_by_role("link", name="1 · Convolution").click()
    expect(page.locator("canvas[data-engine=webgl]")).to_be_visible()
    settle(page)
    before = drawn(page)
    page.locator(CANVAS).evaluate("c => c.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()")
    expect(page.locator("canvas[data-engine=arrays]")).to_be_visible()
    assert np.abs(drawn(page) - before).max() <= 2
    page.evaluate("delete globalThis.cnnDemoLensEngine")


def test_a_blocked_camera_gets_one_sentence(page: Page) -> None:
    visit(page, "/Convolution")
    page.get_by_role("button", name="Live camera").click()
    expect(page.locator(".failure")).to_have_text(
        "The camera is blocked: allow it for this page in the browser’s address bar, then try again."
    )
    expect(page.get_by_role("button", name="Freeze")).to_be_hidden()


def test_the_camera_is_filtered_and_a_frame_becomes_the_photo(camera: Page) -> None:
    visit(camera, "/Convolution?kernel=Sobel+edges")
    expect(camera.locator(CANVAS)).to_be_visible()
    camera.get_by_role("button", name="Live camera").click()
    expect(camera.locator(".captions .before")).to_contain_text("Camera · 480 rows × 640 columns.")
    first = drawn(camera)
    assert np.ptp(first) > 100  # edges of the test pattern, which moves
    patience = time.monotonic() + 30
    while (later := drawn(camera)).shape != first.shape or np.array_equal(later, first):
        assert time.monotonic() < patience, "The camera's picture stands still."
        first = later  # of another size, if the browser is slow
    expect(camera.get_by_role("button", name="Stop")).to_have_attribute("aria-pressed", "true")
    camera.get_by_role("button", name="Freeze").click()
    expect(camera.locator(".captions .before")).to_contain_text("Before · 960 rows × 1,280 columns.")
    expect(camera.get_by_role("radio", name="Your photo")).to_be_checked()
    expect(camera.get_by_role("button", name="Live camera")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(
    "path", ["/Convolution", "/Convolution?view=Step+through", "/Convolution_and_pooling_layers?tab=Step+through"]
)
def test_a_narrow_phone_shows_everything_without_scrolling_sideways(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    visit(page, path)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    cut = main.evaluate("""main => {
      const found = []
      const look = (root) => root.querySelectorAll("*").forEach((element) => {
        if (element.shadowRoot) look(element.shadowRoot)
        const { left, right, width } = element.getBoundingClientRect()
        const shown = width > 1 && element.matches(".lens button, .lens p, .player button, .player canvas, .player p")
        if (shown && (left < 0 || right > innerWidth)) {
          found.push(`${element.className} ${element.textContent.slice(0, 30)} ${left} ${right}`)
        }
      })
      look(main)
      return found
    }""")
    assert not cut
