"""How long the server takes to be ready, and the browser to paint the home page and page 1 for the first time.

Ready: from starting `streamlit run app.py` to its first healthy response. Painted: from opening the address in a new
browser profile to the last card's picture (home) or the convolved photo (page 1) being decoded. Medians of five.
The peer, in the same run, is an app of one line of text.

    python benchmarks/startup.py
"""

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from served import ARGS, find_chromium, serve

ROUNDS = 5


def main() -> None:
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
