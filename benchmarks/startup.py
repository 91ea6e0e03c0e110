"""How long the server takes to be ready, and each page to open for the first time; and the memory that all take.

    python benchmarks/startup.py                # both parts
    python benchmarks/startup.py pages          # the second one, without a browser

The second part opens each page in a session of its own: on a server that loads nothing beforehand ("cold"), on one that
has been up for 30 seconds ("first"), and once more ("again"). A time ends when the page is complete. Then it prints the
resident memory, at once and after a pause in which idle networks give memory back, and MISSED where a bar is missed.

Ready: from starting `streamlit run app.py` to its first healthy response. Painted: from opening the address in a new
browser profile to the last card's picture (home) or the convolved photo (page 1) being decoded. Medians of five.
The peer, in the same run, is an app of one line of text.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from playwright.sync_api import Browser, sync_playwright
from served import ARGS, find_chromium, serve
from timing import verdict
from visitors import Visitor

from cnn_demo.models.idle_memory import IDLE
from cnn_demo.topics import TOPICS

ROUNDS = 5
UP = 30  # seconds that the server has been up
FIRST_BAR = 1.0  # seconds
MEMORY_BAR = 1300  # MB
PAUSE = 2 * IDLE  # seconds
ADDRESSES = ("", *(topic.page.removeprefix("pages/").partition("_")[2].removesuffix(".py") for topic in TOPICS))


def main() -> None:
    """Measure both parts, or the second one."""
    if sys.argv[1:] != ["pages"]:
        paints()
    pages()


def pages() -> None:
    """Open all pages on two servers, and print the seconds and the memory."""
    os.environ["CNN_DEMO_PRELOAD"] = "off"
    cold, memory_cold = _opened(wait=0)
    os.environ["CNN_DEMO_PRELOAD"] = "on"
    first, memory = _opened(wait=UP)
    for page, (before,), times in zip(ADDRESSES, cold, first, strict=True):
        print(
            f"{page or 'Home':32s} cold {before:5.2f} s   first {times[0]:5.2f} s   again {times[1]:5.2f} s   "
            f"bar {FIRST_BAR:.1f} s: {verdict(times[0] <= FIRST_BAR)}"
        )
    for name, (at_once, later) in {"loaded when needed": memory_cold, "loaded beforehand": memory}.items():
        print(
            f"memory after all pages, {name}: {at_once:.0f} MB, {PAUSE:.0f} s later {later:.0f} MB   "
            f"bar {MEMORY_BAR} MB: {verdict(max(at_once, later) <= MEMORY_BAR)}"
        )


def _opened(wait: float) -> tuple[list[list[float]], tuple[float, float]]:
    """Return the seconds of one or, after a wait, two openings of each page, and the resident memory in MB.

    The memory is that at once and that after a pause.
    """
    process, address = serve(None)
    try:
        time.sleep(wait)
        times = [[asyncio.run(_open(address, page)) for _ in range(2 if wait else 1)] for page in ADDRESSES]
        at_once = _resident(process.pid)
        time.sleep(PAUSE)
        return times, (at_once, _resident(process.pid))
    finally:
        process.terminate()
        process.wait()


def _resident(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 1e6


async def _open(address: str, page: str) -> float:
    async with Visitor(address, page) as visitor:
        return await visitor.open()


def paints() -> None:
    """Measure both apps in turns and print the medians."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        peer = Path(folder) / "peer.py"
        peer.write_text('import streamlit as st\nst.write("Hello")\n')
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        times: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, script in (("app", "app.py"), ("peer", str(peer))):
                start = time.perf_counter()
                process, address = serve(script)
                times.setdefault(f"{name}: server ready", []).append(time.perf_counter() - start)
                views = {"/": "text=Hello"}
                if name == "app":
                    views = {
                        "/": "img[alt^='A street with a bus and four people, each painted']",
                        "/Convolution": "img[alt^='After']",
                    }
                for path, selector in views.items():
                    painted = _paint(browser, address + path, selector)
                    times.setdefault(f"{name}: {path} painted", []).append(painted)
                process.terminate()
                process.wait()
        browser.close()
    for name, seconds in times.items():
        print(f"{name:28s} median {statistics.median(seconds):5.2f} s   n = {len(seconds)}")


def _paint(browser: Browser, address: str, selector: str) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address)
    found = page.locator(selector).first
    found.wait_for(state="visible")
    found.evaluate("element => element.decode ? element.decode() : null")
    seconds = time.perf_counter() - start
    context.close()
    return seconds


if __name__ == "__main__":
    main()
