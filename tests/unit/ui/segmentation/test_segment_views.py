"""Page 7's own pictures and figures, apart from Streamlit."""

from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.models import find
from cnn_demo.models.catalogue.registry import PET_LABELS
from cnn_demo.models.segmentation.metrics import IGNORED
from cnn_demo.ui.segmentation.paint_masks import RIGHT, WRONG, judged, scores_table, too_little
from cnn_demo.ui.segmentation.unet_internals import COLUMNS, MAP_SIDE, STRONGEST, mosaic, strongest
from cnn_demo.ui.segmentation.upsampling import SMALL_SIDE, small_map

SPEC = replace(find("fcn_resnet50"), labels=PET_LABELS)


def test_the_small_map_has_the_photos_proportions_and_no_mean():
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    plane = small_map(pixels)
    assert plane.shape == (18, SMALL_SIDE)
    assert plane.mean() == pytest.approx(0, abs=1e-6)
    assert small_map(pixels[:1]).shape == (1, SMALL_SIDE)


def test_the_strongest_maps_come_first_and_small():
    maps = np.zeros((200, 100, 9), np.float32)
    maps[..., 4], maps[..., 7] = 3, 2
    found = strongest(maps)
    assert found.shape == (MAP_SIDE, 60, STRONGEST)
    assert found[..., 0].mean() == pytest.approx(3)
    assert found[..., 1].mean() == pytest.approx(2)


@pytest.mark.parametrize("count", [1, 3, 5, 6])
@pytest.mark.parametrize("size", [(2, 3), (120, 90)])
def test_maps_are_arranged_in_a_grid(count, size):
    scene = mosaic(np.random.default_rng(1).random((*size, count)).astype(np.float32))
    enlarge = max(1, MAP_SIDE // max(size))
    rows = -(-count // COLUMNS)
    assert scene.shape == (rows * (size[0] + 2) * enlarge, COLUMNS * (size[1] + 2) * enlarge, 3)


def test_right_is_green_and_wrong_is_red():
    pixels = np.full((4, 4, 3), 100, np.uint8)
    predicted, truth = np.zeros((4, 4), int), np.full((4, 4), IGNORED)
    truth[0], truth[1] = 0, 1
    scene = judged(pixels, predicted, truth)
    assert scene[0, 0].tolist() == [(100 + value) // 2 for value in RIGHT]
    assert scene[1, 0].tolist() == [(100 + value) // 2 for value in WRONG]
    assert scene[3, 0].max() < 100


def test_scores_wait_until_enough_is_painted():
    truth = np.full((20, 20), IGNORED)
    truth[0] = 1
    assert "only cat" in too_little(truth, PET_LABELS)  # a stroke within the cat would score 100%
    truth[1] = 0
    assert too_little(truth, PET_LABELS) == ""
    truth[:] = IGNORED
    truth[0, :10], truth[1, :9] = 1, 0
    assert too_little(truth, PET_LABELS).startswith("You have painted 4.8% of the photo")
    truth[:] = 1
    assert too_little(truth, PET_LABELS) == ""


def test_the_table_has_a_row_for_each_class_that_is_there():
    predicted = np.zeros((20, 20), int)
    predicted[5:15, 5:15] = 1
    truth = predicted.copy()
    truth[5:10, 5:15] = 2
    table = scores_table(SPEC, predicted, truth).set_index("class")
    assert list(table.index) == list(PET_LABELS)
    assert table.loc["background", "IoU"] == 1
    assert table.loc["cat", "IoU"] == pytest.approx(0.5)
    assert table.loc["cat", "Dice"] == pytest.approx(2 / 3)
    assert table.loc["dog", "IoU"] == 0
