"""Helpers of the browser tests."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

PATIENCE = 150_000  # milliseconds: a first visit may load a framework, which takes minutes on a busy machine
STEP_PATIENCE = 60_000  # for a step on a page that has come to rest: what fails, fails sooner


# Resolves when nothing has run, and nothing on the page has changed, for half a second.
QUIET = """patience => new Promise((resolve, reject) => {
  const begun = Date.now()
  let last = begun
  const observer = new MutationObserver(() => { last = Date.now() })
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })
  const timer = setInterval(() => {
    const idle = document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]")
    if (!idle) last = Date.now()
    const late = Date.now() - begun > patience
    if (Date.now() - last < 500 && !late) return
    clearInterval(timer)
    observer.disconnect()
    late ? reject(new Error("The page does not come to rest.")) : resolve()
  }, 50)
})"""


def page_of(context: BrowserContext, number: int) -> Page:
    """Return a page of a browser context, the first of which has number 0."""
    while len(context.pages) <= number:
        context.new_page()
    return context.pages[number]


def error_in(message: ConsoleMessage) -> list[str]:
    """Return the text of a message in a list, if it is an error, or else an empty list."""
    # Opened by its link, a page asks for these below its own address before it asks for them at the root.
    probed = message.location.get("url", "").endswith(("/_stcore/health", "/_stcore/host-config"))
    return [message.text] if message.type == "error" and not probed else []


def settle(page: Page) -> None:
    """Wait until the server has responded to all requests.

    Between two runs a page looks idle for a moment, and a key press takes a moment to reach the server.
    """
    page.evaluate(QUIET, PATIENCE)


def visit(page: Page, address: str) -> None:
    """Open a page of the app in front of all others, and wait until it is there.

    Chromium hardly draws a tab in the background: a click waits for its next frame, for 20 seconds or more.
    """
    page.bring_to_front()
    page.goto(address, timeout=PATIENCE)
    expect(page.get_by_test_id("stMain")).to_be_visible(timeout=PATIENCE)
    settle(page)


def slide(page: Page, label: str, steps: int, key: str = "ArrowRight") -> None:
    """Move a slider by so many steps in one go, and wait for the response: the app must not lose one."""
    slider = page.get_by_role("slider", name=label)
    seen = [float(slider.input_value())]
    for _ in range(steps):
        slider.press(key)
        seen.append(float(slider.input_value()))
    settle(page)
    assert float(slider.input_value()) == seen[-1], (
        f"The slider {label!r} went back: {seen}, then {slider.input_value()}."
    )
    assert len(set(seen)) == steps + 1, f"The slider {label!r} lost steps: {seen}."


def try_experiment(page: Page, title: str) -> None:
    """Choose an experiment from the menu at the right of the heading, which a moving page may close once."""
    settle(page)
    option = page.get_by_role("option", name=title)
    page.get_by_role("combobox", name="Try this").click()
    try:
        option.click(timeout=20_000)
    except PlaywrightTimeout:
        page.get_by_role("combobox", name="Try this").click()
        option.click()


def span(page: Page, key: str) -> tuple[float, float]:
    """Return top and bottom of the visible element with a key, in pixels of the window."""
    box = page.locator(f".st-key-{key}").locator("visible=true").first.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


def go_to(page: Page, label: str) -> None:
    """Follow a link of the navigation at the top."""
    page.get_by_test_id("stHeader").get_by_role("link", name=label).click()
