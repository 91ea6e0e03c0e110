"""A link and a photo whose texts mean something to Streamlit's Markdown: the browser shows them as they are."""

import io
import zipfile
from urllib.parse import quote

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from visitor import settle, visit

from cnn_demo.images import sample_photos

LAYER = "![x](https://x.example/)"  # the message quotes 40 characters
NAME = "[a](b) www.x.example a@x.example :smile: :material_home: $x$ &lt; -> <b> `d`.jpg"  # 80 characters at most
MARKUP = "a, img, code, del, b, h1, .katex, [role=img], [class*=stMarkdownColored]"


def assert_literal(shown: Locator, text: str) -> None:
    expect(shown).to_contain_text(text)
    assert shown.locator(MARKUP).count() == 0, shown.inner_html()


def test_texts_of_links_and_files_are_shown_as_they_are(page: Page):
    visit(page, f"/Convolution_and_pooling_layers?stack={quote(LAYER)}")
    assert_literal(page.get_by_test_id("stAlert").get_by_test_id("stMarkdownContainer"), f"“{LAYER}”")
    photo = {"name": NAME, "mimeType": "image/jpeg", "buffer": sample_photos()[0].path.read_bytes()}
    page.locator("input[type=file]").first.set_input_files(photo)
    settle(page)
    page.locator(".st-key-photo_info button").first.click()
    caption = page.get_by_test_id("stCaptionContainer").filter(has_text="451 × 300 pixels").filter(has_text=".jpg")
    assert_literal(caption, NAME)


CLASSES = ("<img src=x onerror=alert(1)>", "![x](b) $x$ :smile: -> `c`", "www.x.example a@x.example &lt; **d**")


def photos_of(classes: tuple[str, ...]) -> bytes:
    """A zip with six photos in a folder for each class: noise in a colour of its own."""
    file, random = io.BytesIO(), np.random.default_rng(0)
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(classes):
            for index in range(6):
                pixels = random.integers(0, 90, (64, 64, 3), np.uint8)
                pixels[..., number] += 160
                photo = io.BytesIO()
                Image.fromarray(pixels).save(photo, "PNG")
                archive.writestr(f"{name}/{name[:9]} {index}.png", photo.getvalue())
    return file.getvalue()


def test_names_of_classes_are_shown_as_they_are(page: Page):
    visit(page, "/Pretrained_CNNs_in_Keras?task=Transfer+learning")
    page.get_by_role("button", name="Upload a zip of folders").click()
    uploader = page.get_by_test_id("stFileUploader").filter(has_text="one folder of photos for each class")
    photos = {"name": "pets.zip", "mimeType": "application/zip", "buffer": photos_of(CLASSES)}
    uploader.locator("input[type=file]").set_input_files(photos)
    settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("always predicting")).to_be_visible()
    settle(page)
    main = page.get_by_test_id("stMain")
    for name in CLASSES:
        expect(main).to_contain_text(name)
    for element in main.locator("a, img, code, .katex, [role=img], b, del").all():
        text = element.evaluate("e => e.getAttribute('href') ?? e.getAttribute('src') ?? e.textContent")
        assert "x.example" not in text
        assert text not in ("x", "b", "c")
    assert main.get_by_text("😄").count() == 0
