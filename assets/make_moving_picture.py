"""Make the README's moving picture: sliders of several pages moved in Chromium, as an animated WebP.

From the project's root: `make screenshots`, which also makes the still pictures. It needs Chromium; the pages show the
bundled networks alone. Each frame is taken when the page has followed the last step, so that the picture is the same on
a slow machine.
"""

import io
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from assets.make_screenshots import FOLDER, picture_of, served_offline
from benchmarks.served import ARGS, find_chromium

PATH = FOLDER / "moving.webp"
WIDTH, HEIGHT = 1100, 760  # of the browser's window
SHOWN_WIDTH = 800  # of the picture
MAX_BYTES, MAX_SECONDS = 5_000_000, 30
STILL_MS = 1200  # first and last frame of a scene
PAUSE_MS = 150  # after the last request of a step


@dataclass(frozen=True)
class Scene:
    """A slider that is moved on a page.

    Attributes:
        link: Page and settings.
        slider: Its label.
        keys: Key presses of each frame, one string for each frame.
        frame_ms: Time that a frame is shown.
    """

    link: str
    slider: str
    keys: tuple[tuple[str, ...], ...]
    frame_ms: int


def moves(key: str, presses: int, frames: int) -> tuple[tuple[str, ...], ...]:
    """Return the key presses of some frames, so many for each of them."""
    return ((key,) * presses,) * frames


SCENES = (
    Scene("Convolution?try=find-edges", "Angle (°)", moves("ArrowRight", 1, 36), 120),
    Scene(
        "Object_detection?photo=bus&detect_confidence=5",
        "Confidence threshold",
        moves("ArrowRight", 1, 14),
        300,
    ),
    Scene(
        "Object_detection?photo=bus&task=Non-maximum+suppression&detect_confidence=10",
        "Step: boxes kept so far",
        moves("ArrowRight", 1, 7),
        600,
    ),
    Scene(
        "Segmentation?photo=bus",
        "Opacity",
        moves("ArrowLeft", 10, 5) + moves("ArrowRight", 10, 9),
        130,
    ),
)


def main() -> None:
    """Write the moving picture."""
    frames: list[Image.Image] = []
    times: list[int] = []
    with served_offline() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        for scene in SCENES:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(f"{address}/{scene.link}")
            taken = [reduced(png) for png in play(page, scene)]
            frames += taken
            times += [STILL_MS, *[scene.frame_ms] * (len(taken) - 2), STILL_MS]
            page.close()
    save(frames, times)


def play(page: Page, scene: Scene) -> list[bytes]:
    """Return a PNG for each step of a scene, the first before the slider has moved."""
    pictures = [picture_of(page)]
    slider = page.get_by_role("slider", name=scene.slider).first
    for keys in scene.keys:
        for key in keys:
            slider.press(key)
        page.wait_for_timeout(PAUSE_MS)
        pictures.append(steady(page))
    if sum(before == after for before, after in pairwise(pictures)) > len(pictures) / 5:
        raise SystemExit(f"The page does not follow {scene.slider}.")
    return pictures


def steady(page: Page) -> bytes:
    """Return a PNG of the page once nothing changes: a step that needs the server has arrived."""
    before, after = b"", page.screenshot()
    for _ in range(20):
        page.wait_for_timeout(PAUSE_MS)
        before, after = after, page.screenshot()
        if before == after:
            break
    return after


def reduced(png: bytes) -> Image.Image:
    """Return a screenshot, `SHOWN_WIDTH` pixels wide."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return picture.resize((SHOWN_WIDTH, round(picture.height * SHOWN_WIDTH / picture.width)), Image.Resampling.LANCZOS)


def save(frames: list[Image.Image], times: list[int]) -> None:
    """Write the frames, each shown for so many milliseconds, and check size and length."""
    frames[0].save(PATH, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, quality=60, method=6)
    size, seconds = PATH.stat().st_size, sum(times) / 1000
    print(f"{PATH.name}: {len(frames)} frames, {seconds:.1f} s, {size / 1e6:.1f} MB")
    if size > MAX_BYTES or seconds > MAX_SECONDS:
        raise SystemExit(f"At most {MAX_SECONDS} s and {MAX_BYTES / 1e6:.0f} MB are wanted.")


if __name__ == "__main__":
    main()
