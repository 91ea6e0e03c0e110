"""Fixtures of all tests: the order of a run, caches emptied between tests, and files as phones send them.

Files go to workers as a whole, browser stories to two of them, and `--within` ends a run on a slow machine.
"""

import functools
import gc
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

os.environ["CNN_DEMO_DEBUG"] = "1"  # unexpected errors reach the tests: see cnn_demo/ui/page/barrier.py
os.environ["CNN_DEMO_PRELOAD"] = "off"  # servers of the browser stories load what a story needs
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)) > 1:  # read once, when NumPy is imported: see pytest_configure
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import ExifTags, Image

from cnn_demo import environment
from cnn_demo.models import frameworks

ROOT = Path(__file__).resolve().parents[1]
BEGUN = time.monotonic()

BROWSER_PROCESSES = 2
"""Processes that run browser stories, each with its own server and browser; together they occupy two cores."""
LONGEST = (
    *("browser/test_links", "browser/test_one_screen", "browser/test_drawing", "browser/test_convolution"),
    *("browser/test_layers", "browser/test_pretrained", "browser/test_segmentation", "browser/"),
    *("unit/training/test_everyday", "unit/models/test_frameworks", "unit/training/", "unit/models/", "pages/"),
)
"""Tests that begin first, by the beginning of their path: a long one at the end would run alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--within",
        type=float,
        metavar="MINUTES",
        help="start no test later than this after the start; the rest is skipped with a reason",
    )
    parser.addoption("--keras", choices=environment.KERAS_BACKENDS, help="Keras's backend, as CNN_DEMO_KERAS")


def pytest_configure(config: pytest.Config) -> None:
    """Set Keras's backend, and divide the cores among the test processes.

    Threads that wait for one another take three times as long.
    Browser stories take the longest and come first, to the first processes: the others step back for them, or else a
    page would wait.
    """
    if config.getoption("--keras"):
        os.environ[environment.KERAS] = config.getoption("--keras")
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and workers > 1:
        threads = max(1, frameworks.thread_count() // workers)
        frameworks.thread_count = functools.wraps(frameworks.thread_count)(lambda: threads)
        if int(worker.removeprefix("gw")) >= BROWSER_PROCESSES:
            os.nice(10)


def pytest_collection_finish() -> None:
    """Exempt the frameworks' objects from garbage collection, a full one of which takes half a second with them."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    stories = {item for item in items if "tests/browser/" in item.path.as_posix()}
    for item in stories:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.timeout(600))  # the first one waits for a server that loads its frameworks
        item.add_marker(pytest.mark.flaky(reruns=1))  # a visitor would try again; the summary names what was rerun
    items.sort(key=lambda item: place_in_run(item.nodeid))  # stable: others stay in their order


def place_in_run(nodeid: str) -> int:
    """Return a number by which tests are sorted, the longest first."""
    path = nodeid.removeprefix("tests/")
    return next((place for place, beginning in enumerate(LONGEST) if path.startswith(beginning)), len(LONGEST))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Give each file to one worker, so that its fixtures are made once, and browser stories to the first workers."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            # Each test of these two has a page of the app for itself, and none has fixtures of its file.
            each = nodeid.startswith(("tests/browser/test_links", "tests/browser/test_one_screen"))
            return nodeid if each else super()._split_scope(nodeid)

        def _assign_work_unit(self, node) -> None:
            has_browser = int(node.gateway.id.removeprefix("gw")) < BROWSER_PROCESSES
            suitable = (scope for scope in self.workqueue if scope.startswith("tests/browser/") == has_browser)
            if scope := next(suitable, None):
                self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = item.config.getoption("--within")
    if minutes is not None and time.monotonic() - BEGUN > minutes * 60:
        pytest.skip(f"not begun: the {minutes:g} minutes that --within allows were over")


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """The operator's folder of pretrained weights; a test that needs it is marked `weights`, and skips without."""
    folder = os.environ.get("CNN_DEMO_WEIGHTS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs pretrained weights: CNN_DEMO_WEIGHTS names no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(autouse=True)
def _fresh_caches():
    yield
    if "streamlit" in sys.modules:  # tests of the core never load it
        import streamlit as st

        st.cache_data.clear()
        st.cache_resource.clear()


@pytest.fixture
def no_models() -> Iterator[None]:
    """No model is loaded; those that were are kept for the tests after this one.

    `models.release` would also collect garbage, which takes a third of a second once the frameworks are there.
    """
    from cnn_demo import models

    kept = {device: dict(cache) for device, cache in models._MODELS.items()}
    for cache in models._MODELS.values():
        cache.clear()
    yield
    for device, cache in models._MODELS.items():
        cache.clear()
        cache.update(kept[device])


@pytest.fixture
def cuda() -> Iterator[ModuleType]:
    """torch.cuda, with no model loaded before and after; a test that needs it is marked `gpu`, and skips without."""
    if frameworks.describe_machine().device != "cuda":
        pytest.skip("needs an NVIDIA GPU")
    from cnn_demo import models

    models.release()
    yield frameworks.torch().cuda
    models.release()


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """A function from (width, height, EXIF orientation) to a JPEG with a dark left half, as the sensor saw it."""

    def encode(width: int = 48, height: int = 32, orientation: int = 1) -> bytes:
        pixels = np.full((height, width, 3), (220, 180, 40), np.uint8)
        pixels[:, : width // 2] = (30, 20, 60)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=95, exif=exif)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def phone_photo(jpeg) -> bytes:
    """A photo as a phone held upright sends it: 48 × 32 pixels lying on their side, and the EXIF orientation."""
    return jpeg(48, 32, orientation=6)
