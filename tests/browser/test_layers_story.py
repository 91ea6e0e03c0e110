"""Page 2 in a real browser."""

from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect
from visitor import go_to, settle, slide, try_experiment, visit

PAGE = "/Convolution_and_pooling_layers"
LAYERS = "[role=radiogroup][aria-label='Layers, to scale'] button"
MAPS = "[role=radiogroup][aria-label^='Maps of layer'] button"


def open_layers(page: Page, query: str = "") -> None:
    visit(page, f"{PAGE}{query}")
    expect(page.get_by_role("tab", name="Build a stack")).to_be_visible()


def in_link(page: Page, key: str) -> list[str]:
    return parse_qs(urlparse(page.url).query).get(key, [])


def test_the_story(page: Page, friend: Page) -> None:
    # Open the page from home: four layers, drawn to scale.
    visit(page, "/")
    page.get_by_role("main").get_by_role("link", name="2 · Convolution and pooling layers").click()
    expect(page.locator(LAYERS)).to_have_count(5)
    settle(page)
    widths = [box["width"] for box in (item.bounding_box() for item in page.locator(f"{LAYERS} svg image").all())]
    assert widths[0] == pytest.approx(widths[1], rel=0.02)
    assert widths[2] == pytest.approx(widths[1] / 2, rel=0.03)
    assert widths[4] == pytest.approx(widths[1] / 4, rel=0.05)

    # Open the last layer and one of its maps: its arithmetic is shown.
    page.locator(LAYERS).nth(4).click()
    page.wait_for_url("**layer=4**")
    expect(page.locator(MAPS)).to_have_count(16)
    page.locator(MAPS).nth(2).click()
    page.wait_for_url("**map=3**")
    expect(page.get_by_text("The weight of each value", exact=False).first).to_be_visible()
    opened = page.locator("img[alt^='Map 3 of layer 4']")
    box = opened.bounding_box()
    opened.click(position={"x": box["width"] * 10.5 / 64, "y": box["height"] * 5.5 / 42})
    page.wait_for_url("**map_column=10**")
    expect(page.get_by_label("Row, 0 to 41")).to_have_value("5")
    settle(page)

    # Add a layer, and pool until nothing fits any more: one sentence, and the maps before it stay.
    page.get_by_role("button", name="Add pooling").click()
    expect(page.locator(LAYERS)).to_have_count(6)
    settle(page)
    page.get_by_role("button", name="Add pooling").click()
    expect(page.locator(LAYERS)).to_have_count(7)
    settle(page)
    slide(page, "Window", 6)
    slide(page, "Stride", 6)
    page.get_by_text("5", exact=True).first.click()
    page.wait_for_url("**layer=5**")
    settle(page)
    slide(page, "Window", 6)
    slide(page, "Stride", 6)
    expect(page.get_by_role("alert")).to_contain_text("Layer 6 does not fit")
    expect(page.locator(LAYERS)).to_have_count(6)

    # Another visitor opens the link and gets the same page.
    page.wait_for_url("**stack=**")
    visit(friend, page.url)
    expect(friend.get_by_role("alert")).to_contain_text("Layer 6 does not fit")
    expect(friend.locator(LAYERS)).to_have_count(6)
    assert in_link(friend, "stack") == in_link(page, "stack")


def test_the_keyboard_moves_through_layers_and_maps(page: Page) -> None:
    open_layers(page)
    page.locator(LAYERS).nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**layer=2**")
    settle(page)
    page.locator(MAPS).first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**map=2**")
    expect(page.locator(MAPS).nth(1)).to_be_checked()


def test_the_stack_survives_the_other_views_and_another_page(page: Page) -> None:
    open_layers(page, "?stack=c4.3.1.same.1.relu.hand_paverage.3.3&layer=2")
    expect(page.locator(LAYERS)).to_have_count(3)
    slide(page, "Window size", 1)
    page.wait_for_url("**paverage.4.3**")
    page.get_by_role("tab", name="Invariance").click()
    page.get_by_text("Your stack", exact=True).click()
    expect(page.get_by_role("textbox", name="Stack as text")).to_have_value("c4.3.1.same.1.relu.hand_paverage.4.3")
    settle(page)
    page.get_by_role("tab", name="Compare pooling").click()
    expect(page.locator("img[alt='Max of the map']")).to_be_visible()
    settle(page)
    go_to(page, "Home")
    expect(page.get_by_text("This machine")).to_be_visible()
    go_to(page, "2 · Layers")
    page.get_by_role("tab", name="Build a stack").click()
    expect(page.locator(LAYERS)).to_have_count(3)
    expect(page.get_by_role("textbox", name="Stack as text")).to_have_value("c4.3.1.same.1.relu.hand_paverage.4.3")


def test_a_visitor_measures_invariance(page: Page) -> None:
    open_layers(page)
    try_experiment(page, "One pixel to the right")
    expect(page.get_by_text("Equivariance error").first).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    settle(page)
    sentence = page.get_by_text("is closest to equivariant", exact=False)
    before = sentence.inner_text()
    assert before.startswith("At 1 px")
    slide(page, "Shift to the right (pixels)", 3)
    expect(sentence).to_contain_text("At 4 px")
    page.wait_for_url("**pixels=4**")
