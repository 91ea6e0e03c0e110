"""After a click on an experiment, the notice and the part of the page that it describes are in view."""

from playwright.sync_api import Page
from visitor import settle, span, try_experiment, visit

IN_DETAILS = {
    "/Convolution": (("Border effects", "mode"),),
    "/Convolution_and_pooling_layers": (
        ("Stack layers as LeNet did", "stack_table"),
        ("Overlapping windows", "gradients"),
    ),
    "/Pretrained_CNNs_in_Keras": (("A bus upside down", "threefold_corrupted"),),
    "/Localization": (("The loss of the box alone", "truth_loss"),),
    "/Segmentation": (("Where is it unsure?", "hide_uncertain"),),
}
"""Experiments whose notice describes something below the picture, and its key, by page."""


def test_a_click_shows_the_notice_and_the_part_that_it_describes(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    for address, experiments in IN_DETAILS.items():
        visit(page, address)
        for title, key in experiments:
            page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")  # back to the menu
            try_experiment(page, title)
            page.wait_for_function("key => document.querySelector(`.st-key-${key}`)?.getClientRects().length", arg=key)
            settle(page)  # it scrolls when the page has come to rest
            page.wait_for_timeout(100)
            top, bottom = span(page, "notice")
            assert 50 <= top < bottom <= 170, title
            first, last = span(page, key)
            assert bottom - 2 <= first < last, title
            assert last <= 900 or first < bottom + 20, title  # from its top, if it is taller than the window
