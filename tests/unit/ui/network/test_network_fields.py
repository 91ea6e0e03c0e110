"""Receptive fields and shared weights: drawings and texts, compared with the computation."""

import math
import re

import numpy as np
import pytest

from cnn_demo.convolution.effective_field import path_counts, stack_geometry
from cnn_demo.convolution.published_networks import PUBLISHED
from cnn_demo.convolution.receptive_field import MapGeometry, ReceptiveField, receptive_field
from cnn_demo.convolution.sharing import KINDS, layer_costs, weight_numbers
from cnn_demo.ui.components.field_tree import MAX_BARS, tree_data
from cnn_demo.ui.network import weight_sharing
from cnn_demo.ui.network.fields import drawings, stack_view
from cnn_demo.ui.network.fields.growth import FIELD, growth_table, half_by_ways
from cnn_demo.ui.network.fields.published import comparison, with_padding
from cnn_demo.ui.network.fields.stack_view import STRIDED, stack_layers
from cnn_demo.ui.network.weight_sharing import memory
from cnn_demo.ui.network.weight_sharing_drawings import area_squares, colour, connections, matrix


def test_which_layers_of_a_stack_have_the_stride():
    strides = {which: [step[1] for step in stack_layers(7, 3, 2, which, 1)] for which in STRIDED}
    assert strides == {"First": [2, 1, 1, 1, 1, 1, 1], "Every third": [2, 1, 1, 2, 1, 1, 2], "All": [2] * 7}


STACKS = [((3, 1, 1),) * 3, ((3, 2, 2), (5, 1, 1), (2, 1, 1)), ((1, 1, 1),), ((2, 3, 1), (2, 1, 2))]


@pytest.mark.parametrize("layers", STACKS)
def test_the_tree_ends_in_the_pixels_that_have_paths(layers):
    data = tree_data(layers)
    ways = path_counts(layers)
    positions = np.arange(len(ways)) - (len(ways) - 1) / 2
    assert data["drawn"]
    assert data["rows"][0]["positions"] == [0]
    assert data["rows"][-1]["positions"] == positions[ways > 0].tolist()
    np.testing.assert_allclose(data["bars"]["ways"], ways / ways.max())
    np.testing.assert_allclose(data["bars"]["positions"], positions)
    for above, below in zip(data["rows"], data["rows"][1:], strict=False):
        reached = {p + offset for p in above["positions"] for offset in above["offsets"]}
        assert sorted(reached) == below["positions"]


def test_a_tree_with_too_many_lines_is_drawn_as_a_cone():
    layers = stack_layers(12, 11, 3, "All", 4)
    data = tree_data(layers)
    assert not data["drawn"]
    assert not any(row["positions"] for row in data["rows"])
    assert data["rows"][-1]["reach"] == (receptive_field(layers).size - 1) / 2
    assert len(data["bars"]["ways"]) <= MAX_BARS + 1
    assert math.isfinite(sum(data["bars"]["ways"]))


def test_the_growth_table_is_the_receptive_field():
    layers = stack_layers(6, 3, 2, "Every third", 2)
    table = growth_table(layers)
    assert table[FIELD].tolist() == [receptive_field(layers[:n]).size for n in range(1, 7)]


def test_half_of_the_paths():
    assert half_by_ways([(1, 1, 1)]) == pytest.approx(0.5)
    assert half_by_ways([(2, 1, 1)]) == pytest.approx(1.0)
    deep, shallow = (half_by_ways([(3, 1, 1)] * depth) for depth in (64, 16))
    assert deep / shallow == pytest.approx(2, rel=0.1)  # four times the depth


def test_the_comparison_has_the_published_figures():
    table = comparison()
    assert table["Receptive field"].tolist() == ["195 px", "212 px", "315 px", "483 px", "1,311 px"]
    assert table.index.tolist() == [network.title for network in PUBLISHED]


def test_a_field_that_leaves_the_picture_gets_a_border():
    last = MapGeometry((4, 4), (ReceptiveField(9, 2, 0.0), ReceptiveField(3, 2, 1.0)))
    pixels = np.ones((8, 8, 3), np.uint8)
    padded, offset = with_padding(pixels, last, (0, 3))
    assert offset == (4, 0)
    assert padded.shape == (12, 9, 3)
    np.testing.assert_array_equal(padded[4:, :8], pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 128), (90, 128)])
def test_heat_and_frames_of_any_picture(size):
    last = stack_geometry(size, stack_layers(4, 3, 2, "All", 1))[-1]
    unit = (last.size[0] - 1, last.size[1] - 1)
    field = drawings.seen(last, unit, size)
    influence = np.zeros(size)
    influence[field] = 1
    assert influence.any()
    pixels = np.full((size[0] * 2, size[1] * 2, 3), 200, np.uint8)
    heat = drawings.heat_picture(pixels, influence, field)
    assert heat.shape == pixels.shape
    assert heat.dtype == np.uint8
    assert len(drawings.frames(last, unit, 3)) == 2
    assert len(drawings.frames(last, unit, 0)) == 1


def test_pixels_without_influence_are_only_darkened():
    pixels = np.full((4, 4, 3), 200, np.uint8)
    shown = drawings.heat_picture(pixels, np.zeros((4, 4)), (slice(0, 2), slice(0, 2)))
    assert (shown[:2, :2] == 200).all()
    assert (shown[2:] < 150).all()


def test_areas_are_to_scale():
    costs = layer_costs((32, 32), 3, 1, 3, 16)
    parts, _ = area_squares(costs)
    sides = [float(side) for side in re.findall(r'rect class="area".*?width="([\d.]+)"', parts)]
    for side, kind in zip(sides, KINDS, strict=True):
        ratio = costs[kind].parameters / costs["dense"].parameters
        assert (side / sides[0]) ** 2 == pytest.approx(ratio, rel=0.01)
    assert parts.count("ring") == 1  # of the convolution


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (2, 3), (7, 4)])
def test_lines_and_cells_are_the_weights(kind, kernel, stride):
    from cnn_demo.convolution import ConvSpec

    numbers = weight_numbers(kind, (1, 8), (1, kernel), ConvSpec(stride=stride))
    lines, _ = connections(kind, 8, kernel, stride)
    assert lines.count("<line") == (numbers >= 0).sum()
    cells, _, different = matrix(kind, (1, 8), (1, kernel), stride)
    assert cells.count("<rect") == (numbers >= 0).sum() + 1
    assert different == len(np.unique(numbers[numbers >= 0]))


def test_different_weights_have_different_colours():
    assert len({colour(number) for number in range(121)}) == 121


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (448, "448 B"), (1792, "1.79 kB"), (201392128, "201 MB")])
def test_memory(count, text):
    assert memory(count) == text


def test_every_control_has_its_own_key():
    assert not set(stack_view.DEFAULTS) & set(weight_sharing.DEFAULTS)
    assert all(key.startswith("field_") for key in stack_view.DEFAULTS)
    assert all(key.startswith("share_") for key in weight_sharing.DEFAULTS)


def test_frames_are_cut_off_at_the_border_of_the_picture():
    last = MapGeometry((8, 8), (ReceptiveField(9, 2, 0.0), ReceptiveField(9, 2, 0.0)))
    whole = drawings.frames(last, (4, 4), 3, (16, 16))
    assert [(mark.row, mark.column, mark.height, mark.width) for mark in whole] == [(4, 4, 9, 9), (7, 7, 3, 3)]
    middle, cut, half = drawings.frames(last, (0, 6), 3, (16, 16))
    assert (middle.row, middle.column, middle.height, middle.width) == (0, 12, 1, 1)
    assert (cut.row, cut.column, cut.height, cut.width) == (0, 8, 5, 8)
    assert (half.row, half.column, half.height, half.width) == (0, 11, 2, 3)
