"""Page 7, second half: inside a U-Net, upsampling, painting and architectures; the page shows the computed values."""

from dataclasses import replace

import driver
import numpy as np
import pytest
from driver import assert_fine, component, draw, html, written
from planted_masks import FEW, SIZE, planted_map
from streamlit.testing.v1 import AppTest

from cnn_demo import models
from cnn_demo.drawing.palette import as_hex, class_colours
from cnn_demo.drawing.shapes import ERASER, Shape, rasterize
from cnn_demo.images import Photo
from cnn_demo.models import find, frameworks
from cnn_demo.models.catalogue.registry import BUNDLED_OPTIONS, PET_LABELS, STRIDE_4_OPTIONS
from cnn_demo.models.segmentation.architectures import Cost
from cnn_demo.models.segmentation.unets import ARCHITECTURES, SKIPS

PHOTO = Photo(np.random.default_rng(4).integers(0, 256, (96, 128, 3), dtype=np.uint8), "blots.jpg", "digest-blots")
STREET = Photo(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8), "street.jpg", "digest-street")
OWN = replace(
    find("fcn_resnet50"), key="own_unet", title="Own U-Net", family="smp", builder="Unet", input_size=(64, 64),
    options=tuple(BUNDLED_OPTIONS.items()), labels=PET_LABELS, weights="own_unet.safetensors", scaling="tf",
)  # fmt: skip


SHORT = replace(
    OWN,
    key="short_unet",
    title="Short U-Net",
    options=tuple(STRIDE_4_OPTIONS.items()),
    weights="short_unet.safetensors",
)


def open_view(view: str, photo: Photo = PHOTO, link: dict | None = None) -> AppTest:
    return driver.open_view("segmentation", view, photo, link)


def save_random_weights(spec, folder):
    from safetensors.torch import save_file

    from cnn_demo.models.segmentation.segmenters import build_smp

    torch = frameworks.torch()
    torch.manual_seed(2)
    network = build_smp(spec).train()
    with torch.no_grad():
        network(torch.rand(4, 3, 64, 96) * 2 - 1)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / spec.weights)


@pytest.fixture
def own_unet(no_models, monkeypatch, tmp_path):
    """U-Nets with random weights instead of the bundled ones, which predict only background for noise."""
    save_random_weights(OWN, tmp_path)
    save_random_weights(SHORT, tmp_path)
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    others = (spec for spec in models.MODELS if spec.builder != "Unet")
    monkeypatch.setattr(models, "MODELS", (*others, OWN, SHORT))


def test_skips_are_switched_off_one_by_one(own_unet):
    app = open_view("Inside a U-Net")
    assert app.metric[0].value == "1.000"
    assert app.metric[1].value == "0.0%"
    table = app.dataframe[0].value
    assert table["switched off"].tolist() == [*(f"1/{stride}" for stride in SKIPS), "all of them"]
    app.button_group(key="skips_on").set_value([]).run()
    assert_fine(app)
    assert app.metric[0].value == f"{table['mean IoU'].iloc[-1]:.3f}"
    assert float(app.metric[0].value) < 1


def test_a_skip_that_a_network_lacks_is_not_offered(own_unet):
    app = open_view("Inside a U-Net")
    pills = lambda: app.button_group(key="skips_on")  # noqa: E731
    assert pills().options == ["1/2", "1/4", "1/8", "1/16"]
    app.selectbox(key="unet").set_value("short_unet").run()
    assert_fine(app)
    assert pills().options == pills().value == ["1/4", "1/8", "1/16"]
    pills().set_value(["1/4"]).run()
    assert_fine(app)
    app.selectbox(key="unet").set_value("own_unet").run()
    assert_fine(app)
    assert pills().value == ["1/4"]
    pills().set_value(["1/2", "1/4"]).run()
    app.selectbox(key="unet").set_value("short_unet").run()
    assert_fine(app)
    assert pills().value == ["1/4"]


def test_a_link_may_name_a_skip_that_the_network_lacks(own_unet):
    app = open_view("Inside a U-Net", link={"unet": "Short U-Net", "skips_on": "1/2,1/8"})
    assert set(app.button_group(key="skips_on").value) <= {"1/4", "1/8", "1/16"}


def test_every_step_has_its_maps(own_unet):
    shown = html(open_view("Inside a U-Net"))
    for part, strides in (("Encoder", (2, 4, 8, 16, 32)), ("Decoder", (1, 2, 4, 8, 16))):
        for stride in strides:
            assert f"{part} 1/{stride}" in shown


def test_without_a_u_net_the_view_has_a_message(segmenters):
    app = AppTest.from_function(tab_script, default_timeout=200, args=(PHOTO,)).run()
    assert not app.exception
    assert "None of the models on this machine" in app.error[0].value


def tab_script(photo):
    from functools import partial

    from cnn_demo.ui.page.tabs import fill_open_tab
    from cnn_demo.ui.segmentation.unet_internals import inside_view

    fill_open_tab("task", {"Inside a U-Net": partial(inside_view, photo)})


def test_a_checkerboard_appears_and_disappears():
    app = open_view("Upsampling")
    assert "Neighbouring pixels get different numbers of copies" in html(app)
    app.slider(key="up_kernel").set_value(4).run()
    assert_fine(app)
    assert "no checkerboard" in html(app)
    app.slider(key="up_kernel").set_value(3).run()
    app.selectbox(key="up_weights").set_value("A pyramid: bilinear").run()
    assert "slopes add up" in html(app)


def rectangle(class_id: int, top: int, bottom: int, left: int, right: int) -> Shape:
    return Shape("polygon", class_id, ((left, top), (right, top), (right, bottom), (left, bottom)))


def test_before_anything_is_painted_the_page_explains_how(segmenters):
    app = open_view("Paint the ground truth", STREET, {"segmenter": FEW})
    assert "Paint the ground truth" in app.info[0].value


def test_painted_masks_are_scored(segmenters):
    labels = find("lraspp_mobilenet_v3_large").labels
    bus = labels.index("bus")
    predicted = planted_map(labels, SIZE)
    app = open_view("Paint the ground truth", STREET, {"segmenter": FEW})
    app.toggle(key="paint_blanks").set_value(False).run()
    within, outside = rectangle(bus, 40, 180, 80, 580), rectangle(0, 0, 12, 0, 640)
    draw(app, "paint_canvas", [within])
    assert_fine(app)
    assert not app.metric  # nothing around it counts
    assert "only bus" in app.info[0].value
    draw(app, "paint_canvas", [within, outside])
    assert_fine(app)
    assert app.metric[0].value == "1.000"
    assert f"Mean IoU **1.000** · pixel accuracy **{app.metric[1].value}**" in written(app)
    assert (predicted[40:180, 80:580] == bus).all()
    assert not predicted[:12].any()
    table = app.dataframe[0].value.set_index("class")
    assert table.loc["bus", "IoU"] == pytest.approx(1)
    beyond = [rectangle(bus, 40, 320, 80, 580), outside, Shape("stroke", ERASER, ((100, 100),), 60)]
    draw(app, "paint_canvas", beyond)
    app.slider(key="paint_width").set_value(10).run()
    assert component(app, "paint_canvas")["brush"] == 64
    painted = rasterize(beyond, SIZE, SIZE, 255) == bus
    fraction = float((predicted[painted] == bus).mean())
    assert app.dataframe[0].value.set_index("class").loc["bus", "IoU"] == pytest.approx(fraction, abs=0.02)
    app.toggle(key="paint_blanks").set_value(True).run()
    overlap = (predicted == bus) & painted
    union = (predicted == bus) | painted
    table = app.dataframe[0].value.set_index("class")
    assert table.loc["bus", "IoU"] == pytest.approx(overlap.sum() / union.sum(), abs=0.02)


@pytest.mark.parametrize(("way", "tool"), [("Brush", "brush"), ("Polygon", "polygon"), ("Eraser", "eraser")])
def test_the_tool_is_in_the_link_and_a_class_has_its_colour(segmenters, way, tool):
    app = open_view("Paint the ground truth", STREET, {"segmenter": FEW, "paint_way": way})
    labels = find("lraspp_mobilenet_v3_large").labels
    app.selectbox(key="paint_class").set_value("bus").run()
    data = component(app, "paint_canvas")
    assert data["tool"] == tool
    colour = class_colours(labels)[labels.index("bus")]
    assert data["classes"][data["classId"]] == ["bus", as_hex(colour)]


def test_architectures_are_measured_on_request(monkeypatch):
    calls = []

    def cost(architecture, encoder, side, **_device):
        calls.append((architecture, encoder, side))
        known = architecture not in ("DeepLabV3", "PAN")
        return Cost(architecture, encoder, 14_300_000, 3_100_000, 5_000_000_000, 12.0 + len(calls)) if known else None

    monkeypatch.setattr("cnn_demo.ui.segmentation.architectures.cost_of", cost)
    app = open_view("Architectures", link={"smp_side": "128 × 128 pixels"})
    assert not app.dataframe
    assert not calls
    app.button(key="smp_measure").click().run()
    assert_fine(app)
    assert [name for name, _, _ in calls] == list(ARCHITECTURES)
    table = app.dataframe[0].value
    assert len(table) == len(ARCHITECTURES) - 2
    assert "**U-Net** is the quickest" in written(app)
    assert "Not with ResNet-18: DeepLabV3, PAN" in written(app).replace("PAN, DeepLabV3", "DeepLabV3, PAN")
