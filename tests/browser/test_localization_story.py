"""Page 5 in a real browser: localization."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from visitor import settle, slide, visit

from cnn_demo.models import list_models
from cnn_demo.models.boxes import ciou, diou, giou, iou

pytestmark = pytest.mark.skipif(not list_models("localization"), reason="needs the bundled localizer")


def open_page_5(page: Page, query: str = "") -> None:
    visit(page, f"/Localization?{query}")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for fraction in np.linspace(0, 1, 6)[1:]:
        page.mouse.move(*(a + (b - a) * fraction for a, b in zip(start, end, strict=True)))
    page.mouse.up()


def test_localize_a_person_and_draw_the_ground_truth(page: Page) -> None:
    open_page_5(page, "photo=astronaut")
    expect(page.get_by_role("heading", name=re.compile("^Person,"))).to_be_visible()
    expect(page.locator("img[alt^='The photo with a box around the person']")).to_be_visible()

    # She draws a box of her own, and reads the IoU.
    page.get_by_role("tab", name="Draw the ground truth").click()
    settle(page)
    before = page.get_by_test_id("stMetricValue").inner_text()
    canvas = page.locator(".annotator svg")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    drag(page, (box["x"] + 8, box["y"] + 8), (box["x"] + 0.7 * box["width"], box["y"] + 0.8 * box["height"]))
    settle(page)
    expect(page.locator(".annotator .status")).to_contain_text("pixels.")
    after = page.get_by_test_id("stMetricValue").inner_text()
    assert after != before
    assert 0 < float(after) < 1

    # The loss is dearer when the box counts more.
    loss = page.get_by_label("Terms of the loss")
    total = loss.get_by_role("row").last
    shown = total.inner_text()
    slide(page, "Weight of 1 − GIoU", 2)
    expect(total).not_to_have_text(shown)

    # She plays the training back.
    page.get_by_role("tab", name="Training").click()
    expect(page.locator("canvas[aria-label*='after epoch']")).to_be_visible()


def numbers(page: Page) -> dict[str, float]:
    rows = page.locator("table.readout tr")
    expect(rows.nth(3)).to_be_visible()  # the component draws itself after the page has settled
    cells = [rows.nth(i).locator("th, td").all_inner_texts() for i in range(4)]
    return {row[0]: float(row[1].replace("−", "-")) for row in cells}


def test_iou_follows_the_finger(page: Page) -> None:
    open_page_5(page, "task=Two boxes&boxes_begin=Apart")
    assert numbers(page)["IoU"] == 0
    grip = page.locator("g.box.first rect.grip")
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    other = page.locator("g.box.second rect.grip").bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    end = other["x"] + other["width"] * 0.45, other["y"] + other["height"] * 0.4
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    held = numbers(page)  # before she lets go
    assert held["IoU"] > 0.3
    page.mouse.up()
    settle(page)
    assert numbers(page) == held

    # The browser's figures agree with the package's for the returned boxes.
    first = [float(page.get_by_label(name).input_value()) for name in ("X min", "Y min", "X max", "Y max")]
    svg = page.locator("svg[role=application]")
    second = svg.locator("g.box.second rect.line")
    left, top, width, height = (float(second.get_attribute(name)) for name in ("x", "y", "width", "height"))
    boxes = np.array(first), np.array([left, top, left + width, top + height])
    for name, measure in {"IoU": iou, "GIoU": giou, "DIoU": diou, "CIoU": ciou}.items():
        assert held[name] == pytest.approx(float(measure(*boxes)), abs=0.003), name

    # With the keyboard too.
    page.locator("g.box.first").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert numbers(page) != held
