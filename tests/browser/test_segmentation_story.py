"""Page 7 in a real browser: segmentation."""

import io
import re

import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect
from visitor import settle, visit

from cnn_demo.images.samples import sample_photos
from cnn_demo.models import list_models

SAMPLES = {sample.key: sample for sample in sample_photos()}
BUNDLED = [spec for spec in list_models("semantic-segmentation") if spec.availability() == "bundled"]
pytestmark = pytest.mark.skipif(not BUNDLED, reason="needs a bundled segmenter")


def open_page_7(page: Page, query: str = "") -> None:
    visit(page, f"/Segmentation?photo=chelsea&{query}")


def metric(page: Page, label: str) -> float:
    value = page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")
    return float(value.inner_text().rstrip("%"))


def middle(page: Page) -> list[int]:
    """The pixel in the middle of the picture as it is painted now."""
    return page.locator(".frame canvas").first.evaluate(
        "c => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]"
    )


def test_hide_a_class_and_compare_with_the_photo(page: Page) -> None:
    open_page_7(page)
    legend = page.locator(".legend button").filter(has_text="cat")
    expect(legend).to_have_attribute("aria-pressed", "true")
    masked = middle(page)
    legend.click()
    assert middle(page) != masked  # the photo comes out, at once and without the server
    legend.click()
    assert middle(page) == masked

    page.locator(".frame").first.hover()
    expect(page.locator(".status").first).to_contain_text(re.compile(r"cat, confidence \d+%"))

    page.get_by_label("Photo beside it").check()
    expect(page.locator(".divider").first).to_be_visible()


def phone_jpeg() -> bytes:
    """Chelsea as a phone held upright saves her: on her side, with a word on how to turn her."""
    upright = Image.open(SAMPLES["chelsea"].path).resize((1800, 2400), Image.Resampling.BICUBIC)
    metadata = Image.Exif()
    metadata[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=90, exif=metadata)
    return file.getvalue()


def test_upload_a_photo_from_a_phone_and_download_the_mask(page: Page) -> None:
    open_page_7(page)
    upload = {"name": "IMG_7.jpg", "mimeType": "image/jpeg", "buffer": phone_jpeg()}
    page.locator("input[type=file]").first.set_input_files(upload)
    settle(page)
    page.locator(".st-key-photo_info button").first.press("Enter")
    expect(page.get_by_text("IMG_7.jpg · 1,800 × 2,400 pixels")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("h2, h3").filter(has_text=re.compile(r"\d% cat"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Mask", exact=True).click()
    mask = Image.open(download.value.path())
    assert (mask.mode, mask.size) == ("P", (1800, 2400))  # upright, as large as the file
    assert len(mask.getcolors()) >= 2


def test_without_skips_the_mask_changes(page: Page) -> None:
    open_page_7(page, "task=Inside+a+U-Net")
    assert metric(page, "Mean IoU") == 1
    for name in ("1/4", "1/8", "1/16"):
        page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).click()
        settle(page)
    assert metric(page, "Mean IoU") < 0.99


def test_paint_the_cat_and_read_the_scores(page: Page) -> None:
    open_page_7(page, "task=Paint+the+ground+truth")
    canvas = page.locator(".annotator svg")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    points = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ((0.3, 0.5), (0.5, 0.6), (0.6, 0.5))
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
    expect(page.get_by_test_id("stMetric").filter(has_text="Pixel accuracy")).to_be_visible()
    settle(page)
    assert metric(page, "Pixel accuracy") < 50  # the rest of the cat is still blank, and counts as background
    expect(page.get_by_text("You have painted")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("where the network agrees", re.I))).to_be_visible()


def test_a_tapped_pixel_is_explained(page: Page) -> None:
    open_page_7(page, "task=Explain")
    row = page.get_by_label(re.compile("^Row, "))
    expect(row).to_have_value("")
    photo = page.locator("img[alt^='The photo under its classes']")
    photo.click(position={"x": 60, "y": 40})
    settle(page)
    expect(row).not_to_have_value("")
    expect(page.get_by_text(re.compile(rf"^Row {row.input_value()}, column "))).to_be_visible()
    expect(page.locator("img[alt^='A heatmap over the photo']").first).to_be_visible()

    # Two quick steps with an arrow key: the second is from the pixel that the first one has picked.
    tapped = row.input_value()
    frame = page.get_by_role("application", name=re.compile("^The photo under its classes"))
    frame.press("ArrowDown")
    frame.press("ArrowDown")
    expect(row).to_have_value(str(int(tapped) + 8))
    settle(page)

    # To explain an object in between forgets neither the pixel nor the link to it.
    tapped = row.input_value()
    for choice in ("An object", "Class score", "A pixel"):
        page.get_by_role("radio", name=choice, exact=True).click()
        settle(page)
    expect(page.get_by_text(re.compile(rf"^Row {tapped}, column "))).to_be_visible()
    assert f"explain_row={tapped}&" in page.url + "&"
