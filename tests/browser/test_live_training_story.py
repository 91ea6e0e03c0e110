"""A visitor of page 3 moves through a finished training, trains a network, stops another one, and draws for it."""

import re

import numpy as np
from playwright.sync_api import Page, expect
from visitor import PATIENCE, settle, visit


def open_view(page: Page, query: str) -> None:
    visit(page, f"/Convolutional_networks?view={query}")


def draw(page: Page, strokes: list[list[tuple[float, float]]]) -> None:
    """Draw on the board with the mouse; points are fractions of its sides."""
    canvas = page.locator(".annotator svg")
    canvas.scroll_into_view_if_needed()
    settle(page)
    box = canvas.bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=8)
        page.mouse.up()
    settle(page)


def frame(page: Page) -> np.ndarray:
    """The pixels of the frame that the flipbook shows."""
    return np.array(
        page.locator(".flipbook canvas").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
    )


def test_the_scrub_bar_moves_kernels_and_markers_without_the_server(page: Page) -> None:
    sent = []
    page.emulate_media(reduced_motion="no-preference")  # or else it plays slowly
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    open_view(page, "Training")
    bar = page.get_by_role("slider", name="Epoch")
    expect(bar).to_be_visible()
    settle(page)
    last, last_frame = int(bar.input_value()), frame(page)
    assert last >= 1
    assert last_frame.any()
    count = len(sent)
    assert count
    bar.focus()
    bar.press("Home")
    expect(page.locator(".flipbook output")).to_have_text("Before training")
    first_frame, marker = frame(page), page.locator(".flipbook line.marker").first
    assert not np.array_equal(first_frame, last_frame)
    begin = float(marker.get_attribute("x1"))
    bar.press("ArrowRight")
    expect(page.locator(".flipbook output")).to_have_text("Epoch 1")
    expect(page.get_by_role("img", name=re.compile("first layer, after epoch 1$"))).to_be_visible()
    assert float(marker.get_attribute("x1")) > begin
    chart = page.locator(".charts svg").first.bounding_box()
    page.mouse.click(chart["x"] + chart["width"] - 11, chart["y"] + 60)  # a click on the curve's end moves it too
    expect(bar).to_have_value(str(last))
    np.testing.assert_array_equal(frame(page), last_frame)
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".flipbook output")).not_to_have_text(f"Epoch {last}")
    expect(page.locator(".flipbook output")).to_have_text(f"Epoch {last}")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert len(sent) == count


def test_train_and_draw(page: Page) -> None:
    open_view(page, "Train+your+own")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("Trained for all 25 epochs.")).to_be_visible(timeout=PATIENCE)  # loads the framework
    expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
    accuracy = page.get_by_test_id("stMetric").filter(has_text="Test accuracy").get_by_test_id("stMetricValue")
    assert float(accuracy.inner_text().rstrip("%")) >= 97
    draw(page, [[(0.5, 0.12), (0.5, 0.88)]])
    expect(page.get_by_text("Prediction: 1")).to_be_visible()
    page.locator(".annotator svg").evaluate("c => c.scrollIntoView({block: 'center'})")
    expect(page.get_by_label("The drawing as 8 by 8 values")).to_be_visible()
    settle(page)


def test_stop_and_two_visitors(page: Page, friend: Page) -> None:
    query = "Train+your+own&live_epochs=150&live_filters=32&live_pooling=false"
    for visitor in (friend, page):
        open_view(visitor, query)
        expect(visitor.get_by_role("button", name="Train", exact=True)).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(re.compile(r"Epoch [1-9]\d* of 150"))).to_be_visible(timeout=PATIENCE)
    friend.get_by_role("button", name="Train", exact=True).click()
    expect(friend.get_by_text("number 1 in the queue")).to_be_visible()
    page.bring_to_front()
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_text(re.compile(r"You stopped it after \d+ of 150 epochs"))).to_be_visible()
    expect(page.get_by_text("Draw a digit from 0 to 9")).to_be_visible()
    expect(friend.get_by_text(re.compile(r"Epoch [1-9]\d* of 150"))).to_be_visible()
    friend.bring_to_front()
    friend.get_by_role("button", name="Stop training").click()
    expect(friend.get_by_text("You stopped it after")).to_be_visible()
    settle(friend)
    settle(page)
