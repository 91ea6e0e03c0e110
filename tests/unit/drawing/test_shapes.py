"""Shapes that visitors draw: values from a browser, and the masks that they make."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import disk, polygon

from cnn_demo.drawing.shapes import (
    ERASER,
    MAX_POINTS,
    MAX_SHAPES,
    Shape,
    as_json,
    box_shape,
    boxes_of,
    rasterize,
    read_shapes,
)

SIZE = (60, 90)
BOX = {"kind": "box", "classId": 1, "points": [[10, 20], [40.5, 50]]}
POLYGON = {"kind": "polygon", "classId": 0, "points": [[1, 1], [9, 1], [5, 8]]}
STROKE = {"kind": "stroke", "classId": 2, "points": [[3, 4]], "width": 5}
NAN = float("nan")


def mask_of(*shapes: Shape, size: tuple[int, int] = SIZE, mask_size: tuple[int, int] | None = None) -> np.ndarray:
    return rasterize(shapes, size, mask_size or size, 255)


# Values from a browser --------------------------------------------------------------------------------------------


def test_shapes_survive_the_way_to_the_browser_and_back():
    shapes = read_shapes([BOX, POLYGON, STROKE, STROKE | {"classId": ERASER}], SIZE, 3)
    assert [(shape.kind, shape.class_id, shape.width) for shape in shapes] == [
        ("box", 1, 0),
        ("polygon", 0, 0),
        ("stroke", 2, 5),
        ("stroke", ERASER, 5),
    ]
    assert read_shapes(json.loads(json.dumps(as_json(shapes))), SIZE, 3) == shapes
    assert read_shapes([], SIZE, 3) == ()


def test_shapes_are_cut_to_the_picture_and_boxes_are_sorted():
    sent = [BOX | {"points": [[100, -5], [30, 40]]}, STROKE | {"points": [[-9, 1e300]]}]
    box, stroke = read_shapes(sent, SIZE, 3)
    assert box.points == ((30, 0), (90, 40))
    assert stroke.points == ((0, 60),)


def test_boxes_without_an_area_are_left_out():
    clicks = [BOX | {"points": points} for points in ([[1, 1], [1.5, 9]], [[95, 5], [99, 50]], [[3, 3], [3, 3]])]
    assert [shape.points for shape in read_shapes([*clicks, BOX], SIZE, 3)] == [((10, 20), (40.5, 50))]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "shapes",
        {},
        [None],
        [[]],
        [{}],
        [BOX | {"kind": "circle"}],
        [BOX | {"kind": ["box"]}],
        [BOX | {"classId": 3}],
        [BOX | {"classId": ERASER}],
        [BOX | {"classId": "1"}],
        [BOX | {"classId": 1.0}],
        [BOX | {"classId": None}],
        [BOX | {"points": None}],
        [BOX | {"points": [[1, 1]]}],
        [BOX | {"points": [[1, 1], [9, 9], [5, 5]]}],
        [BOX | {"points": [[1, 1], [9]]}],
        [BOX | {"points": [[1, 1], [9, "x"]]}],
        [BOX | {"points": [[1, 1], [9, NAN]]}],
        [BOX | {"points": [[1, 1], [9, float("inf")]]}],
        [BOX | {"points": [[1, 1], [9, 10**400]]}],
        [BOX | {"points": [[1, 1], [9, None]]}],
        [BOX | {"points": [[1, 1], [9, {}]]}],
        [POLYGON | {"points": POLYGON["points"][:2]}],
        [STROKE | {"points": []}],
        [STROKE | {"width": 0}],
        [STROKE | {"width": -1}],
        [STROKE | {"width": NAN}],
        [STROKE | {"width": 1e9}],
        [STROKE | {"width": "wide"}],
        [STROKE | {"width": None}],
        [STROKE | {"width": 10**400}],
        [BOX, None],
        [BOX] * (MAX_SHAPES + 1),
        [STROKE | {"points": [[1, 1]] * (MAX_POINTS + 1)}],
        [STROKE | {"points": [[1, 1]] * (MAX_POINTS // 2 + 1)}] * 2,
    ],
    ids=lambda sent: str(sent)[:60],
)
def test_invalid_values_from_a_browser_are_ignored(sent):
    assert read_shapes(sent, SIZE, 3) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(STROKE)), inner),
    max_leaves=20,
)


@given(st.lists(st.fixed_dictionaries({"kind": st.sampled_from(["box", "polygon", "stroke"])}, optional={
    "classId": st.integers(-2, 4) | JSON, "points": st.lists(st.lists(st.floats() | JSON, max_size=3)) | JSON,
    "width": st.floats() | JSON}) | JSON) | JSON)  # fmt: skip
@settings(max_examples=300, derandomize=True, deadline=None)
def test_any_json_gives_shapes_or_nothing(sent):
    shapes = read_shapes(sent, SIZE, 3)
    if shapes is not None:
        assert mask_of(*shapes).shape == SIZE


def test_boxes_are_returned_with_their_classes():
    boxes, class_ids = boxes_of([box_shape(np.array([1, 2, 3, 4]), 7), *read_shapes([STROKE, BOX], SIZE, 3)])
    assert boxes.tolist() == [[1, 2, 3, 4], [10, 20, 40.5, 50]]
    assert class_ids.tolist() == [7, 1]
    assert boxes_of([])[0].shape == (0, 4)


# Masks ------------------------------------------------------------------------------------------------------------


def test_a_box_covers_the_pixels_whose_centres_are_inside():
    mask = mask_of(box_shape(np.array([10, 20, 40, 50]), 3))
    assert (mask[20:50, 10:40] == 3).all()
    assert (mask == 3).sum() == 900
    assert (mask_of(box_shape(np.array([10.6, 20.4, 40.4, 50.6]), 3)) == 3).sum() == 29 * 31


@pytest.mark.parametrize("count", [3, 4, 5, 12, 200])
def test_polygons_agree_with_scikit_image(count):
    rng = np.random.default_rng(count)
    for _ in range(20):  # crossing themselves, too
        points = rng.uniform(0, SIZE[::-1], (count, 2))
        expected = np.zeros(SIZE, bool)
        expected[polygon(points[:, 1] - 0.5, points[:, 0] - 0.5, SIZE)] = True
        mask = mask_of(Shape("polygon", 1, tuple(map(tuple, points))))
        np.testing.assert_array_equal(mask == 1, expected)


def expected_stroke(points: np.ndarray, width: float) -> np.ndarray:
    """The discs at the points and the rectangles between them, by scikit-image."""
    mask = np.zeros(SIZE, bool)
    for at in points - 0.5:
        mask[disk(at[::-1], width / 2, shape=SIZE)] = True
    for start, end in zip(points[:-1] - 0.5, points[1:] - 0.5, strict=True):
        side = np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start)) * width / 2
        corners = np.array([start + side, end + side, end - side, start - side])
        mask[polygon(corners[:, 1], corners[:, 0], SIZE)] = True
    return mask


@pytest.mark.parametrize("width", [1, 2, 3.3, 8, 25, 60])
def test_strokes_agree_with_scikit_image(width):
    rng = np.random.default_rng(5)
    for count in (1, 2, 3, 9):
        points = rng.uniform(0, SIZE[::-1], (count, 2))
        mask = mask_of(Shape("stroke", 1, tuple(map(tuple, points)), width))
        np.testing.assert_array_equal(mask == 1, expected_stroke(points, width))


def test_areas_are_those_of_geometry():
    big = (600, 600)
    dot = mask_of(Shape("stroke", 0, ((300, 300),), 200), size=big)
    assert (dot == 0).sum() == pytest.approx(np.pi * 100**2, rel=0.001)
    line = mask_of(Shape("stroke", 0, ((200, 300), (400, 300)), 100), size=big)
    assert (line == 0).sum() == pytest.approx(200 * 100 + np.pi * 50**2, rel=0.001)
    triangle = mask_of(Shape("polygon", 0, ((10, 10), (510, 10), (10, 410))), size=big)
    assert (triangle == 0).sum() == pytest.approx(500 * 400 / 2, rel=0.002)


def test_later_shapes_cover_earlier_ones_and_the_eraser_makes_blank():
    wide, narrow = Shape("stroke", 1, ((0, 30), (90, 30)), 40), Shape("stroke", 2, ((45, 0), (45, 60)), 10)
    erased = Shape("stroke", ERASER, ((10, 30),), 8)
    mask = mask_of(wide, narrow, erased)
    assert mask[30, 45] == 2
    assert mask[30, 70] == 1
    assert mask[30, 10] == 255
    assert mask_of(narrow, wide)[30, 45] == 1
    assert (mask_of() == 255).all()


def test_a_smaller_mask_covers_the_same_fraction():
    shapes = [Shape("polygon", 1, ((10, 10), (80, 12), (50, 55)))]
    whole, half = (mask_of(*shapes, mask_size=size) for size in (SIZE, (30, 45)))
    assert (half == 1).mean() == pytest.approx((whole == 1).mean(), rel=0.02)


def test_a_stroke_thinner_than_a_pixel_is_still_there():
    assert (mask_of(Shape("stroke", 1, ((5, 5), (60, 40)), 0.1)) == 1).sum() > 40
