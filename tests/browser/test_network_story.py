"""Page 3 in a real browser: activations and features."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from visitor import settle, visit

CHANNEL_MAP = "img[alt$='of this layer']"


def open_page_3(page: Page, query: str) -> None:
    visit(page, f"/Convolutional_networks?{query}")


def phone_jpeg() -> bytes:
    """A photo as a phone held upright saves it: 300 wide and 400 high once it is turned, its upper half red."""
    upright = Image.new("RGB", (300, 400), (30, 60, 200))
    upright.paste((220, 20, 10), (0, 0, 300, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def sums(page: Page) -> tuple[float, float]:
    """The sum on the page (after its activation, if there is one), and the network's own number beside it."""
    text = page.get_by_text("computed by the network:").inner_text().replace("−", "-")
    own = float(re.search(r"computed by the network: (-?[\d.]+)", text)[1])
    numbers = re.findall(r"-?\d+\.\d{4}", text.partition("Value computed")[0])
    return float(numbers[-1]), own


def test_the_story(page: Page) -> None:
    # She opens the walk, and brings a photo of her own.
    open_page_3(page, "view=Activations")
    expect(page.locator("img[alt^='Input of the network']")).to_be_visible()
    settle(page)
    page.locator("input[type=file]").set_input_files(
        {"name": "IMG_2.jpg", "mimeType": "image/jpeg", "buffer": phone_jpeg()}
    )
    expect(page.locator("img[alt^='Input of the network'][alt$='IMG_2.jpg']")).to_be_visible()
    expect(page.get_by_text("The 300 × 300 pixels in the frame")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Computed in [\d.]+ m?s on the (CPU|GPU)"))).to_be_visible()
    settle(page)

    # She opens a layer in the strip, a channel of it, and a pixel of that.
    stops = page.get_by_role("radiogroup", name="The network, from the input to its prediction").get_by_role("radio")
    expect(stops).to_have_count(14)
    stops.nth(4).click()
    page.wait_for_url("**unit_layer=Block+2+*")
    expect(stops.nth(4)).to_be_checked()
    maps = page.get_by_role("radiogroup", name="The 64 channels of this layer").get_by_role("radio")
    expect(maps).to_have_count(64)
    settle(page)
    old = page.locator(CHANNEL_MAP).get_attribute("src")
    maps.nth(3).click()
    expect(page.locator(CHANNEL_MAP)).not_to_have_attribute("src", old)
    expect(maps.nth(3)).to_be_checked()
    settle(page)
    box = page.locator(CHANNEL_MAP).bounding_box()
    page.locator(CHANNEL_MAP).click(position={"x": box["width"] * 10.5 / 16, "y": box["height"] * 7.5 / 16})
    page.wait_for_url("**unit_row=7**")
    page.wait_for_url("**unit_column=10**")
    expect(page.get_by_text("Receptive field: 11 × 11 pixels.")).to_be_visible()
    settle(page)

    # The page shows the network's own value.
    total, own = sums(page)
    assert total == pytest.approx(own, abs=1.01e-4)
    shown = re.search(r"framed pixel is (\S+)\. Click", page.get_by_text("The framed pixel is").inner_text())[1]
    assert float(shown.replace("−", "-")) == pytest.approx(own, abs=0.0051)

    # By the arrow keys she moves the pixel, and goes on to the next stop.
    page.locator(".frame", has=page.locator(CHANNEL_MAP)).press("ArrowDown")
    page.wait_for_url("**unit_row=8**")
    settle(page)
    stops.nth(4).press("ArrowRight")
    page.wait_for_url("**unit_layer=Block+2+%C2%B7+output**")
    expect(stops.nth(5)).to_be_checked()
    settle(page)
    total, own = sums(page)
    assert total == pytest.approx(own, abs=1.01e-4)


def test_features_open_by_a_click(page: Page) -> None:
    open_page_3(page, "view=Features")
    channels = page.get_by_role("radiogroup", name="All channels of this layer").get_by_role("radio")
    expect(channels).to_have_count(64)
    settle(page)
    channels.nth(5).click()
    expect(channels.nth(5)).to_be_checked()
    page.wait_for_url("**feature_channel=*")
