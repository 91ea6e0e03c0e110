"""Make the README's screenshots: one of every page, served as `make run` does, in Chromium.

From the project's root: `make screenshots`. It needs Chromium; the pages show the bundled networks alone.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.served import ARGS, find_chromium, serve
from cnn_demo.project import ROOT
from cnn_demo.topics import TOPICS

FOLDER = ROOT / "assets" / "screenshots"
WIDTH, HEIGHT = 1280, 1150  # of the browser's window
SHOWN_WIDTH = 900  # of the picture
LINKS = {  # page -> settings in its link
    1: {"photo": "chelsea"},
    2: {"photo": "chelsea"},
    3: {"photo": "chelsea"},
    4: {"photo": "chelsea", "task": "Explain"},
    5: {"photo": "motorcycle"},
    6: {"photo": "bus"},
    7: {"photo": "bus"},
}


def main() -> None:
    """Write a WebP file for each page."""
    FOLDER.mkdir(exist_ok=True)
    with served_offline() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        for topic in TOPICS:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            name = Path(topic.page).stem.partition("_")[2]
            page.goto(f"{address}/{name}?{urlencode(LINKS[topic.number])}")
            save(picture_of(page), FOLDER / f"{topic.number}.webp")
            page.close()


@contextmanager
def served_offline() -> Iterator[str]:
    """Serve the app with the bundled networks alone, and yield its address."""
    with tempfile.TemporaryDirectory() as empty:
        os.environ |= {"CNN_DEMO_WEIGHTS": empty, "KERAS_HOME": empty, "TORCH_HOME": empty, "HF_HUB_CACHE": empty}
        process, address = serve("app.py")
        try:
            yield address
        finally:
            process.terminate()


def picture_of(page: Page) -> bytes:
    """Return a PNG of the page, once two pictures in a row are the same."""
    page.get_by_role("tab").first.wait_for(timeout=120_000)
    before, after = b"", page.screenshot()
    for _ in range(40):
        page.wait_for_timeout(1500)
        before, after = after, page.screenshot()
        busy = page.get_by_test_id("stStatusWidget").count() or page.get_by_test_id("stSkeleton").count()
        if before == after and not busy:
            break
    return after


def save(png: bytes, path: Path) -> None:
    """Write a screenshot as WebP, `SHOWN_WIDTH` pixels wide."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    height = round(picture.height * SHOWN_WIDTH / picture.width)
    picture.resize((SHOWN_WIDTH, height), Image.Resampling.LANCZOS).save(path, "WEBP", quality=80)


if __name__ == "__main__":
    main()
