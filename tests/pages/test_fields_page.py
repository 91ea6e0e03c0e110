"""Page 3's receptive fields and shared weights: every kind, every control at its ends, and any photo."""

import driver
import numpy as np
import pytest
from driver import SMALL, assert_fine, component, fire
from streamlit.testing.v1 import AppTest

from cnn_demo.convolution import receptive_field
from cnn_demo.convolution.sharing import layer_costs
from cnn_demo.images import Photo
from cnn_demo.models import ModelUnavailable, load
from cnn_demo.ui.network.fields import trained
from cnn_demo.ui.network.fields.stack_view import KINDS, RANDOM, STRIDED, UNIFORM, stack_layers

STACK, TRAINED, PUBLISHED = KINDS


def open_view(view: str, photo: Photo = SMALL, **state) -> AppTest:
    return driver.open_view("network", view, photo, **state)


def photo_of(height: int, width: int) -> Photo:
    pixels = np.random.default_rng(8).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Photo(pixels, "Some noise", f"noise-{height}-{width}")


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def field_on_page(app: AppTest) -> int:
    return int(metrics(app)["Receptive field"].removesuffix(" px").replace(",", ""))


@pytest.mark.parametrize("weights", [RANDOM, UNIFORM])
@pytest.mark.parametrize("strided", STRIDED)
def test_every_slider_at_its_ends(weights, strided):
    app = open_view("Receptive fields", field_weights=weights, field_strided=strided)
    for depth, kernel, stride, dilation in ((1, 1, 1, 1), (12, 3, 3, 1), (12, 11, 1, 4), (12, 11, 3, 4), (5, 4, 2, 2)):
        for key, value in (("depth", depth), ("kernel", kernel), ("stride", stride), ("dilation", dilation)):
            app.slider(key=f"field_{key}").set_value(value)
        app.run()
        assert_fine(app)
        assert field_on_page(app) == receptive_field(stack_layers(depth, kernel, stride, strided, dilation)).size


def test_the_field_grows_with_depth_and_half_of_the_influence_more_slowly():
    app = open_view("Receptive fields", photo=photo_of(100, 120), field_weights=UNIFORM)
    sizes = []
    for depth in (2, 8):
        app.slider(key="field_depth").set_value(depth).run()
        sizes.append((field_on_page(app), int(metrics(app)["Effective receptive field"].removesuffix(" px"))))
    assert [field for field, _ in sizes] == [5, 17]
    assert sizes[1][1] / sizes[0][1] < 17 / 5


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (600, 900)])
@pytest.mark.parametrize("kind", KINDS)
def test_any_photo(kind, size):
    app = open_view("Receptive fields", photo=photo_of(*size), field_what=kind)
    for key, event in (("field_photo", STACK), ("field_trained", TRAINED), ("field_published", PUBLISHED)):
        if kind == event:
            fire(app, key, "point", {"row": 0, "column": 0})
            assert_fine(app)


def test_a_click_selects_another_unit():
    app = open_view("Receptive fields", photo=photo_of(90, 120))
    first = component(app, "field_photo")["marks"][0]
    assert first["row"] + first["height"] // 2 == pytest.approx(45, abs=1)
    fire(app, "field_photo", "point", {"row": 20, "column": 100})
    moved = component(app, "field_photo")["marks"][0]
    assert (moved["row"] + moved["height"] // 2, moved["column"] + moved["width"] // 2) == (20, 100)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_arrow_key_moves_from_unit_to_unit(stride):
    """A key press picks the pixel `step` beside the frame's middle: it must be another unit's."""
    app = open_view(
        "Receptive fields", photo=photo_of(90, 120), field_stride=stride, field_strided="All", field_depth=3
    )
    shown = component(app, "field_photo")
    mark = shown["marks"][0]
    column = mark["column"] + mark["width"] // 2 + shown["step"][1]
    fire(app, "field_photo", "point", {"row": mark["row"] + mark["height"] // 2, "column": column})
    assert component(app, "field_photo")["marks"][0]["column"] == mark["column"] + stride**3


def test_the_published_fields_are_on_the_page():
    app = open_view("Receptive fields", field_what=PUBLISHED)
    fields = app.table[0].value["Receptive field"].tolist()
    assert fields == ["195 px", "212 px", "315 px", "483 px", "1,311 px"]
    for title in ("AlexNet v2", "ResNet-50", "Inception-v3"):
        app.get_by_key("field_network").set_value(title).run()
        assert_fine(app)
    mark = component(app, "field_published")["marks"][0]
    assert (mark["height"], mark["width"]) == (1311, 1311)


@pytest.mark.parametrize("name", ["stem", "block2_shortcut", "block3_relu", "block5_relu"])
def test_the_bundled_network(name):
    app = open_view("Receptive fields", field_what=TRAINED, field_layer=name)
    layer = next(layer for layer in load("cifar10_cnn").layers if layer.name == name)
    assert field_on_page(app) == layer.field.size
    app.selectbox(key="field_channel").set_value(str(layer.shape[2] - 1)).run()
    assert_fine(app)
    app.selectbox(key="field_layer").set_value("stem_relu").run()  # it has fewer channels
    assert_fine(app)
    rows = app.table[0].value
    assert rows.index.tolist()[0] == "Stem · output"
    assert rows["Receptive field"].tolist() == ["5 px", "9 px", "15 px", "23 px", "35 px", "51 px"]


def test_all_sample_photos():
    app = open_view("Receptive fields", field_what=TRAINED, field_over="All sample photos")
    assert field_on_page(app) == 23


def test_without_the_weights_the_other_views_still_work(monkeypatch):
    def missing(key):
        raise ModelUnavailable("The weights are not on this machine.")

    monkeypatch.setattr(trained, "load_classifier", missing)
    app = open_view("Receptive fields", field_what=TRAINED)
    assert "The weights are not on this machine." in app.info[0].value
    app.get_by_key("field_what").set_value(STACK).run()
    assert_fine(app)
    assert field_on_page(app) == 17


@pytest.mark.parametrize("drawn", ["Row of 8 pixels", "Image of 5 × 5"])
def test_sharing_at_the_ends_of_its_sliders(drawn):
    app = open_view("Weight sharing", share_drawn=drawn)
    for values in ((4, 1, 1, 1, 1), (4, 11, 4, 1, 1), (64, 11, 1, 128, 128), (64, 4, 3, 3, 128)):
        for key, value in zip(("side", "kernel", "stride", "in", "out"), values, strict=True):
            app.slider(key=f"share_{key}").set_value(value)
        app.run()
        assert_fine(app)
        side, kernel, stride, inputs, outputs = values
        costs = layer_costs((side, side), kernel, stride, inputs, outputs)
        table = app.table[0].value
        assert table["Weights"].tolist() == [f"{cost.parameters:,}" for cost in costs.values()]
        ratio = float(app.metric[0].value.replace(",", ""))
        assert ratio == pytest.approx(costs["dense"].parameters / costs["convolution"].parameters, abs=0.51)


def differences(app: AppTest) -> dict[str, str]:
    texts = [text.value for text in app.markdown if "maximum difference" in text.value]
    return {text.split("**")[1]: text.split("**")[3] for text in texts}


@pytest.mark.parametrize("shift", [0, 5, 12])
def test_only_the_convolution_follows_the_photo(shift):
    app = open_view("Weight sharing", share_shift=shift)
    measured = differences(app)
    assert measured["Convolution"] == "0.0%"
    for name in ("Dense", "Locally connected"):
        assert (measured[name] == "0.0%") == (shift == 0)


def test_a_shift_between_two_strides_has_a_note():
    app = open_view("Weight sharing", share_shift=3, share_stride=2)
    assert differences(app)["Convolution"] != "0.0%"
    assert any("no multiple of the stride" in caption.value for caption in app.caption)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_sharing_on_any_photo(size):
    app = open_view("Weight sharing", photo=photo_of(*size), share_kernel=11, share_stride=4, share_shift=4)
    assert differences(app)["Convolution"] == "0.0%"
