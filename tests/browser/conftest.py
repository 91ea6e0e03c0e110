"""A served app and a browser for the tests that live a visitor's story; they skip where there is no Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from visitor import PATIENCE

from benchmarks.served import ARGS, find_chromium, serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(600))  # machines that do other work beside it answer late


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
    """Chromium, or a skip that says why."""
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        chromium = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A new visitor at a wide screen; his browser may reach nothing but the app, and must log no script error."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=server)
    context.set_default_timeout(PATIENCE)
    outside, errors = [], []
    context.route(
        lambda url: not url.startswith((server, "data:", "blob:")),
        lambda route: (outside.append(route.request.url), route.abort()),
    )
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not outside, f"The page asked for {outside}; it must work without internet."
    assert not errors, errors
