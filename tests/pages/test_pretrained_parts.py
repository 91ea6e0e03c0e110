"""Page 4, parts: the page shows the parts of `models.explanation.parts`."""

import driver
import numpy as np
import pytest
from driver import assert_fine, component, fire, html, written

from cnn_demo.images import sample_photos
from cnn_demo.lessons.leads import PARTS
from cnn_demo.models import load
from cnn_demo.models.explanation.feature_maps import feature_maps, rectified_layers
from cnn_demo.models.explanation.parts import Parts, factorize, part_evidence
from cnn_demo.results import percent
from cnn_demo.ui.pretrained import parts as tab


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def photo():
    return next(sample for sample in sample_photos() if sample.key == "motorcycle").load()


def open_tab(photo, link=None):
    return driver.open_view("pretrained", "Parts", photo, {"model": "CIFAR-10 residual network"} | (link or {}))


@pytest.mark.parametrize(("layer", "count"), [("block5_relu", 4), ("stem_relu", 2)])
def test_parts_with_their_activation_and_classes(model, photo, layer, count):
    assert layer in rectified_layers(model.network)
    seen = model.prepare(photo.pixels)
    maps = feature_maps(model, seen, layer)
    found = factorize(maps, count)
    evidence = part_evidence(model, seen, layer, maps, found)
    app = open_tab(photo, {tab.LAYER: layer, tab.COUNT: str(count)})
    assert PARTS in written(app)
    assert f"**{count} parts reconstruct {percent(found.explained)} of the maps of" in written(app)
    assert ("are exact" in written(app)) == evidence.exact == (layer == "block5_relu")
    assert len(component(app, "parts_tiles")["items"]) == count
    for index in range(count):
        assert f"{model.labels[evidence.favourites[index]]} {tab.signed(evidence.relative[index].max())}" in html(app)
        assert percent(float(found.fractions[index])) in html(app)


def test_a_part_is_opened_and_closed_by_a_click_and_the_link_keeps_it(photo):
    app = open_tab(photo)
    assert component(app, "parts_tiles")["chosen"] is None
    fire(app, "parts_tiles", "pick", 3)
    assert_fine(app)
    assert app.session_state[tab.SHOWN] == 3
    assert component(app, "parts_picture")["caption"].startswith("Part 3: ")
    assert app.query_params[tab.SHOWN] in ("3", ["3"])
    app.slider(key=tab.COUNT).set_value(2).run()  # there is no third part any more
    assert_fine(app)
    assert component(app, "parts_picture")["caption"].startswith("Each pixel")
    fire(app, "parts_tiles", "pick", 1)
    fire(app, "parts_tiles", "pick", 1)
    assert app.session_state[tab.SHOWN] == 0
    for wrong in ("7", "x", "-1"):
        assert component(open_tab(photo, {tab.SHOWN: wrong}), "parts_picture")["caption"].startswith("Each pixel")


def test_parts_are_painted_where_they_are():
    maps = np.zeros((2, 4, 2), np.float32)
    maps[:, :2, 0], maps[:, 2:, 1] = 4, 4
    parts = Parts(maps, np.eye(2, dtype=np.float32), 1.0)
    seen = np.full((20, 40, 3), 100, np.uint8)
    both, second = tab.painted(seen, parts, 0, 1.0), tab.painted(seen, parts, 2, 1.0)
    colours = tab.distinct_colours(2)
    assert both[10, 5].tolist() == colours[0].tolist()
    assert both[10, 35].tolist() == second[10, 35].tolist() == colours[1].tolist()
    assert second[10, 5].tolist() == [45, 45, 45]
    np.testing.assert_array_equal(tab.painted(seen, parts, 0, 0.0), seen)
