"""Boxes drawn on pictures."""

import numpy as np
import pytest

from cnn_demo.drawing.boxes import GROUND_TRUTH, OTHER, PREDICTION, draw_boxes

GREY = np.full((120, 160, 3), 90, np.uint8)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def test_a_box_has_its_colour_and_position():
    drawn = draw_boxes(GREY, [np.array([40, 30, 120, 90])], [""], [PREDICTION], thickness=2)
    changed = (drawn != GREY).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert abs(rows[[0, -1]] - (30, 90)).max() <= 1
    assert abs(columns[[0, -1]] - (40, 120)).max() <= 1
    assert tuple(drawn[30, 80]) == rgb(PREDICTION)
    assert not changed[45:75, 60:100].any()
    assert (GREY == 90).all()  # the picture itself stays as it is


def test_the_last_box_is_on_top_and_only_named_ones_get_a_name():
    box = np.array([40, 40, 120, 100])
    drawn = draw_boxes(GREY, [box, box], ["", "face"], [GROUND_TRUTH, OTHER], thickness=2)
    assert tuple(drawn[70, 40]) == rgb(OTHER)
    assert not (drawn == rgb(GROUND_TRUTH)).all(axis=2).any()
    plain = draw_boxes(GREY, [box], [""], [OTHER], thickness=2)
    assert (drawn != plain).any(axis=2).sum() > 50


def test_no_boxes_change_nothing_and_unequal_lists_are_refused():
    np.testing.assert_array_equal(draw_boxes(GREY, [], [], []), GREY)
    with pytest.raises(ValueError, match="1 boxes need as many names and colours"):
        draw_boxes(GREY, [np.zeros(4)], [], [PREDICTION])
