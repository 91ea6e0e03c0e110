"""Page 1 in a real browser."""

import io
from urllib.parse import parse_qs, urlparse

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from visitor import go_to, settle, slide, visit

AFTER, BEFORE = "img[alt^='After']", "img[alt^='Before']"


def open_convolution(page: Page, query: str = "") -> None:
    visit(page, f"/Convolution{query}")
    expect(page.locator(AFTER)).to_be_visible()
    expect(page.get_by_text("Download the result")).to_be_visible()


def wait_for_change(page: Page, selector: str, before: str) -> None:
    expect(page.locator(selector)).not_to_have_attribute("src", before)


def source(page: Page, selector: str) -> str:
    return page.locator(selector).get_attribute("src")


def phone_jpeg() -> bytes:
    """A photo as a phone held upright saves it: stored lying (400 × 300), to be turned by 90° (EXIF orientation 6).

    Upright it is 300 wide, 400 high, and its upper half is red.
    """
    upright = Image.new("RGB", (300, 400), (0, 0, 200))
    upright.paste((220, 0, 0), (0, 0, 300, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def shown_pixels(page: Page, selector: str) -> np.ndarray:
    """The picture that the browser shows, decoded from its data URL, (H, W, 3) BGR."""
    data = page.locator(selector).evaluate(
        "img => fetch(img.src).then(r => r.arrayBuffer()).then(b => [...new Uint8Array(b)])"
    )
    return cv2.imdecode(np.array(data, np.uint8), cv2.IMREAD_COLOR)


def test_the_story(page: Page, friend: Page) -> None:
    # Open the page from home, and choose the cat.
    visit(page, "/")
    page.get_by_role("main").get_by_role("link", name="1 · Convolution").click()
    expect(page.locator(AFTER)).to_be_visible()
    page.get_by_role("radio", name="A cup of coffee").click()
    expect(page.locator("img[alt^='Before: An espresso']")).to_be_visible()
    page.get_by_role("radio", name="Chelsea the cat").click()
    expect(page.locator("img[alt^='Before: Close-up of the face']")).to_be_visible()

    settle(page)

    # Move sigma: the picture changes.
    old = source(page, AFTER)
    slide(page, "Sigma (px)", 3)
    wait_for_change(page, AFTER, old)

    settle(page)

    # Upload a photo with an EXIF orientation: it is shown upright.
    page.locator("input[type=file]").set_input_files(
        {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": phone_jpeg()}
    )
    expect(page.get_by_text("400 rows × 300 columns", exact=False).first).to_be_visible()
    expect(page.get_by_role("radio", name="Your photo")).to_be_checked()
    shown = shown_pixels(page, BEFORE)
    assert shown.shape == (400, 300, 3)
    assert shown[100, 150, 2] > 180
    assert shown[300, 150, 0] > 160
    box = page.locator(BEFORE).bounding_box()
    assert box["height"] / box["width"] == pytest.approx(400 / 300, rel=0.02)

    settle(page)

    # A broken file: one sentence, and the last good result is still there.
    old = source(page, AFTER)
    page.locator("input[type=file]").set_input_files(
        {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": phone_jpeg()[:700]}
    )
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    text = alert.inner_text().strip()
    assert text.endswith(".")
    assert text.count(". ") == 0, text
    assert source(page, AFTER) == old
    expect(page.get_by_role("radio", name="Your photo")).to_be_checked()

    settle(page)

    # A sample again; another visitor opens the link and gets the same settings.
    page.get_by_role("radio", name="A cup of coffee").click()
    expect(alert).to_have_count(0)
    settle(page)
    slide(page, "Stride", 1)
    expect(page.get_by_text("After · ").first).to_contain_text("rows")
    page.wait_for_url("**stride=2**")
    shared = page.url
    assert parse_qs(urlparse(shared).query)["photo"] == ["coffee"]
    mine = page.get_by_role("slider", name="Sigma (px)").input_value()
    visit(friend, shared)
    expect(friend.locator("img[alt^='Before: An espresso']")).to_be_visible()
    expect(friend.get_by_role("slider", name="Sigma (px)")).to_have_value(mine)
    expect(friend.get_by_role("slider", name="Stride")).to_have_value("2")
    expect(friend.get_by_text("After · ").first).to_be_visible()
    assert shown_pixels(friend, AFTER).shape == shown_pixels(page, AFTER).shape


def test_a_click_opens_the_pixel_under_it(page: Page) -> None:
    open_convolution(page, "?photo=edge&view=Code&kernel=Identity")
    after = page.locator(AFTER)
    box = after.bounding_box()
    after.click(position={"x": box["width"] * 10.5 / 64, "y": box["height"] * 50.5 / 64})
    page.wait_for_url("**row=50**")
    page.wait_for_url("**column=10**")
    expect(page.get_by_text("= Products")).to_be_visible()  # the view that shows it has opened
    expect(page.get_by_label("Row of the result")).to_have_value("50")
    page.locator(".frame").nth(1).press("ArrowDown")
    page.wait_for_url("**row=51**")


def test_settings_survive_another_page(page: Page) -> None:
    open_convolution(page)
    slide(page, "Sigma (px)", 5)
    page.wait_for_url("**gaussian_sigma=2.5**")
    go_to(page, "Home")
    expect(page.get_by_text("This machine")).to_be_visible()
    go_to(page, "1 · Convolution")
    expect(page.get_by_role("slider", name="Sigma (px)")).to_have_value("2.5")
    page.wait_for_url("**gaussian_sigma=2.5**")


def test_the_kernel_is_edited_cell_by_cell(page: Page) -> None:
    open_convolution(page, "?kernel=Custom+kernel&cells=0+0+0;+0+1+0;+0+0+0")
    old = source(page, AFTER)
    grid = page.get_by_test_id("stDataFrame")
    expect(grid.locator("canvas").first).to_be_visible()
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 35 * 2.5)  # the middle cell; typing replaces it
    settle(page)
    page.keyboard.press("5")  # one key: while the cell's editor opens, a second one may go astray
    settle(page)
    page.keyboard.press("Enter")
    wait_for_change(page, AFTER, old)
    expect(page.get_by_role("textbox", name="As text")).to_have_value("0 0 0; 0 5 0; 0 0 0")


def test_a_phone_shows_everything_without_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/", "/Convolution"):
        visit(page, path)
        expect(page.get_by_text("This machine" if path == "/" else "= Products")).to_be_visible()
        main = page.get_by_test_id("stMain")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    pictures = [page.locator(selector).bounding_box() for selector in (BEFORE, AFTER)]
    assert all(picture["width"] > 300 for picture in pictures)
    assert pictures[0] == pictures[1]  # in one frame, with the divider between them
    expect(page.get_by_role("slider", name="Divider")).to_be_visible()


def test_a_wide_kernel_is_edited_without_scrolling_sideways(page: Page) -> None:
    open_convolution(page, "?kernel=Custom+kernel&cells=" + "%3B".join(["0.111+-2+3+4+5+6+7+8+0.0123"] * 9))
    table = page.get_by_test_id("stDataFrame").first
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        expect(table.locator(".dvn-scroller")).to_be_visible()
        settle(page)
        scrolled, shown = table.locator(".dvn-scroller").evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert scrolled <= shown
        box = table.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width


def frame(page: Page, name: str) -> np.ndarray:
    """The pixels of a picture of the flipbook, as integers."""
    pixels = page.get_by_role("img", name=name).evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(pixels, int)


def test_a_kernel_is_learned_and_its_steps_are_seen_again(page: Page) -> None:
    page.emulate_media(reduced_motion="no-preference")  # or else Learn does not play
    open_convolution(page, "?view=Learn+a+kernel")
    step = page.locator(".flipbook output")
    expect(step).to_have_text("Before training")
    expect(page.get_by_role("button", name="Play")).to_be_disabled()
    page.get_by_role("button", name="Learn", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()  # it plays by itself
    expect(step).to_have_text("Step 3,000")
    expect(page.get_by_role("button", name="Play")).to_be_enabled()
    target = frame(page, "Target picture")
    assert np.abs(frame(page, "Photo through the learned kernel, after step 3,000") - target).mean() < 4
    bar = page.get_by_role("slider", name="Step", exact=True)
    bar.press("Home")
    expect(step).to_have_text("Before training")
    assert np.abs(frame(page, "Photo through the learned kernel, before training") - target).mean() > 20
    chart = page.locator(".charts svg").bounding_box()
    page.mouse.click(chart["x"] + chart["width"] - 11, chart["y"] + 60)  # the end of the curve
    expect(step).to_have_text("Step 3,000")
    page.wait_for_url("**learned=yes**")
    for _ in range(3):
        page.get_by_role("slider", name="Learning rate").press("ArrowRight")
    expect(page.get_by_text("The loss diverges")).to_be_visible()
    expect(page.get_by_role("img", name="Loss after step")).to_be_visible()
    expect(step).not_to_have_text("Step 3,000")
