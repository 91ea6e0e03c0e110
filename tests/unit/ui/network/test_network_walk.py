"""Drawings of the walk through the network: stops, shortcuts, colours, and the selected unit."""

import base64
import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cnn_demo.images import sample_photos
from cnn_demo.machine import DEVICES
from cnn_demo.models import load
from cnn_demo.ui.network.pictures import channels_first, paint, palette_of, window_and_kernel
from cnn_demo.ui.network.walk import photo, state
from cnn_demo.ui.network.walk.stages import draw_stops, find_arcs, group_layers, layer_label, strongest
from cnn_demo.ui.network.walk.unit_sum import part_bars
from cnn_demo.ui.network.walk.view import facts_line


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def run(model):
    return model.activations(sample_photos()[0].load().pixels)


def test_every_layer_is_in_one_stop_and_has_a_name_of_its_own(model):
    stops = group_layers(model.layers)
    assert [layer for stop in stops for layer in stop] == list(model.layers)
    assert [stop[-1].name for stop in stops if stop[-1].name.endswith("_relu")] == [
        "stem_relu",
        *(f"block{number}_relu" for number in range(1, 6)),
    ]
    labels = [layer_label(layer.name) for layer in model.layers]
    assert len(set(labels)) == len(labels)
    assert not [label for label in labels if "_" in label]
    assert all(facts_line(layer) for layer in model.layers)


def test_each_block_has_one_shortcut(model):
    stops = group_layers(model.layers)
    arcs = find_arcs(stops)
    ends = [(stops[arc.start][-1].name, stops[arc.end][-1].name) for arc in arcs]
    outputs = ["stem_relu", *(f"block{number}_relu" for number in range(1, 6))]
    assert ends == list(itertools.pairwise(outputs))
    assert [bool(arc.title) for arc in arcs] == [False, True, False, True, False]


def test_the_stops_show_the_strongest_maps(model, run):
    stops = group_layers(model.layers)
    drawn = draw_stops(stops, run.maps, run.seen)
    for stop, layers in zip(drawn, stops, strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(stop.src.partition(",")[2]))))
        assert pixels.shape == (stop.sheets * stop.size[0], stop.size[1], 3)
        values = run.maps[layers[-1].name]
        if values.ndim == 3 and layers[-1].kind != "input":
            front = values[..., int(np.abs(values).max(axis=(0, 1)).argmax())]
            expected = paint(front, palette_of(layers[-1]), float(np.abs(front).max()))
            np.testing.assert_array_equal(pixels[: stop.size[0]], expected)
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn[0].src.partition(",")[2])))), run.seen
    )


def test_colours_match_the_legend():
    values = np.array([-2.0, -1.0, 0.0, 1.0, 4.0])
    red_blue = paint(values, "signed", 2.0).astype(int)
    assert red_blue[0, 2] > red_blue[0, 0]  # negative is blue
    assert red_blue[2].min() > 240  # zero is white
    assert red_blue[4, 0] > red_blue[4, 2]  # positive is red
    heat = paint(values, "heat", 4.0).astype(int).sum(axis=1)
    assert heat[0] == heat[1] == heat[2] < 10
    assert heat[2] < heat[3] < heat[4]
    np.testing.assert_array_equal(paint(np.array([-1.0, 1.0]), "grey", 1.0), [[0] * 3, [255] * 3])
    assert paint(np.zeros((2, 2)), "heat", 0.0).max() < 10  # a dead map is black, and no division fails


def test_a_window_in_the_padding_can_be_drawn():
    plane, kernel = np.full((8, 8, 3), 200, np.uint8), np.full((3, 3, 3), 90, np.uint8)
    drawn = window_and_kernel(plane, kernel, (-1, 6, 3, 3))
    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 4
    assert (drawn[..., 3] == 0).any()
    assert window_and_kernel(plane, None, (7, 7, 1, 1)).shape == (96, 96, 4)


def test_order_of_the_channels():
    values = np.zeros((2, 2, 3), np.float32)
    values[0, 0] = (1, -5, 2)
    assert strongest(values).tolist() == [1, 2, 0]
    assert strongest(np.array([-5.0, 3.0, 1.0])).tolist() == [1, 2, 0]
    assert channels_first(values).shape == (3, 2, 2)
    assert channels_first(np.arange(4.0)).shape == (4, 1, 1)


def test_the_strongest_unit_is_open_by_default_and_always_in_the_map(model, run):
    layer = next(layer for layer in model.layers if layer.name == "block3_relu")
    values = run.maps[layer.name]
    opened = state.read_selection({}, layer, values)
    assert values[opened.unit] == values.max()
    far = state.read_selection({state.CHANNEL: 999, state.ROW: -3, state.COLUMN: 16}, layer, values)
    assert far.unit == (0, 15, 63)
    logits = model.layers[-1]
    best = state.read_selection({}, logits, run.maps["logits"])
    assert best.unit == (int(run.maps["logits"].argmax()),)
    assert state.read_selection({state.ROW: 5, state.CHANNEL: 3}, logits, run.maps["logits"]).unit == (3,)


def test_bars_point_to_the_side_of_their_sign():
    html = part_bars([("up", 2.0), ("down", -1.0), ("none", 0.0)])
    up, down, none = html.split("<tr>")[1:]
    assert "left:50%;width:50.0%" in up
    assert "right:50%;width:25.0%" in down
    assert "width:0.0%" in none
    assert "+2.0000" in up
    assert "−1.0000" in down
    assert part_bars([("zero", 0.0)])


@pytest.mark.parametrize("device", DEVICES)
def test_the_prediction_names_its_device_in_words(run, monkeypatch, device):
    captions = []
    monkeypatch.setattr(photo, "probability_bars", lambda *_, **__: None)
    monkeypatch.setattr(photo.st, "caption", captions.append)
    photo.show_prediction(replace(run.classification, device=device))
    assert f" ms** on {DEVICES[device]}, with" in captions[0]
