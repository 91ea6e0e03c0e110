"""How long visitors wait when many use the app at once, and how much memory it takes.

    python benchmarks/load.py                     # all scenarios, with 20 visitors, and the slider with 50
    python benchmarks/load.py --visitors 50 boxes
    python benchmarks/load.py --visits 300 visits

Each visitor is a websocket session, so the times are those of the server, without a browser. A time ends when the page
is complete. The server runs on the same machine. It loads nothing in the background (CNN_DEMO_PRELOAD=off), since that
would take the processor during the first half minute; before each scenario, two visitors warm the networks that it
needs, and memory is that of these networks and pages. Scenarios:

* slider: sigma on page 1, one move after a pause of 0.5 to 1.5 seconds;
* thresholds: the confidence threshold on page 6, on cached outputs, with the same pauses;
* boxes, masks: a new photo of one megapixel for the detector of page 6 and the U-Net of page 7, after 5 to 15 seconds;
* rush: a new photo for the detector after at most a second, so that visitors queue;
* mixed: half of the visitors upload photos to page 7, while the other half move sigma;
* visits: one visitor after the other uploads a new photo of 10 MB and leaves.

For each it prints median, 95th percentile, failures and resident memory, and MISSED where a bar is missed.
"""

import argparse
import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import cv2
import numpy as np
import psutil
from served import ROOT, serve
from timing import verdict
from visitors import Failed, Visitor

SLIDER_P95, THRESHOLD_P95, BOXES_P95 = 0.6, 0.6, 3.0  # seconds, for 20 visitors
PLATEAU_MB = 50  # growth of the memory over the second half of the visits
SHORT_PAUSE, LONG_PAUSE = (0.5, 1.5), (5.0, 15.0)  # seconds
UPLOADER = "Your own photo"

Step = Callable[[Visitor, random.Random], Awaitable[float]]


def photo(side: tuple[int, int] = (1152, 864), megabytes: float = 0, seed: int = 0) -> bytes:
    """A sample photo with a sensor's noise, so that each seed is another one; padded behind the JPEG's end."""
    sample = cv2.imread(str(ROOT / "assets/samples/coffee.jpg"))
    assert sample is not None
    pixels = cv2.resize(sample, side, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0, 4, pixels.shape)
    _, file = cv2.imencode(".jpg", np.clip(pixels + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return file.tobytes() + np.random.default_rng(seed).bytes(max(0, int(megabytes * 2**20) - len(file)))


async def move_sigma(visitor: Visitor, chance: random.Random) -> float:
    """Move page 1's slider."""
    return await visitor.slide("Sigma", round(chance.uniform(0.5, 4), 1))


async def move_threshold(visitor: Visitor, chance: random.Random) -> float:
    """Move page 6's slider."""
    return await visitor.slide("Confidence", 5 * chance.randint(2, 18))


async def upload(visitor: Visitor, chance: random.Random) -> float:
    """Upload a new photo."""
    data = await asyncio.to_thread(photo, seed=chance.randrange(2**31))
    return await visitor.upload(UPLOADER, "photo.jpg", data)


async def visit(
    address: str, page: str, step: Step, seed: int, seconds: float, pause: tuple[float, float], ready: asyncio.Barrier
) -> tuple[list[float], list[str]]:
    """Open a page, wait for the others, and take steps; return the seconds of each, and the failures."""
    chance = random.Random(seed)
    times: list[float] = []
    failures: list[str] = []
    async with Visitor(address, page) as visitor:
        try:
            await visitor.open()
        except Failed as error:
            failures.append(str(error))
        await ready.wait()
        end = time.monotonic() + seconds
        while not times or time.monotonic() < end:
            await asyncio.sleep(chance.uniform(*pause))
            try:
                times.append(await step(visitor, chance))
            except (Failed, TimeoutError) as error:
                failures.append(str(error) or "no answer in time")
                if len(failures) > 5:
                    break
    return times, failures


async def crowd(
    address: str, parts: list[tuple[str, Step, tuple[float, float]]], visitors: int, seconds: float
) -> list[tuple[list[float], list[str]]]:
    """Let visitors come, split equally between the parts; return the times and the failures of each part."""
    ready = asyncio.Barrier(visitors)
    runs = [
        visit(address, *parts[number % len(parts)][:2], number, seconds, parts[number % len(parts)][2], ready)
        for number in range(visitors)
    ]
    results = await asyncio.gather(*runs)
    merged = []
    for part in range(len(parts)):
        own = results[part :: len(parts)]
        merged.append(([t for times, _ in own for t in times], [f for _, failures in own for f in failures]))
    return merged


SCENARIOS: dict[str, list[tuple[str, Step, tuple[float, float], float | None]]] = {
    "slider": [("Convolution", move_sigma, SHORT_PAUSE, SLIDER_P95)],
    "thresholds": [("Object_detection", move_threshold, SHORT_PAUSE, THRESHOLD_P95)],
    "boxes": [("Object_detection", upload, LONG_PAUSE, BOXES_P95)],
    "masks": [("Segmentation", upload, LONG_PAUSE, None)],
    "rush": [("Object_detection", upload, (0.0, 1.0), BOXES_P95)],
    "mixed": [("Segmentation", upload, LONG_PAUSE, None), ("Convolution", move_sigma, SHORT_PAUSE, SLIDER_P95)],
}


def resident(process: psutil.Process) -> float:
    """Resident memory of the server in MB."""
    return process.memory_info().rss / 1e6


def measure(name: str, address: str, process: psutil.Process, visitors: int, seconds: float) -> None:
    """Run one scenario and print a line for each of its parts."""
    parts = SCENARIOS[name]
    results = asyncio.run(crowd(address, [part[:3] for part in parts], visitors, seconds))
    for (page, step, _, bar), (times, failures) in zip(parts, results, strict=True):
        p50, p95 = (float(np.percentile(times, q)) for q in (50, 95)) if times else (float("nan"),) * 2
        bar_text = f"   bar {bar:.1f} s: {verdict(p95 <= bar)}" if bar and visitors <= 20 else ""
        print(
            f"{name:10s} {visitors:3d} visitors, {step.__name__:14s} {page:16s} n = {len(times):4d}   p50 {p50:5.2f} s"
            f"   p95 {p95:5.2f} s   failures {len(failures)}   memory {resident(process):6.0f} MB{bar_text}",
            flush=True,
        )
        for failure in sorted(set(failures))[:3]:
            print(f"           {failure[:150]}", flush=True)


async def one_visit(address: str, data: bytes) -> None:
    """Open page 1, upload a photo and leave."""
    async with Visitor(address, "Convolution") as visitor:
        await visitor.open()
        await visitor.upload(UPLOADER, "photo.jpg", data)


def visits(address: str, process: psutil.Process, count: int) -> None:
    """Let visitors come one after the other, and print the memory."""
    data = photo((4000, 3000), 10)[: 10 * 2**20]
    series = []
    for number in range(count):
        asyncio.run(one_visit(address, data[:-8] + number.to_bytes(8)))
        time.sleep(0.3)  # the server lets go of what belongs to the last run
        series.append(resident(process))
        if number % 25 == 24:
            print(f"visits     {number + 1:4d} of 10 MB   memory {series[-1]:6.0f} MB", flush=True)
    plateau = statistics.median(series[count // 2 : 3 * count // 4])
    highest = max(series[3 * count // 4 :])
    print(
        f"visits     plateau {plateau:.0f} MB, highest of the last quarter {highest:.0f} MB   "
        f"bar +{PLATEAU_MB} MB: {verdict(highest <= plateau + PLATEAU_MB)}",
        flush=True,
    )


def main() -> None:
    """Serve the app, warm it, and run the scenarios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, "visits", []], help="all by default")
    parser.add_argument("--visitors", type=int, help="20 by default, and 50 for the slider")
    parser.add_argument("--seconds", type=float, default=30, help="of each scenario")
    parser.add_argument("--visits", type=int, default=300)
    parser.add_argument("--log", type=Path, help="file for the server's log")
    options = parser.parse_args()
    names = options.scenarios or [*SCENARIOS, "visits"]
    os.environ["CNN_DEMO_PRELOAD"] = "off"
    with (options.log or Path(os.devnull)).open("w") as log:
        server, address = serve("app.py", log)
        process = psutil.Process(server.pid)
        try:
            print(f"memory at the start {resident(process):.0f} MB", flush=True)
            if "visits" in names:  # first, since the other scenarios leave sessions that still hold photos
                visits(address, process, options.visits)
            for name in (name for name in names if name != "visits"):
                asyncio.run(crowd(address, [part[:3] for part in SCENARIOS[name]], 2, 5))  # networks are warm
                for visitors in [options.visitors] if options.visitors else [20, 50] if name == "slider" else [20]:
                    measure(name, address, process, visitors, options.seconds)
        finally:
            server.terminate()
            server.wait(60)


if __name__ == "__main__":
    main()
