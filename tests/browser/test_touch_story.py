"""Every page by touch, on a phone of 390 × 844 pixels."""

import pytest
from playwright.sync_api import Locator, Page, expect
from visitor import settle, visit

from cnn_demo.topics import TOPICS


def in_sight(page: Page, element: Locator) -> bool:
    """Whether a part of the element is on the screen, below the header."""
    box = element.bounding_box()
    return box is not None and box["y"] + box["height"] > 60 and box["y"] < page.viewport_size["height"]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.short)
def test_a_page_by_touch(phone: Page, topic) -> None:
    # She opens the page from the menu of a phone, and taps another photo: the picture below follows.
    visit(phone, "/")
    phone.get_by_test_id("stExpandSidebarButton").tap()
    phone.get_by_test_id("stSidebar").get_by_role("link", name=f"{topic.number} · {topic.short}").tap()
    photo = phone.get_by_role("radio", name="A motorcycle in a garage")
    expect(photo).to_be_visible()
    settle(phone)
    expect(phone.get_by_test_id("stSidebar")).not_to_be_in_viewport()  # it would cover the page
    photo.tap()
    expect(photo).to_be_checked()
    phone.wait_for_url("**photo=motorcycle**")
    settle(phone)

    # She starts an experiment: its notice is on the screen. Undo restores her photo.
    phone.get_by_role("combobox", name="Try this").tap()
    phone.get_by_role("option").first.tap()
    notice = phone.get_by_text("What to notice.")
    expect(notice).to_be_visible()
    settle(phone)
    assert in_sight(phone, notice)
    phone.get_by_role("button", name="Undo").tap()
    expect(notice).to_have_count(0)
    expect(photo).to_be_checked()

    # She opens the second tab.
    tab = phone.get_by_role("tab").nth(1)
    tab.tap()
    expect(tab).to_have_attribute("aria-selected", "true")
