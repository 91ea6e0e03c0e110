"""Page 4, explain and feature maps: the pictures agree with the network's maps, composed here by hand.

Pictures of 32 × 32 pixels are sent as PNG, larger ones as JPEG: most tests use the smallest network, to be exact.
"""

import base64
import io
import json
import re
from html import unescape
from types import SimpleNamespace

import cv2
import driver
import numpy as np
import pytest
from driver import assert_fine, component, fire, picture
from PIL import Image
from streamlit.testing.v1 import AppTest

from cnn_demo.images import sample_photos
from cnn_demo.models import load
from cnn_demo.models.explanation.curves import (
    deletion_curve,
    insertion_curve,
    random_deletion_curve,
    random_insertion_curve,
)
from cnn_demo.models.explanation.explain import METHODS, convolutional_layers, explain
from cnn_demo.models.explanation.feature_maps import feature_maps, map_layers
from cnn_demo.ui.pretrained import deletion_check, explanations
from cnn_demo.ui.pretrained import feature_maps as pretrained_maps

SEEN = "Input of the network"


@pytest.fixture(autouse=True)
def _only_the_bundled_networks(monkeypatch, tmp_path):
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def photo():
    return next(sample for sample in sample_photos() if sample.key == "chelsea").load()


def open_view(view: str, photo, link=None, network="CIFAR-10 residual network") -> AppTest:
    return driver.open_view("pretrained", view, photo, ({"model": network} if network else {}) | (link or {}))


def shown_maps(app) -> dict[str, np.ndarray]:
    """Title of each picture of the grid, and its pixels."""
    html = next(element.proto.body for element in app.get("html") if "<figure" in element.proto.body)
    found = {}
    for source, alt, title in re.findall(r'<img src="([^"]+)" alt="([^"]+)".*?<b>(.*?)</b>', html):
        assert "cat" in alt  # each has an alternative text
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
            found[unescape(title)] = np.asarray(image)
    return found


def composed(seen: np.ndarray, values: np.ndarray, opacity: float) -> np.ndarray:
    """The map over the photo, by the formula."""
    heat = cv2.applyColorMap(np.rint(values * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return (1 - opacity) * seen.astype(float) + opacity * heat


def assert_shows(pixels: np.ndarray, expected: np.ndarray) -> None:
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() <= 5.5  # the last bits of a gradient may move a colour by one step


def test_maps_over_the_photo(model, photo):
    seen, prediction = model.prepare(photo.pixels), model.predict(photo.pixels)
    label = model.labels.index(prediction.top(1)[0][0])
    layers = convolutional_layers(model.network)
    grad_cam = explain(model, seen, label, "grad_cam", layers[-1])
    assert grad_cam.max() == 1  # or this photo would show nothing

    app = open_view("Explain", photo)
    found = shown_maps(app)
    assert list(found) == [SEEN, "Grad-CAM", "Integrated gradients"]
    np.testing.assert_array_equal(found[SEEN], seen)
    assert_shows(found["Grad-CAM"], composed(seen, grad_cam, 0.6))
    assert app.selectbox(key=explanations.CLASS).options[:5] == [name for name, _ in prediction.top(5)]
    assert sorted(app.selectbox(key=explanations.CLASS).options) == sorted(model.labels)
    assert tuple(app.selectbox(key=explanations.LAYER).options) == layers

    # The check: the areas that are shown are those of the curves, and both charts have all curves on named axes.
    table = next(element.value for element in app.markdown if "Area under the curve" in element.value)
    row = r"^\| (\w.*?) \| (\d\.\d+) \| (\d\.\d+) \|$"
    areas = {title: (float(one), float(two)) for title, one, two in re.findall(row, table, re.MULTILINE)}
    gradients = explain(model, seen, label, "integrated_gradients", None)
    orders = {"Grad-CAM": grad_cam, "Integrated gradients": gradients}
    expected = {
        title: (deletion_curve(model, seen, label, order).area, insertion_curve(model, seen, label, order).area)
        for title, order in orders.items()
    }
    chance = random_deletion_curve(model, seen, label).area, random_insertion_curve(model, seen, label).area
    expected["Random order"] = chance
    assert areas == {title: pytest.approx(pair, abs=0.002) for title, pair in expected.items()}
    charts = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    for chart, way in zip(charts, ("removed", "inserted"), strict=True):
        assert [line["name"] for line in chart["data"]] == list(areas)
        assert chart["layout"]["xaxis"]["title"]["text"] == f"fraction of pixels {way}"
        assert chart["layout"]["yaxis"]["title"]["text"] == "probability of the class"

    # The sentence agrees with the areas.
    margin = deletion_check.MARGIN
    for title in orders:
        deletion, insertion = areas[title]
        words = deletion_check.VERDICTS[deletion < chance[0] - margin, insertion > chance[1] + margin]
        assert re.search(rf"\*\*[^*]*{title}[^*]*: {words}\.\*\*", table)

    app.slider(key=explanations.OPACITY).set_value(0).run()
    np.testing.assert_array_equal(shown_maps(app)["Grad-CAM"], seen)


def test_the_default_network_has_a_thousand_classes(photo):
    lite = load("efficientnet_lite0")
    seen, (label, _) = lite.prepare(photo.pixels), lite.predict(photo.pixels).top(1)[0]
    values = explain(lite, seen, lite.labels.index(label), "grad_cam", "top_conv")
    app = open_view("Explain", photo, network=None)
    assert app.selectbox(key="model").value == "efficientnet_lite0"
    assert np.abs(shown_maps(app)["Grad-CAM"] - composed(seen, values, 0.6)).mean() < 5
    app = open_view("Feature maps", photo, network=None)
    assert grid(app)["items"][0]["key"] == feature_maps(lite, seen, "stem_conv").mean(axis=(0, 1)).argmax()


def quick_explain(model, seen, label_index, method, layer=None, progress=None):
    """The real methods, except for those that run the network many times: their map depends only on their arguments."""
    if method not in explanations.SLOW:
        return explain(model, seen, label_index, method, layer)
    for fraction in (0.5, 1.0):
        progress(fraction)
    seed = [label_index, list(METHODS).index(method), len(layer or "")]
    return np.random.default_rng(seed).random(seen.shape[:2], dtype=np.float32)


def test_every_method_for_another_class_at_another_layer(model, photo, monkeypatch):
    monkeypatch.setattr(explanations, "explain", quick_explain)
    seen = model.prepare(photo.pixels)
    top = model.predict(photo.pixels).top(2)
    other, layer = model.labels.index(top[1][0]), convolutional_layers(model.network)[-4]
    link = {deletion_check.CHECK: "false", explanations.CLASS: top[1][0], explanations.LAYER: layer}
    link[explanations.SHOWN] = [method.title for method in METHODS.values()]
    link[explanations.OPACITY] = "100"
    app = open_view("Explain", photo, link)
    assert not app.get("plotly_chart")
    found = shown_maps(app)
    assert list(found) == [SEEN, *(method.title for method in METHODS.values())]
    for key, method in METHODS.items():
        own = quick_explain(model, seen, other, key, layer if method.needs_layer else None, progress=lambda _: None)
        assert_shows(found[method.title], composed(seen, own, 1))

    app.selectbox(key=explanations.CLASS).set_value(top[0][0]).run()
    assert_fine(app)
    heatmap = explain(model, seen, model.labels.index(top[0][0]), "layer_cam", layer)
    assert_shows(shown_maps(app)["Layer-CAM"], composed(seen, heatmap, 1))
    assert np.abs(shown_maps(app)["Layer-CAM"] - found["Layer-CAM"].astype(int)).max() > 20

    app.pills(key=explanations.SHOWN).set_value([]).run()
    assert_fine(app)
    assert list(shown_maps(app)) == [SEEN]


def test_feature_maps_come_in_the_order_of_their_means(model, photo):
    seen = model.prepare(photo.pixels)
    app = open_view("Feature maps", photo)
    first = convolutional_layers(model.network)[0]
    maps = feature_maps(model, seen, first)
    order = np.argsort(-maps.mean(axis=(0, 1)), kind="stable")
    assert tuple(app.selectbox(key=pretrained_maps.LAYER).options) == map_layers(model.network)
    assert [item["key"] for item in grid(app)["items"]] == order.tolist()
    assert grid(app)["chosen"] == order[0]

    network = model.network
    wide = next(name for name in map_layers(network) if network.get_layer(name).output.shape[-1] > 64)
    app.selectbox(key=pretrained_maps.LAYER).set_value(wide).run()
    maps = feature_maps(model, seen, wide)
    order = np.argsort(-maps.mean(axis=(0, 1)), kind="stable")
    assert [item["key"] for item in grid(app)["items"]] == order[:64].tolist()
    assert any(f"{' × '.join(map(str, maps.shape))}" in element.value for element in app.markdown)

    app.toggle(key=pretrained_maps.ALL).set_value(True).run()
    assert [item["key"] for item in grid(app)["items"]] == order.tolist()

    weakest = int(order[-1])
    fire(app, "maps_grid", "pick", weakest)
    assert_fine(app)
    assert grid(app)["chosen"] == weakest
    shown, pixels = picture(app, "maps_open")
    assert f"Channel {weakest}:" in shown["caption"]
    assert np.abs(pixels - seen.astype(int)).max() > 20

    app.slider(key=pretrained_maps.OPACITY).set_value(0).run()
    np.testing.assert_array_equal(picture(app, "maps_open")[1], seen)


def grid(app) -> dict:
    return component(app, "maps_grid")


@pytest.mark.parametrize("value", ["nonsense", "nan"])
def test_invalid_links_still_open(photo, value):
    keys = [key for key in explanations.DEFAULTS if key != deletion_check.CHECK]
    app = open_view("Explain", photo, dict.fromkeys(keys, value) | {deletion_check.CHECK: "false"})
    assert SEEN in shown_maps(app)
    app = open_view("Feature maps", photo, dict.fromkeys(pretrained_maps.DEFAULTS, value) | {"maps_channel": "1e9"})
    assert grid(app)["items"]


def test_the_check_names_the_maps_that_are_better_than_random():
    areas = {"Grad-CAM": (0.2, 0.6), "Occlusion": (0.495, 0.501), "Score-CAM": (0.7, 0.6), "Layer-CAM": (0.3, 0.7)}
    curves = {
        title: deletion_check.Curves(SimpleNamespace(area=deletion), SimpleNamespace(area=insertion))
        for title, (deletion, insertion) in {**areas, deletion_check.RANDOM: (0.5, 0.5)}.items()
    }
    assert deletion_check.verdict(curves) == (
        "**Grad-CAM, Layer-CAM: better than random here, in both tests.** **Score-CAM: better than random here by "
        "insertion, not by deletion.** **Occlusion: no better than random here.**"
    )
