"""Drawing on photos in a real browser, with mouse, finger and keyboard: pages 4 to 7."""

import re
from collections.abc import Sequence

import pytest
from playwright.sync_api import Locator, Page, expect
from visitor import PATIENCE, settle, visit

from cnn_demo.models import list_models

TASKS = ("localization", "detection", "semantic-segmentation")
BUNDLED = all(any(spec.availability() == "bundled" for spec in list_models(task)) for task in TASKS)
pytestmark = pytest.mark.skipif(not BUNDLED, reason="needs bundled models")
PAGE_4 = "/Pretrained_CNNs_in_Keras?photo=coffee&task=Cover+it"
PAGE_5 = "/Localization?photo=flower&task=Draw+the+ground+truth"
PAGE_6 = "/Object_detection?photo=chelsea&task=Evaluate"
PAGE_7 = "/Segmentation?photo=chelsea&task=Paint+the+ground+truth"
TABLET = {"width": 1024, "height": 768}
Point = tuple[float, float]


def surface(page: Page) -> Locator:
    return page.locator(".annotator svg")


def open_surface(page: Page, address: str) -> None:
    visit(page, address)
    expect(surface(page)).to_be_visible()
    settle(page)


def status(page: Page) -> Locator:
    return page.locator(".annotator .status")


def button(page: Page, name: str) -> Locator:
    return page.locator(".annotator").get_by_role("button", name=name, exact=True)


def screen_points(page: Page, points: Sequence[Point]) -> list[Point]:
    """Return points, given as fractions of the picture's sides, on the screen; the picture is scrolled into view."""
    surface(page).evaluate("svg => svg.scrollIntoView({ block: 'center' })")
    surface(page).click(trial=True)  # waits until it no longer moves
    box = surface(page).bounding_box()
    assert box is not None
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]


def drag(page: Page, *points: Point) -> None:
    first, *others = screen_points(page, points)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def swipe(page: Page, *points: Point) -> None:
    """Drag with a finger; a single point is a tap."""
    session = page.context.new_cdp_session(page)
    first, *others = screen_points(page, points)
    finger = lambda kind, *at: session.send(  # noqa: E731
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in at]}
    )
    finger("touchStart", first)
    before = first
    for point in others:
        for step in (0.25, 0.5, 0.75, 1):
            finger("touchMove", tuple(a + (b - a) * step for a, b in zip(before, point, strict=True)))
        before = point
    finger("touchEnd")


def corners(page: Page) -> list[float]:
    """Return the corners of the selected box as its number fields have them."""
    names = ("x min", "y min", "x max", "y max")
    return [float(page.get_by_label(name, exact=True).input_value()) for name in names]


def boxes(page: Page) -> int:
    return page.locator(".annotator .box").count()


def paint_at(page: Page, x: float, y: float) -> list[int]:
    """Return red, green, blue and opacity of the paint at a point, given as fractions of the sides."""
    return page.locator(".annotator canvas").evaluate(
        "(c, [x, y]) => [...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data]", [x, y]
    )


def assert_not_cut(page: Page) -> None:
    """The whole picture is within the window and as wide as its column, unless it would be too high."""
    box = surface(page).bounding_box()
    room = page.locator(".annotator").bounding_box()
    window = page.viewport_size
    assert box is not None
    assert room is not None
    assert window is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= min(window["width"], room["x"] + room["width"]) + 0.5
    part = 0.38 if window["width"] <= 640 else 0.52  # on a phone, the tools below it are in sight, too
    highest = min(max(200, part * window["height"]), 460)
    assert box["height"] <= highest + 0.5
    assert box["width"] >= room["width"] - 0.5 or box["height"] >= highest - 0.5
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]


def test_boxes_with_mouse_and_keyboard(page: Page) -> None:
    page.set_viewport_size(TABLET)
    open_surface(page, PAGE_6)
    assert_not_cut(page)
    drag(page, (0.2, 0.2), (0.6, 0.7))
    expect(status(page)).to_contain_text(re.compile(r"^Box 1, .+: \d+ × \d+ pixels\.$"))
    left, top, right, bottom = drawn = corners(page)
    assert (right - left) / (bottom - top) == pytest.approx(0.4 * 451 / (0.5 * 300), rel=0.02)
    expect(page.get_by_text(re.compile("True positives: "))).to_be_visible()

    # A selected box is moved by its middle and resized by a corner; a click elsewhere lets go of it.
    drag(page, (0.4, 0.45), (0.5, 0.55))
    moved = corners(page)
    assert [b - a for a, b in zip(drawn, moved, strict=True)] == pytest.approx([45.1, 30] * 2, abs=1)
    drag(page, (0.7, 0.8), (0.9, 0.9))
    resized = corners(page)
    assert resized[:2] == moved[:2]
    assert resized[2:] == pytest.approx([0.9 * 451, 0.9 * 300], abs=2)
    drag(page, (0.02, 0.02))
    expect(page.locator(".annotator .numbers")).to_be_hidden()

    # A box may begin inside another one, and is chosen by a click.
    drag(page, (0.4, 0.4), (0.55, 0.6))
    expect(status(page)).to_contain_text("Box 2")
    drag(page, (0.85, 0.85))
    expect(status(page)).to_contain_text("Box 1")
    page.get_by_label("x min", exact=True).fill("12.5")
    page.get_by_label("x min", exact=True).press("Enter")
    assert corners(page) == pytest.approx([12.5, *resized[1:]], abs=0.1)
    settle(page)

    # The drawing survives another tab, which shows that the server has the same corners.
    page.get_by_role("tab", name="Detect", exact=True).click()
    settle(page)
    page.get_by_role("tab", name="Evaluate").click()
    expect(surface(page)).to_be_visible()
    settle(page)
    assert boxes(page) == 2
    drag(page, (0.85, 0.85))
    assert corners(page) == pytest.approx([12.5, *resized[1:]], abs=0.1)

    # By keyboard: remove, undo, add, move, resize.
    page.keyboard.press("Delete")
    expect(status(page)).to_contain_text("deleted")
    assert boxes(page) == 1
    page.keyboard.press("Control+z")
    expect(status(page)).to_contain_text("Undone. 2 shapes are drawn.")
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("Box 3")
    added = corners(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    step = round(451 / 100)
    assert corners(page) == pytest.approx([a + b for a, b in zip(added, (2 * step, 0, 2 * step, step), strict=True)])
    for _ in range(3):  # presses in a row are one change; on a busy machine they are not in a row
        if corners(page) != added:
            page.keyboard.press("Control+z")
    assert corners(page) == added
    assert boxes(page) == 3
    button(page, "Clear").click()
    assert boxes(page) == 0
    expect(page.get_by_text("add the predictions and correct them")).to_be_visible()
    settle(page)


def test_polygons_and_brush_with_mouse_and_keyboard(page: Page) -> None:
    page.set_viewport_size(TABLET)
    open_surface(page, PAGE_7)
    assert_not_cut(page)
    drag(page, (0.3, 0.5), (0.5, 0.6), (0.6, 0.5))
    expect(status(page)).to_have_text("Painted as cat.")
    expect(page.get_by_test_id("stMetric").filter(has_text="Pixel accuracy")).to_be_visible()
    assert paint_at(page, 0.5, 0.6)[3] == 255
    assert paint_at(page, 0.5, 0.75)[3] == 0

    # The keyboard paints, and erases pixels that the mouse has painted.
    surface(page).focus()
    for key in ("Space", *["ArrowDown"] * 8, "Space"):
        page.keyboard.press(key)
    assert paint_at(page, 0.5, 0.72)[3] == 255
    page.get_by_text("Eraser", exact=True).click()
    settle(page)
    surface(page).focus()
    for key in ("Space", *["ArrowDown"] * 3, "Space"):
        page.keyboard.press(key)
    expect(status(page)).to_have_text("Erased.")
    assert paint_at(page, 0.5, 0.52)[3] == 0

    page.get_by_text("Polygon", exact=True).click()
    settle(page)
    for point in screen_points(page, [(0.1, 0.6), (0.3, 0.95), (0.1, 0.95), (0.1, 0.6)]):  # the last closes it
        page.mouse.click(*point)
    expect(status(page)).to_have_text("Polygon of 3 corners painted as cat.")
    assert paint_at(page, 0.14, 0.85)[3] == 255
    surface(page).focus()
    for key in ("Space", *["ArrowRight"] * 8, "Space", *["ArrowUp"] * 8, "Space", "Enter"):
        page.keyboard.press(key)
    expect(status(page)).to_have_text("Polygon of 3 corners painted as cat.")
    assert paint_at(page, 0.62, 0.42)[3] == 255
    button(page, "Undo").click()
    assert paint_at(page, 0.62, 0.42)[3] == 0
    assert paint_at(page, 0.14, 0.85)[3] == 255
    settle(page)


def test_a_finger_draws_boxes(phone: Page) -> None:
    open_surface(phone, PAGE_5)
    assert_not_cut(phone)
    swipe(phone, (0.2, 0.3), (0.7, 0.8))
    assert boxes(phone) == 1
    left, top, right, bottom = corners(phone)
    expect(phone.get_by_test_id("stMetric").filter(has_text="IoU")).to_be_visible()
    swipe(phone, (0.7, 0.8), (0.9, 0.9))  # by its corner
    assert corners(phone)[:2] == [left, top]
    assert corners(phone)[2] > right
    assert corners(phone)[3] > bottom
    swipe(phone, (0.05, 0.05), (0.5, 0.5))  # another one replaces it
    assert boxes(phone) == 1
    button(phone, "Delete box").tap()
    expect(phone.locator(".annotator .box")).to_have_count(0)
    expect(phone.get_by_text("Draw a box to see how well")).to_be_visible()
    settle(phone)
    phone.set_viewport_size(TABLET)
    settle(phone)
    assert_not_cut(phone)


def test_a_finger_paints(phone: Page) -> None:
    open_surface(phone, PAGE_7)
    assert_not_cut(phone)
    swipe(phone, (0.3, 0.5), (0.5, 0.6))
    expect(status(phone)).to_have_text("Painted as cat.")
    assert paint_at(phone, 0.4, 0.55)[3] == 255
    parts = [phone.locator(".annotator"), phone.get_by_text("Polygon", exact=True), phone.get_by_text("judged")]
    tops = [part.bounding_box()["y"] for part in parts]
    assert tops == sorted(tops)  # the tools are at the drawing, not below the result
    phone.get_by_text("Polygon", exact=True).tap()
    settle(phone)
    for corner in ((0.1, 0.6), (0.3, 0.95), (0.1, 0.95)):
        swipe(phone, corner)
    button(phone, "Close polygon").tap()
    expect(status(phone)).to_have_text("Polygon of 3 corners painted as cat.")
    assert paint_at(phone, 0.14, 0.85)[3] == 255
    for left in ("1 shape is", "Nothing is"):
        button(phone, "Undo").tap()
        expect(status(phone)).to_have_text(f"Undone. {left} drawn.")
    assert paint_at(phone, 0.4, 0.55)[3] == 0
    phone.set_viewport_size({"width": 844, "height": 390})  # turned on its side
    settle(phone)
    assert_not_cut(phone)


def test_a_finger_draws_a_digit(phone: Page) -> None:
    visit(phone, "/Convolutional_networks?view=Train+your+own&live_epochs=20&live_rate=0.01&live_filters=8")
    phone.get_by_role("button", name="Train", exact=True).tap()
    expect(surface(phone)).to_be_visible(timeout=PATIENCE)  # loads the framework
    settle(phone)
    assert_not_cut(phone)
    swipe(phone, (0.5, 0.1), (0.5, 0.9))
    expect(phone.get_by_text("Prediction: 1")).to_be_visible()
    button(phone, "Clear").tap()
    expect(phone.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
    settle(phone)


def probabilities_of(bars: str) -> tuple[list[str], list[str]]:
    """Return the probabilities of all rows of a table of changed bars, before and after the change."""
    found = re.findall(r"(?:< )?[\d.]+%", bars)
    return found[::2], found[1::2]


def test_covering_with_mouse_and_finger(page: Page, phone: Page) -> None:
    """On page 4 the predictions follow each stroke, and the trail leads back."""
    for visitor, stroke in ((page, drag), (phone, swipe)):
        if visitor is page:
            page.set_viewport_size(TABLET)
        open_surface(visitor, PAGE_4)
        bars = visitor.get_by_role("table", name="Prediction of EfficientNet-Lite0 for the changed photo")
        steps = visitor.locator(".st-key-cover_trail").get_by_role("radio")
        expect(steps).to_have_count(1)
        before = bars.inner_text()
        was, now = probabilities_of(before)
        assert was == now
        stroke(visitor, (0.3, 0.3), (0.7, 0.35), (0.4, 0.45))
        expect(steps).to_have_count(2)
        settle(visitor)
        once = bars.inner_text()
        assert probabilities_of(once)[0][0] == was[0]  # the first row is the prediction before
        assert probabilities_of(once)[1][0] != was[0]
        stroke(visitor, (0.2, 0.8), (0.6, 0.8))
        expect(steps).to_have_count(3)
        expect(steps.nth(2)).to_be_checked()
        settle(visitor)
        assert bars.inner_text() != once
        assert paint_at(visitor, 0.5, 0.8)[3] > 0
        steps.nth(1).click()
        settle(visitor)
        assert bars.inner_text() == once
        assert paint_at(visitor, 0.5, 0.8)[3] == 0
        assert paint_at(visitor, 0.5, 0.33)[3] > 0
        button(visitor, "Clear").click()
        settle(visitor)
        expect(steps.nth(0)).to_be_checked()
        assert bars.inner_text() == before
