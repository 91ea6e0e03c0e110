"""Page 3 in a real browser: receptive fields and weight sharing."""

from playwright.sync_api import Page, expect
from visitor import settle, slide, visit


def test_the_field_grows_and_the_tree_is_read(page: Page) -> None:
    visit(page, "/Convolutional_networks?view=Receptive+fields&field_depth=2")
    field = page.get_by_test_id("stMetric").filter(has_text="Receptive field").first
    expect(field).to_contain_text("5 px")

    # Add a layer, then dilate.
    slide(page, "Layers", 1)
    expect(field).to_contain_text("7 px")
    slide(page, "Dilation", 1)
    expect(field).to_contain_text("13 px")

    # The tree has a unit at the top and seven of thirteen pixels below; only one unit influences a pixel: itself.
    dots = page.locator("circle.dot")
    expect(dots).to_have_count(1 + 3 + 5 + 7)
    expect(page.locator("circle.dot.on")).to_have_count(16)
    dots.last.click()
    expect(page.locator("circle.dot.on")).to_have_count(1)

    # By keyboard, go up a layer, to a unit that three pixels influence.
    page.get_by_role("application", name="A tree of 3 layers").press("ArrowUp")
    expect(page.locator("circle.dot.on")).to_have_count(1 + 3)
    expect(page.get_by_text("3 of 13 pixels influence it")).to_be_visible()

    # Select another position of the photo.
    photo = page.get_by_role("application", name="Receptive field on")
    before = photo.locator("rect.over").first.get_attribute("x")
    photo.click(position={"x": 30, "y": 30})
    settle(page)
    expect(photo.locator("rect.over").first).not_to_have_attribute("x", before)
    assert "field_dilation=2" in page.url

    # At the border of the photo, which padding surrounds, arrow keys stop: one press leads back.
    page.get_by_role("radio", name="Published networks").click()
    settle(page)
    photo = page.get_by_role("application", name="The receptive field of VGG-16")
    photo.click(position={"x": 3, "y": 3})
    settle(page)
    for _ in range(4):
        photo.press("ArrowUp")
    settle(page)
    padded = photo.locator("svg").get_attribute("viewBox")
    photo.press("ArrowDown")
    expect(photo.locator("svg")).not_to_have_attribute("viewBox", padded)

    # The next tab counts weights.
    page.get_by_role("tab", name="Weight sharing").click()
    expect(page.get_by_text("112,384")).to_be_visible()
    settle(page)
    slide(page, "Input channels", 1)
    expect(page.get_by_text("112,384")).to_have_count(0)
