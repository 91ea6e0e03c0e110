"""Page 3, walk through and features: every layer opens, on every photo, and every shown sum is the network's number."""

import itertools
import json
import re

import numpy as np
import pytest
from driver import PAGE_3, SMALL, assert_fine, component, fire, open_page, picture, written

from cnn_demo.images import Photo, sample_photos
from cnn_demo.models import load
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.explanation.top_patches import activation_layers
from cnn_demo.ui.network.walk.stages import group_layers, layer_label
from cnn_demo.ui.network.walk.state import CHANNEL, COLUMN, LAYER, ROW


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


def open_walk(photo=SMALL, link=None, **state):
    return open_page(PAGE_3, photo, {"view": "Activations", **(link or {})}, **state)


def shown_numbers(app) -> tuple[float, float]:
    """The number that the page adds up (after its activation), and the network's own that is shown beside it."""
    sums = re.search(r"\*\*(?:Sum|Their)[^=]*\*\* = \*\*(-?[\d.]+)\*\*(?: → ReLU → \*\*(-?[\d.]+)\*\*)?", written(app))
    own = re.search(r"computed by the network: \*\*(-?[\d.]+)\*\*", written(app))
    return float(sums[2] or sums[1]), float(own[1])


def test_every_layer_opens_and_adds_up(model):
    run = model.activations(SMALL.pixels)
    app = open_walk()
    assert app.selectbox(key=LAYER).options == [layer_label(layer.name) for layer in model.layers]
    for layer in model.layers:
        app.selectbox(key=LAYER).set_value(layer.name).run()
        assert_fine(app)
        assert len(component(app, "maps")["items"]) == layer.shape[-1]
        if layer.kind == "input":
            continue
        total, own = shown_numbers(app)
        values = run.maps[layer.name]
        strongest = np.abs(values).max() if values.ndim == 3 else values.max()
        assert abs(own) == pytest.approx(strongest, abs=1e-4)  # the default is the strongest
        assert total == pytest.approx(own, abs=1.01e-4)


def test_an_input_value_of_the_photo():
    app = open_walk(link={LAYER: "Input"}, **{CHANNEL: 1, ROW: 4, COLUMN: 6})
    seen = load("cifar10_cnn").prepare(SMALL.pixels)
    pixel = int(seen[4, 6, 1])
    assert f"{pixel} of 255" in written(app)
    assert f"{pixel / 127.5 - 1:.4f}" in written(app)


def test_a_stop_a_channel_and_a_pixel_are_opened_by_clicks(model):
    run = model.activations(SMALL.pixels)
    app = open_walk()
    stops = group_layers(model.layers)
    at = next(index for index, stop in enumerate(stops) if stop[-1].name == "block2_relu1")
    fire(app, "strip", "pick", at)
    assert app.session_state[LAYER] == "block2_relu1"
    assert component(app, "strip")["chosen"] == at
    fire(app, "maps", "pick", 9)
    assert component(app, "maps")["chosen"] == 9
    fire(app, "channel_map", "point", {"row": 3, "column": 14})
    assert_fine(app)
    expected = float(run.maps["block2_relu1"][3, 14, 9])
    assert shown_numbers(app) == pytest.approx((expected, expected), abs=1e-4)
    # The frame is the receptive field of this activation: 11 of the 32 pixels, around its position.
    mark = picture(app, "unit_seen")[0]["marks"][0]
    assert (mark["row"], mark["height"]) == (1 + 2 * 3 - 5, 11)
    assert (mark["column"], mark["width"]) == (1 + 2 * 14 - 5, 32 - 24)  # clipped at the right border
    assert "in the zero padding" in picture(app, "unit_seen")[0]["caption"]
    # From one of its kernels on to the channel that it is laid on.
    kernels = component(app, "kernels")["items"]
    fire(app, "kernels", "pick", kernels[2]["key"])
    assert component(app, "kernels")["chosen"] == kernels[2]["key"]
    app.button(key="open_input").click().run()
    assert_fine(app)
    assert app.session_state[LAYER] == "block1_relu"
    assert [app.session_state[key] for key in (CHANNEL, ROW, COLUMN)] == [kernels[2]["key"], 7, 29]


def test_the_shown_parts_add_up_to_the_shown_sum():
    app = open_walk(link={LAYER: "Block 3 · first convolution"})
    table = next(html.proto.body for html in app.get("html") if "Parts of the sum" in html.proto.body)
    parts = [float(text.replace("−", "-")) for text in re.findall(r">([+−]?\d+\.\d{4})</td>", table)]
    assert len(parts) == 8 + 1 + 1  # the strongest, all others, the bias
    assert sum(parts) == pytest.approx(shown_numbers(app)[0], abs=1e-3)


def test_a_shortcut_is_followed():
    app = open_walk(link={LAYER: "Block 3 · sum of both branches"}, **{CHANNEL: 5, ROW: 2, COLUMN: 3})
    fire(app, "ways", "pick", 0)
    assert_fine(app)
    assert app.session_state[LAYER] == "block2_relu"
    assert [app.session_state[key] for key in (CHANNEL, ROW, COLUMN)] == [5, 2, 3]


def test_logits_lead_to_probabilities_and_back_to_maps(model):
    prediction = model.predict(SMALL.pixels)
    app = open_walk(link={LAYER: "Logits"})
    assert f"**{prediction.top(1)[0][1]:.1%}**" in written(app)
    fire(app, "averages", "pick", component(app, "averages")["items"][0]["key"])
    assert_fine(app)
    assert app.session_state[LAYER] == "block5_relu"


def test_brightness_and_order():
    app = open_walk(link={LAYER: "Block 1 · output"})
    own = component(app, "maps")
    app.selectbox(key="brightness").set_value("Common").run()
    common = component(app, "maps")
    assert common["src"] != own["src"]
    app.selectbox(key="channel_order").set_value("As in the network").run()
    assert_fine(app)
    assert [item["key"] for item in component(app, "maps")["items"]] == list(range(32))


@pytest.mark.parametrize(
    ("size", "fit"),
    [*itertools.product([(1, 700), (1280, 3)], FITS), *zip([(1, 1), (31, 33), (90, 60)], FITS, strict=True)],
)
def test_photos_of_any_shape_in_every_fit(model, fit, size):
    pixels = np.random.default_rng(7).integers(0, 256, (*size, 3), dtype=np.uint8)
    app = open_walk(Photo(pixels, "Odd", f"odd-{size}"), link={"fit": FITS[fit]})
    seen = picture(app, "walk_seen")[1]
    np.testing.assert_array_equal(seen, model.prepare(pixels, fit))
    for key in ("walk_photo", "unit_photo"):
        shown = component(app, key)
        for mark in shown["marks"]:
            assert mark["row"] >= 0
            assert mark["column"] >= 0
            assert mark["row"] + mark["height"] <= shown["height"] + 1e-6
            assert mark["column"] + mark["width"] <= shown["width"] + 1e-6
    total, own = shown_numbers(app)
    assert total == pytest.approx(own, abs=1.01e-4)


def test_device_and_time_of_the_network_are_shown():
    app = open_walk()
    text = "\n".join(caption.value for caption in app.caption)
    assert re.search(r"Computed in \*\*[\d.]+ m?s\*\* on the (CPU|GPU)", text)
    assert "airplane" in text


@pytest.mark.parametrize(
    "link",
    [
        {LAYER: "nonsense", "fit": "nonsense", "brightness": "x", "channel_order": ""},
        {LAYER: "Logits", CHANNEL: "99", ROW: "5", COLUMN: "5"},
        {LAYER: "Block 5 · output", CHANNEL: "-4", ROW: "31", COLUMN: "1e9"},
        {CHANNEL: "inf", ROW: "nan", COLUMN: "abc"},
        {"view": "Features", "feature_layer": "?", "feature_channel": "500"},
    ],
)
def test_invalid_links_still_open(link):
    open_walk(link=link)


def test_a_channel_that_the_next_layer_lacks_is_reset():
    app = open_walk(link={LAYER: "Block 5 · output"}, **{CHANNEL: 120, ROW: 7, COLUMN: 7})
    app.selectbox(key=LAYER).set_value("stem").run()
    assert_fine(app)
    assert app.session_state[CHANNEL] is None
    fire(app, "maps", "pick", 4)
    app.segmented_control(key="unit_step").set_value("stem_relu").run()
    assert_fine(app)
    assert app.session_state[LAYER] == "stem_relu"
    assert app.session_state[CHANNEL] == 4  # the same shape: the effect of the activation is visible


# Features ---------------------------------------------------------------------------------------------------------


def test_features_of_every_layer(model):
    app = open_walk(link={"view": "Features"})
    rows = [key for key in _keys(app) if key.startswith("row_")]
    assert len(rows) == 8
    for key in rows:
        items = component(app, key)["items"]
        assert 1 < len(items) <= 7
    for layer in activation_layers(model.layers):
        app.selectbox(key="feature_layer").set_value(layer.name).run()
        assert_fine(app)
        assert sorted(item["key"] for item in component(app, "feature_channels")["items"]) == list(
            range(layer.shape[-1])
        )
    fire(app, "feature_channels", "pick", 100)
    assert_fine(app)
    assert app.session_state["feature_channel"] == 100
    assert "channel 100" in component(app, "feature_patches")["label"]


def test_the_visitors_photo_is_among_the_patches():
    stripes = np.zeros((200, 260, 3), np.uint8)
    stripes[::8] = stripes[1::8] = (0, 255, 60)
    app = open_walk(Photo(stripes, "Green stripes", "green-stripes"), link={"view": "Features"})
    samples, own = False, False
    for channel in range(32):  # some of them like green stripes
        app.session_state["feature_channel"] = channel
        app.session_state["feature_layer"] = "stem_relu"
        app.run()
        titles = [item["title"] for item in component(app, "feature_patches")["items"]]
        own |= any(title.startswith("Green stripes: ") for title in titles)
        samples |= any(title.startswith(f"{sample.title}: ") for title in titles for sample in sample_photos())
        if own and samples:
            return
    pytest.fail(f"Found patches of the visitor's photo: {own}, of the samples: {samples}.")


def _keys(app) -> list[str]:
    return [
        json.loads(element.proto.json) and element.key
        for element in app.get("bidi_component")
        if element.key and element.proto.json
    ]
