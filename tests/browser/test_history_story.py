"""Back, Forward, reload and shared links in a real browser."""

from playwright.sync_api import Page, expect
from visitor import go_to, settle, slide, try_experiment, visit

NOTICE = "What to notice."


def entries(page: Page) -> int:
    return page.evaluate("history.length")


def test_one_click_is_one_entry_and_back_undoes_it(page: Page, friend: Page) -> None:
    stride, sigma = (page.get_by_role("slider", name=name) for name in ("Stride", "Sigma (px)"))
    kernel, notice = page.get_by_role("combobox", name="Kernel"), page.get_by_text(NOTICE)

    # A visitor follows a link, and makes a setting, starts an experiment and chooses a photo.
    visit(page, "/Convolution?stride=3")
    expect(stride).to_have_value("3")
    before = entries(page)
    slide(page, "Sigma (px)", 3)
    assert entries(page) == before + 1
    moved = sigma.input_value()
    try_experiment(page, "Find edges")
    expect(notice).to_be_visible()
    settle(page)
    assert entries(page) == before + 2
    page.get_by_role("radio", name="A cup of coffee").click()
    expect(page.locator("img[alt^='Before: An espresso']")).to_be_visible()
    settle(page)
    assert entries(page) == before + 3

    # Back undoes one after the other, and Forward does them again.
    page.go_back()
    expect(page.locator("img[alt^='Before: Close-up']")).to_be_visible()
    expect(notice).to_be_visible()
    page.go_back()
    expect(sigma).to_have_value(moved)
    expect(stride).to_have_value("3")
    expect(notice).to_have_count(0)
    page.go_forward()
    expect(notice).to_be_visible()
    expect(kernel).to_have_value("Sobel edges")
    expect(stride).to_have_value("1")
    settle(page)

    # Another page is one entry as well; Back returns to the experiment, with its settings.
    link = page.url
    go_to(page, "2 · Layers")
    expect(page.get_by_role("tab", name="Compare pooling")).to_be_visible()
    settle(page)
    assert entries(page) == before + 3  # instead of the photo, to which Forward would have led
    page.go_back()
    expect(kernel).to_have_value("Sobel edges")
    expect(notice).to_be_visible()
    settle(page)
    assert page.url == link

    # Undo restores the state before the experiment; a shared link shows it to another visitor.
    page.get_by_role("button", name="Undo").click()
    expect(sigma).to_have_value(moved)
    expect(stride).to_have_value("3")
    settle(page)
    visit(friend, link)
    expect(friend.get_by_text(NOTICE)).to_be_visible()
    expect(friend.get_by_role("combobox", name="Kernel")).to_have_value("Sobel edges")


def test_a_lost_upload_is_reported_after_a_reload(page: Page, phone_photo: bytes) -> None:
    visit(page, "/Convolution")
    page.locator("input[type=file]").set_input_files(
        {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": phone_photo}
    )
    expect(page.get_by_role("radio", name="Your photo")).to_be_checked()
    settle(page)
    page.reload()
    expect(page.get_by_text("please upload it again")).to_be_visible()
    page.get_by_role("radio", name="A cup of coffee").click()
    expect(page.get_by_text("please upload it again")).to_have_count(0)
