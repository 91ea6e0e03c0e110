"""Boxes and polygons drawn on pages 5 to 7 are part of the link; brush strokes are not, as the pages say."""

import numpy as np
import pytest
from driver import PAGE_5, PAGE_6, PAGE_7, assert_fine, component, draw, html, open_app, written

from cnn_demo.drawing.shapes import Shape, box_shape
from cnn_demo.ui.widgets.linked_drawing import MAX_LENGTH, TOO_LONG

PHOTO = "astronaut"
BOX = box_shape(np.array([40.0, 30.5, 200.0, 180.3]))
POLYGON = Shape("polygon", 15, tuple((200 + 150 * np.cos(a), 200 + 120 * np.sin(a)) for a in np.linspace(0, 6, 60)))
STROKE = Shape("stroke", 0, ((20.0, 20.0), (300.0, 40.0)), 40.0)
PAGES = {  # page -> tab, annotator, name in the link, shapes
    PAGE_5: ("Draw the ground truth", "truth_canvas", "truth_box", [BOX]),
    PAGE_6: ("Evaluate", "score_canvas", "score_boxes", [BOX, box_shape(np.array([5.0, 5, 60, 90.7]), 14)]),
    PAGE_7: ("Paint the ground truth", "paint_canvas", "paint_polygons", [POLYGON]),
}
each_page = pytest.mark.parametrize("page", PAGES)


def opened(page: str, link: dict | None = None):
    return open_app(page, link={"task": PAGES[page][0], "photo": PHOTO, **(link or {})})


def seen(app, key: str) -> tuple:
    """The drawing, and what the page computes from it."""
    return component(app, key)["shapes"], [metric.value for metric in app.metric], written(app), html(app)


@each_page
def test_a_drawing_is_in_the_link_until_it_is_removed(page):
    _, key, name, shapes = PAGES[page]
    app = opened(page)
    assert name not in app.query_params
    draw(app, key, shapes)
    assert_fine(app)
    text = app.query_params[name]
    assert len(text) <= MAX_LENGTH
    friend = opened(page, {name: text})
    assert_fine(friend)
    assert seen(friend, key) == seen(app, key)
    assert len(seen(friend, key)[0]) == len(shapes)
    assert friend.metric
    assert friend.query_params[name] == text
    draw(friend, key, [])
    assert name not in friend.query_params
    assert component(friend, key)["shapes"] == []


@each_page
@pytest.mark.parametrize("text", ["garbage", "00000000_b0.1.2.300.400", "nan", "b" * 10_000], ids=lambda text: text[:9])
def test_a_damaged_drawing_or_one_of_another_photo_is_dropped(page, text):
    _, key, name, _ = PAGES[page]
    app = opened(page, {name: text})
    assert_fine(app)
    assert component(app, key)["shapes"] == []
    assert name not in app.query_params


def test_the_drawn_box_is_the_ground_truth_in_other_tabs_as_well():
    app = opened(PAGE_5)
    draw(app, "truth_canvas", [BOX])
    link = {"truth_box": app.query_params["truth_box"], "task": "Localize"}
    friend, other = opened(PAGE_5, link), opened(PAGE_5, {"task": "Localize"})
    sentences = [next(part.value for part in each.markdown if "IoU with" in part.value) for each in (friend, other)]
    assert sentences[0] != sentences[1]  # the sample has a box of its own
    assert friend.query_params["truth_box"] == app.query_params["truth_box"]


def test_a_drawing_that_is_too_long_is_named():
    app = opened(PAGE_6)
    draw(app, "score_canvas", [box_shape(np.array([0, 0, 100.5, 100 + i])) for i in range(100)])
    assert_fine(app)
    assert "score_boxes" not in app.query_params
    assert TOO_LONG in written(app)


def test_brush_strokes_are_not_in_the_link_and_the_page_says_so():
    app = opened(PAGE_7)
    note = "Polygons are part of the link, brush strokes are not."
    assert note in written(app)  # it begins with the brush
    app.button_group(key="paint_way").set_value("Polygon").run()
    draw(app, "paint_canvas", [POLYGON])
    assert note not in written(app)
    draw(app, "paint_canvas", [STROKE, POLYGON])
    assert_fine(app)
    assert note in written(app)
    friend = opened(PAGE_7, {"paint_polygons": app.query_params["paint_polygons"]})
    assert [shape["kind"] for shape in component(friend, "paint_canvas")["shapes"]] == ["polygon"]
