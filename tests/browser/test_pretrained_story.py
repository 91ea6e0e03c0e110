"""Page 4 in a real browser, with the bundled networks."""

import io
import re

from PIL import Image
from playwright.sync_api import Page, expect
from visitor import settle, slide, visit


def open_page_4(page: Page, query: str = "") -> None:
    visit(page, f"/Pretrained_CNNs_in_Keras?{query}")


def red_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), (220, 20, 10)).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_the_story(page: Page) -> None:
    # She opens the page: three networks classify the cat, and those with classes for breeds agree on hers.
    open_page_4(page)
    bars = page.get_by_label(re.compile("The five most probable classes"))
    expect(bars.first.get_by_text("Egyptian cat", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"[\d.]+ m?s on the (CPU|GPU)"))).to_have_count(3)
    expect(page.get_by_text("predict “Egyptian cat”")).to_be_visible()

    # She blurs the photo, and a sentence describes how the predictions change.
    slide(page, "Blur: standard deviation in % of the photo's shorter side", 3)
    expect(page.get_by_text(re.compile(r"“Egyptian cat” went from [\d.]+% to [\d.]+%")).first).to_be_visible()
    expect(page.locator("img[alt^='The photo, blur 0.3%']")).to_be_visible()

    # She brings a photo of her own, and something that is none: the photo stays.
    chooser = page.locator("input[type=file]").first
    chooser.set_input_files({"name": "IMG_7.jpg", "mimeType": "image/jpeg", "buffer": red_jpeg()})
    expect(page.locator("img[alt$='IMG_7.jpg']").first).to_be_visible()
    settle(page)
    chooser.set_input_files({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"})
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(page.locator("img[alt$='IMG_7.jpg']").first).to_be_visible()


def test_explain_another_method_and_class(page: Page) -> None:
    open_page_4(page, "task=Explain")
    expect(page.locator("img[alt^='Grad-CAM for Egyptian cat']")).to_be_visible()
    page.get_by_role("button", name="Layer-CAM").click()
    expect(page.locator("img[alt^='Layer-CAM for Egyptian cat']")).to_be_visible()
    settle(page)
    before = page.locator("img[alt^='Layer-CAM for Egyptian cat']").get_attribute("src")
    slide(page, "Opacity of the heatmap", 2)
    expect(page.locator("img[alt^='Layer-CAM for Egyptian cat']")).not_to_have_attribute("src", before)

    # Another class, by typing.
    page.get_by_role("combobox", name=re.compile("^Class|Selected .*Class|Class")).first.click()
    page.keyboard.type("fox squirrel")
    page.keyboard.press("Enter")
    expect(page.locator("img[alt^='Grad-CAM for fox squirrel']")).to_be_visible()


def test_feature_maps_open_by_a_click(page: Page) -> None:
    open_page_4(page, "task=Feature+maps")
    maps = page.get_by_role("radiogroup", name=re.compile("^Feature maps of")).get_by_role("radio")
    expect(maps.nth(5)).to_be_visible()
    maps.nth(5).click()
    page.wait_for_url("**maps_channel=*")
