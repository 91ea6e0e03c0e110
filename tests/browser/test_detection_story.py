"""Page 6 in a real browser: detection."""

import re

import pytest
from playwright.sync_api import Page, expect
from visitor import settle, slide, visit

from cnn_demo.models import list_models

BUNDLED = [spec for spec in list_models("detection") if spec.availability() == "bundled"]
pytestmark = pytest.mark.skipif(not BUNDLED, reason="needs the bundled detector")


def open_page_6(page: Page, query: str = "") -> None:
    visit(page, f"/Object_detection?{query}")


def total(page: Page) -> int:
    """Return the number of objects in the page's counts, such as "2 × face · 1 × cat head"."""
    counted = page.locator("h3").filter(has_text=re.compile(r"^(\d+ |No objects)")).first.inner_text()
    return sum(map(int, re.findall(r"\d+", counted)))


def test_detect_filter_and_score(page: Page) -> None:
    open_page_6(page, "photo=astronaut&detect_confidence=10")
    expect(page.locator("img[alt^='The photo with boxes']")).to_be_visible()
    found = total(page)
    assert found >= 1

    # Fewer boxes are more confident; the network does not run again.
    slide(page, "Confidence threshold", 2)
    assert total(page) <= found

    slide(page, "Confidence threshold", 2, "ArrowLeft")
    assert total(page) == found

    # NMS, step by step.
    page.get_by_role("tab", name="Non-maximum suppression").click()
    settle(page)
    slide(page, "Step: boxes kept so far", 1)
    expect(page.get_by_text("is the most confident remaining box")).to_be_visible()

    # With its own predictions as ground truth, the network has a recall of 1.
    page.get_by_role("tab", name="Evaluate").click()
    settle(page)
    page.get_by_role("button", name=re.compile("Add the predictions")).click()
    settle(page)
    expect(page.get_by_test_id("stMetric").filter(has_text="Recall")).to_contain_text("1.00")
    expect(page.get_by_text("The predictions, judged. No errors.")).to_be_visible()
    expect(page.get_by_role("table", name="Errors by kind")).to_be_attached()
