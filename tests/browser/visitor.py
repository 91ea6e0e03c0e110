"""What every visitor of the browser tests does."""

from playwright.sync_api import Page

PATIENCE = 60_000  # milliseconds: a first visit may load a framework, and the machine may be busy


def settle(page: Page) -> None:
    """Wait until the server has answered all that was asked of it."""
    page.wait_for_timeout(300)  # a key press takes a moment to reach the server
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=PATIENCE)
