"""Drawings in the link: what is written is read again, and nothing else is."""

import numpy as np
import pytest

from cnn_demo.drawing.shapes import Shape
from cnn_demo.images import Photo
from cnn_demo.ui.widgets.linked_drawing import MAX_LENGTH, drawing_name, read_drawing, write_drawing

SIZE = (480, 640)
NAME = "photo-640x480 0123"
BOX = Shape("box", 2, ((10.0, 5.5), (300.2, 479.9)))
POLYGON = Shape("polygon", 19, ((0.0, 0.0), (640.0, 0.0), (320.1, 480.0), (7.3, 8.8)))
STROKE = Shape("stroke", 1, ((3.0, 4.0), (5.0, 6.0)), 20.0)


def test_boxes_and_polygons_are_read_again_and_strokes_are_left_out():
    text = write_drawing([BOX, STROKE, POLYGON], NAME)
    assert text.partition("_")[2] == "b2.100.55.3002.4799_p19.0.0.6400.0.3201.4800.73.88"
    assert read_drawing(text, NAME, SIZE, 20) == (BOX, POLYGON)
    assert write_drawing([STROKE], NAME) == write_drawing([], NAME) == ""


def test_polygons_of_sixty_points_and_forty_boxes_fit():
    rng = np.random.default_rng(0)
    corners = tuple((float(x), float(y)) for x, y in rng.uniform(100, 1500, (60, 2)).round(1))
    assert len(write_drawing([Shape("polygon", 5, corners)], NAME)) < MAX_LENGTH / 2
    assert len(write_drawing([Shape("box", 12, corners[:2])] * 40, NAME)) < MAX_LENGTH


def test_a_drawing_belongs_to_its_photo_and_classes():
    first, second = (Photo(np.full((9, 9, 3), level, np.uint8), "a photo", f"digest {level}") for level in (0, 1))
    names = {drawing_name(photo, labels) for photo in (first, second) for labels in ((), ("cat",), ("cat", "dog"))}
    assert len(names) == 6
    assert drawing_name(first, ("cat",)) == drawing_name(first, ["cat"])
    for name in names - {drawing_name(first)}:
        assert read_drawing(write_drawing([BOX], drawing_name(first)), name, SIZE, 20) is None


TAG = write_drawing([BOX], NAME).partition("_")[0]


@pytest.mark.parametrize(
    "damaged",
    ["", "garbage", TAG, f"{TAG}_", f"{TAG}_b0.nan.0.10.10", f"{TAG}_b0.inf.0.1.1", f"{TAG}_b0.1e9.0.1.1",
     f"{TAG}_b0.-5.0.10.10", f"{TAG}_b0.1.2.3", f"{TAG}_b0.1.2.3.4.5.6", f"{TAG}_p0.1.2.3.4", f"{TAG}_b20.0.0.90.90",
     f"{TAG}_b999.0.0.90.90", f"{TAG}_s0.0.0.90.90", f"{TAG}_b0.0.0.90.90_", f"{TAG}_b0.0.0.90.90\n",
     TAG + "_b0.0.0.90.90" * 10_000, f"{TAG}_p0" + ".1" * 100_000, "<script>"],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_damaged_texts_are_refused(damaged):
    assert read_drawing(damaged, NAME, SIZE, 20) is None


def test_points_beyond_the_photo_are_clipped_and_boxes_without_an_area_left_out():
    assert read_drawing(f"{TAG}_b0.0.0.999999.999999_b0.5.5.5.5", NAME, SIZE, 20) == (
        Shape("box", 0, ((0.0, 0.0), (640.0, 480.0))),
    )
