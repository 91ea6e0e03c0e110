"""A link and a photo whose texts mean something to Streamlit's Markdown: the browser shows them as they are."""

from urllib.parse import quote

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
