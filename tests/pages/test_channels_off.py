"""Channels switched off on pages 3 and 4: the page shows the figures of `models.explanation`."""

import json

import driver
import numpy as np
import pytest
from driver import assert_fine, component, fire, html, written

from cnn_demo.images import sample_photos
from cnn_demo.lessons.leads import SWITCH_CHANNELS_OFF
from cnn_demo.models import load
from cnn_demo.models.explanation.channel_ablation import (
    cut_network,
    estimated_losses,
    measured_losses,
    scaled_logits,
)
from cnn_demo.results import percent
from cnn_demo.ui.network import channels_off as page_3
from cnn_demo.ui.network.walk.stages import layer_label
from cnn_demo.ui.pretrained import channels_off as page_4
from cnn_demo.ui.widgets.channel_switches.channel_text import read_channels
from cnn_demo.ui.widgets.channel_switches.grid import points_text

LAYER = "block3_relu"


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def photo():
    return next(sample for sample in sample_photos() if sample.key == "motorcycle").load()


@pytest.fixture(scope="module")
def cut(model, photo):
    return cut_network(model, model.prepare(photo.pixels), LAYER)


def open_tab(photo, page=page_4, link=None):
    folder = "network" if page is page_3 else "pretrained"
    link = {"model": "CIFAR-10 residual network", page.KEYS.layer: LAYER} | (link or {})
    if page is page_3:
        link = {key: value for key, value in link.items() if key.startswith(page.KEYS.prefix)}
        link[page.KEYS.layer] = layer_label(LAYER)
    return driver.open_view(folder, "Switch channels off", photo, link)


def after(model, cut, channels, scale=0.0) -> np.ndarray:
    """Probabilities with some channels multiplied."""
    scales = np.ones((1, cut.channels), np.float32)
    scales[0, list(channels)] = scale
    return model.probabilities(scaled_logits(model, cut, scales)[0])


def sentence(model, cut, channels, label=None, scale=0.0) -> str:
    before = model.probabilities(cut.logits)
    index = int(before.argmax()) if label is None else model.labels.index(label)
    changed = after(model, cut, channels, scale)
    return f"{percent(float(before[index]))} to **{percent(float(changed[index]))}**"


@pytest.mark.parametrize("page", [page_3, page_4])
def test_it_opens_with_the_ten_that_contribute_most_switched_off(model, photo, cut, page):
    best = int(cut.logits.argmax())
    losses = estimated_losses(model, model.prepare(photo.pixels), LAYER, best)
    ten = losses.order()[:10].tolist()
    app = open_tab(photo, page)
    assert SWITCH_CHANNELS_OFF in written(app)
    assert f"**10** of {cut.channels} channels are off" in written(app)
    assert sentence(model, cut, ten) in written(app)
    grid = component(app, f"{page.KEYS.prefix}_grid")
    assert grid["off"] == sorted(ten)
    assert [item["key"] for item in grid["items"]] == losses.order()[:48].tolist()
    assert grid["items"][0]["caption"] == f"{ten[0]}: {points_text(losses.points[ten[0]])}"
    chart = json.loads(app.get_by_key(f"{page.KEYS.prefix}_chart").proto.spec)["data"][0]
    assert chart["x"][:10] == [str(channel) for channel in ten]


def test_a_click_chooses_a_channel_and_the_link_holds_it(model, photo, cut):
    app = open_tab(photo, link={"off_channels": "none"})
    assert f"All {cut.channels} channels are on" in written(app)
    first, second, *_ = (item["key"] for item in component(app, "off_grid")["items"])
    fire(app, "off_grid", "pick", [first, second])
    assert app.session_state["off_channels"] == " ".join(map(str, sorted([first, second])))
    assert sentence(model, cut, [first, second]) in written(app)
    fire(app, "off_grid", "pick", [second, 10_000, "0"])
    assert app.session_state["off_channels"] == str(second)
    changed = after(model, cut, [second])
    assert percent(float(changed.max())) in html(app)


def test_a_link_sets_class_factor_and_channels(model, photo, cut):
    link = {"off_channels": "0-4 9", "off_scale": "1.5", "off_class": "truck"}
    app = open_tab(photo, link=link)
    assert "**6** of" in written(app)
    assert "channels are multiplied by 1.5. **truck**" in written(app)
    assert sentence(model, cut, [0, 1, 2, 3, 4, 9], "truck", 1.5) in written(app)


def test_measured_losses_rank_the_channels(model, photo, cut):
    *_, losses = measured_losses(model, cut, int(cut.logits.argmax()))
    app = open_tab(photo, link={"off_ranking": "Measured"})
    items = component(app, "off_grid")["items"]
    assert [item["key"] for item in items] == losses.order()[:48].tolist()
    assert sentence(model, cut, losses.order()[:10]) in written(app)
    assert "**Measured**: each channel was multiplied by 0" in written(app)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("3 1000 2000-3000", "This layer has channels 0 to 63: 1000, 2000-3000 are ignored."),
        ("three", "“three” is no channel. Please write indices such as 3 17 200-203, or all, none, top10."),
    ],
)
def test_what_cannot_be_read_is_named(photo, text, warning):
    app = open_tab(photo, link={"off_channels": text})
    assert [each.value for each in app.warning] == [warning]


OTHERS = "The chosen channels were those of another {}, so the top ten of this one are chosen now."


def test_another_network_has_other_channels_and_a_link_keeps_its_own(photo):
    app = open_tab(photo, link={"off_channels": "3 5", "off_layer": ""})
    assert not app.info
    app.selectbox(key="model").set_value("efficientnet_lite0").run()
    assert_fine(app)
    assert app.session_state["off_channels"] == "top10"
    assert [each.value for each in app.info] == [OTHERS.format("network")]
    app.slider(key="off_scale").set_value(2.0).run()
    assert not app.info  # it is shown once
    app.session_state["off_channels"] = "3 5"  # as Undo restores both
    app.selectbox(key="model").set_value("cifar10_cnn").run()
    assert "**2** of 128 channels are" in written(app)


def test_too_many_channels_for_the_text_are_refused_in_a_sentence(photo):
    many = " ".join(str(channel) for channel in range(100, 700, 4))
    app = open_tab(photo, link={"model": "EfficientNet-Lite0", "off_layer": "top_conv", "off_channels": many})
    grid = component(app, "off_grid")
    free = next(item["key"] for item in grid["items"] if item["key"] not in grid["off"] and item["key"] > 99)
    fire(app, "off_grid", "pick", [key for key in grid["off"] if key in {i["key"] for i in grid["items"]}] + [free])
    assert app.session_state["off_channels"] == many
    assert "Nothing has changed" in app.info[0].value


def test_another_layer_has_other_channels(photo):
    app = open_tab(photo, link={"off_channels": "3 5"})
    app.selectbox(key="off_layer").set_value("pool").run()
    assert app.session_state["off_channels"] == "top10"
    assert "off_channels" not in app.query_params
    assert [each.value for each in app.info] == [OTHERS.format("layer")]
    assert "**10** of 128 channels are off" in written(app)
    app.button(key="off_all").click().run()
    assert "**128** of 128 channels are off" in written(app)
    app.selectbox(key="off_layer").set_value("stem").run()
    assert "**32** of 32 channels are off" in written(app)
    app.session_state["off_channels"] = "Top 3"
    app.run()
    app.selectbox(key="off_layer").set_value("pool").run()
    assert "**3** of 128 channels are off" in written(app)
    assert not app.info


def test_numbers_and_words_are_read():
    ranked = np.array([4, 0, 3, 1, 2])
    assert read_channels("top2", 5, ranked) == ((0, 4), "")
    assert read_channels(" TOP 3 ", 5, ranked) == ((0, 3, 4), "")
    assert read_channels("4-2,0", 5, ranked) == ((0, 2, 3, 4), "")
    assert read_channels("", 5, ranked) == read_channels("none", 5, ranked) == ((), "")
    assert read_channels("all", 3, ranked)[0] == (0, 1, 2)
