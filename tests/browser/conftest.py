"""A served app and a browser for the tests that live a visitor's story.

They skip where there is no Chromium, and on a machine that gives a process less than two fifths of a core, where all
failures would be timeouts; CNN_DEMO_BROWSER=1 runs them anyway.
"""

import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from visitor import STEP_PATIENCE, error_in, page_of

from benchmarks.served import ARGS, find_chromium, serve

ENOUGH = 0.4
"""Fraction of a core below which a browser, its server and the test can't keep up with a visitor's patience."""
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
CAMERA = "--use-fake-device-for-media-stream"  # shows a test pattern that moves; a page may use it once it is allowed


def core_share(seconds: float = 3.0) -> float:
    """Fraction of a core that this process gets now: a loop that only reads the clock, less the time it stood still."""
    begun = before = time.perf_counter()
    stood_still = 0.0
    while (now := time.perf_counter()) - begun < seconds:
        if now - before > 0.005:
            stood_still += now - before
        before = now
    return 1 - stood_still / (now - begun)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the app as `make run` does; yield its address."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with log.open("w") as file:
        process, address = serve("app.py", output=file)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip with the reason."""
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    if "CNN_DEMO_BROWSER" not in os.environ and (share := core_share()) < ENOUGH:
        pytest.skip(f"this machine gives a process {share:.0%} of a core now; CNN_DEMO_BROWSER=1 runs it all the same")
    with sync_playwright() as playwright:
        expect.set_options(timeout=STEP_PATIENCE)
        chromium = playwright.chromium.launch(executable_path=path, args=[*ARGS, OFFLINE, CAMERA])
        yield chromium
        chromium.close()


def context_of(browser: Browser, server: str, **options) -> Iterator[BrowserContext]:
    """One for all tests, since its cache of Streamlit's scripts saves each visit a third of its processor time.

    Its visitor prefers reduced motion: on a busy machine, animations while a page loads take another third.
    """
    context = browser.new_context(base_url=server, reduced_motion="reduce", **options)
    context.set_default_timeout(STEP_PATIENCE)
    yield context
    context.close()


WIDE = {"width": 1440, "height": 1000}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def wide_screen(browser: Browser, server: str) -> Iterator[BrowserContext]:
    yield from context_of(browser, server, viewport=WIDE)


@pytest.fixture(scope="session")
def touch_screen(browser: Browser, server: str) -> Iterator[BrowserContext]:
    yield from context_of(browser, server, viewport=PHONE, has_touch=True, is_mobile=True)


def visitors_of(context: BrowserContext, server: str, screen: ViewportSize) -> Iterator[Page]:
    """A new visitor, whose session begins with a visit; the page may reach nothing but the app, and must log no error.

    Tests have the same pages one after the other, since a new one compiles Streamlit's scripts anew: a visit then takes
    twice the processor time.
    """
    asked: list[str] = []
    errors: list[str] = []
    listeners = {
        "request": lambda request: asked.append(request.url),  # a route would turn the browser's cache off
        "weberror": lambda error: errors.append(str(error.error)),
        "console": lambda message: errors.extend(error_in(message)),
    }
    for event, listener in listeners.items():
        context.on(event, listener)
    page = page_of(context, 0)
    page.bring_to_front()
    yield page
    for each in context.pages:
        each.goto("about:blank")  # the session ends, with its work in the background
    for event, listener in listeners.items():
        context.remove_listener(event, listener)
    for each in context.pages:
        each.set_viewport_size(screen)
        each.emulate_media(color_scheme="light", reduced_motion="reduce")
        each.mouse.move(0, 0)
        context.new_cdp_session(each).send("Page.resetNavigationHistory")  # it has 50 entries at most
    outside = [url for url in asked if not url.startswith((server, "data:", "blob:", "about:"))]
    assert not outside, f"The page requested {outside}; it must work without internet."
    assert not errors, errors


@pytest.fixture
def page(wide_screen: BrowserContext, server: str) -> Iterator[Page]:
    """A new visitor at a wide screen."""
    yield from visitors_of(wide_screen, server, WIDE)


@pytest.fixture
def friend(page: Page) -> Page:
    """Another visitor at a wide screen, at the same time."""
    return page_of(page.context, 1)


@pytest.fixture
def phone(touch_screen: BrowserContext, server: str) -> Iterator[Page]:
    """A visitor with a phone: touch only, no mouse."""
    yield from visitors_of(touch_screen, server, PHONE)


@pytest.fixture(scope="module")
def tour(touch_screen: BrowserContext, server: str) -> Iterator[Page]:
    """The same visitor in all tests of a file."""
    yield from visitors_of(touch_screen, server, PHONE)
