"""Every page by touch, on a phone of 390 × 844 pixels."""

import pytest
from playwright.sync_api import Page, expect
from visitor import settle, span, visit

from cnn_demo.topics import TOPICS, Topic

PHOTOS = (("A cup of coffee", "coffee"), ("A motorcycle in a garage", "motorcycle"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.short)
def test_a_page_by_touch(tour: Page, topic: Topic) -> None:
    if tour.url == "about:blank":
        visit(tour, "/")

    # She opens the page from the menu of a phone, and taps another photo: the picture below follows.
    tour.get_by_test_id("stExpandSidebarButton").tap()
    tour.get_by_test_id("stSidebar").get_by_role("link", name=f"{topic.number} · {topic.short}").tap()
    tour.wait_for_url(f"**/{topic.page.removeprefix(f'pages/{topic.number}_').removesuffix('.py')}*")
    title, key = PHOTOS[topic.number % 2]
    photo = tour.get_by_role("radio", name=title)
    expect(photo).to_be_visible()
    settle(tour)
    expect(tour.get_by_test_id("stSidebar")).not_to_be_in_viewport()  # it would cover the page
    photo.tap()
    expect(photo).to_be_checked()
    tour.wait_for_url(f"**photo={key}**")
    settle(tour)

    # She starts an experiment: its notice is at the top, and a picture below it. Undo restores her photo.
    tour.get_by_role("combobox", name="Try this").tap()
    tour.get_by_role("option").first.tap()
    notice = tour.get_by_text("What to notice.")
    expect(notice).to_be_visible()
    settle(tour)
    assert 50 < span(tour, "notice")[0] < 100
    stage = tour.locator("[class*=st-key-stage_]").locator("visible=true").first.bounding_box()
    assert stage is not None
    assert stage["y"] < 400
    tour.get_by_role("button", name="Undo").tap()
    expect(notice).to_have_count(0)
    expect(photo).to_be_checked()

    # She opens the second tab, which does not scroll sideways.
    tab = tour.get_by_role("tab").nth(1)
    tab.tap()
    expect(tab).to_have_attribute("aria-selected", "true")
    settle(tour)
    assert tour.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
