"""Page 2: stacks are built, refused and linked; every view shows computed values, for photos of any size."""

import base64
import itertools
from functools import partial

import cv2
import driver
import numpy as np
import pytest
from driver import PAGE_2, SMALL, assert_fine, component, fire, open_app, written

from cnn_demo.convolution import activate, convolve, pool, pool_gradient
from cnn_demo.convolution.stack import MAX_LAYERS, ConvLayer, PoolLayer, plan_stack, run_stack
from cnn_demo.convolution.stack_text import parse_stack
from cnn_demo.images import Photo
from cnn_demo.lessons.layers import MISCONCEPTIONS
from cnn_demo.ui.layers.invariance_measures import DISTORTIONS, POOLINGS, Question, curves
from cnn_demo.ui.layers.maps import learned_kernels
from cnn_demo.ui.layers.pooled import FOURTH, MAPS, TAPS
from cnn_demo.ui.layers.settings import DEFAULTS, PRESETS, VIEWS
from cnn_demo.ui.layers.step_through import OPERATIONS

open_page = partial(driver.open_page, PAGE_2)
STACK, POOL, WALK, FORGIVE = VIEWS
IMAGE = SMALL.pixels.astype(np.float32) / 255


def shapes(app) -> list[tuple[int, ...]]:
    return [tuple(volume["shape"]) for volume in component(app, "row_of_layers")["volumes"]]


def as_text(app):
    return next(field for field in app.text_input if field.label == "Stack as text")


def press(app, label: str):
    return next(button for button in app.button if button.label == label).click().run()


# Build a stack ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_stack_is_shown_completely(name):
    app = open_page(photo=None, stack="c4.3.1.same.1.relu.hand")
    assert app.selectbox(key="preset").value is None
    app.selectbox(key="preset").set_value(name).run()
    assert_fine(app)
    assert app.session_state["stack"] == PRESETS[name]
    assert app.selectbox(key="preset").value == name
    layers = parse_stack(PRESETS[name])
    plan = plan_stack((170, 256), layers)
    assert shapes(app) == [(170, 256, 3), *(step.shape for step in plan.layers)]
    table = app.table[0].value
    assert table["Parameters"].tolist()[:-1] == [f"{step.parameters:,}" for step in plan.layers]
    assert table["Multiply-adds"].tolist()[-1] == f"{sum(step.multiply_adds for step in plan.layers):,}"
    assert table["Receptive field"].tolist()[:-1] == [
        " × ".join(str(field.size) for field in step.fields) for step in plan.layers
    ]
    for number in range(1, len(layers) + 1):
        app.segmented_control(key="layer").set_value(number).run()
        assert_fine(app)
        assert len(component(app, "maps")["tiles"]) == plan.layers[number - 1].shape[2]


def test_layers_are_added_moved_and_removed():
    app = open_page(stack="c4.3.1.same.1.relu.hand")
    press(app, "Add pooling")
    assert app.session_state["stack"] == "c4.3.1.same.1.relu.hand_pmax.2.2"
    assert app.session_state["layer"] == 2
    press(app, "Move left")
    assert app.session_state["stack"] == "pmax.2.2_c4.3.1.same.1.relu.hand"
    assert shapes(app) == [(30, 40, 3), (15, 20, 3), (15, 20, 4)]
    press(app, "Move right")
    press(app, "Remove")
    assert app.session_state["stack"] == "c4.3.1.same.1.relu.hand"
    for _ in range(MAX_LAYERS - 1):
        press(app, "Add convolution")
    assert_fine(app)
    assert len(parse_stack(app.session_state["stack"])) == MAX_LAYERS
    assert all(b.disabled for b in app.button if b.label in ("Add convolution", "Add pooling", "Move right"))
    assert all(f"at most {MAX_LAYERS}" in b.help for b in app.button if b.label in ("Add convolution", "Add pooling"))
    for _ in range(MAX_LAYERS - 1):
        press(app, "Remove")
    assert next(b for b in app.button if b.label == "Remove").disabled
    assert_fine(app)


@pytest.mark.parametrize("source", ["hand", "random", "learned"])
def test_every_control_of_a_convolution_at_its_ends(source):
    size = 5 if source == "learned" else 3
    app = open_page(stack=f"c8.{size}.1.same.1.relu.{source}")
    for name, ends in {"filters": (1, 32), "size": (1, 11), "stride": (1, 4), "dilation": (1, 4)}.items():
        slider = app.slider(key=f"l1_{name}")
        assert (slider.min, slider.max) == ends
        if slider.disabled:
            continue
        for value in (*ends, 2):
            app.slider(key=f"l1_{name}").set_value(value).run()
            assert_fine(app)
            assert getattr(parse_stack(app.session_state["stack"])[0], name) == value
    app.segmented_control(key="l1_padding").set_value("pixels").run()
    app.slider(key="l1_pad").set_value(16).run()
    assert parse_stack(app.session_state["stack"])[0].padding == 16
    app.selectbox(key="l1_activation").set_value("tanh").run()
    assert_fine(app)
    layer = parse_stack(app.session_state["stack"])[0]
    assert shapes(app)[1] == run_stack(IMAGE, (layer,), learned_kernels()).shape


def test_a_source_of_filters_is_chosen():
    app = open_page(stack="c4.3.1.same.1.relu.hand_c4.3.1.same.1.relu.hand")
    app.segmented_control(key="l1_source").set_value("learned").run()
    assert_fine(app)
    assert app.session_state["stack"].startswith("c16.5.1.same.1.relu.learned_")
    app.segmented_control(key="layer").set_value(2).run()
    assert app.segmented_control(key="l2_source").options == ["Hand-made", "Random"]
    app.segmented_control(key="l2_source").set_value("random").run()
    app.number_input(key="l2_seed").set_value(7).run()
    assert app.session_state["stack"].endswith(".random7")
    assert_fine(app)


def test_every_control_of_a_pooling():
    app = open_page(stack="pmax.2.2", link={"layer": "1"})
    ends = itertools.cycle(((1, 1), (8, 8), (1, 8), (8, 1), (8, 8)))
    for kind in ("average", "min", "l2", "blur", "smooth", "skip", "max"):
        size, stride = next(ends)
        app.selectbox(key="l1_kind").set_value(kind).run()
        app.slider(key="l1_window").set_value(size).run()
        app.slider(key="l1_step").set_value(stride).run()
        assert_fine(app)
        assert parse_stack(app.session_state["stack"]) == (PoolLayer(kind, size, stride),)
    app.toggle(key="l1_global").set_value(True).run()
    assert_fine(app)
    assert app.session_state["stack"] == "pmax.global"
    assert shapes(app) == [(30, 40, 3), (1, 1, 3)]
    assert f"{IMAGE[..., 0].max():.3g}" in component(app, "maps")["tiles"][0]["title"]


def test_a_layer_that_does_not_fit_gets_a_sentence_and_the_maps_before_it_stay():
    app = open_page(stack="c4.3.1.same.1.relu.hand_pmax.8.8_pmax.8.8_pmax.2.2", layer=3)
    assert app.warning[0].value == "Layer 3 does not fit. The window of 8 × 8 is larger than the map of 3 × 5."
    assert shapes(app) == [(30, 40, 3), (30, 40, 4), (3, 5, 4)]
    assert component(app, "row_of_layers")["problem"].startswith("3 · ")
    assert "these are the maps of layer 2" in written(app)
    app.slider(key="l3_window").set_value(2).run()
    app.slider(key="l3_step").set_value(1).run()
    assert_fine(app)
    assert shapes(app)[3:] == [(2, 4, 4), (1, 2, 4)]


def test_a_stack_of_which_nothing_fits_can_be_repaired():
    app = open_page(stack="c4.11.1.valid.4.relu.hand")
    assert len(app.warning) == 1
    assert shapes(app) == [(30, 40, 3)]
    app.slider(key="l1_dilation").set_value(1).run()
    assert_fine(app)
    assert len(shapes(app)) == 2


def test_bad_text_gets_one_sentence_and_the_first_stack():
    app = open_page()
    for text in ("oops", "", "pmax.2.2_", "c99.3.1.same.1.relu.hand", "<script>alert(1)</script>"):
        as_text(app).set_value(text).run()
        assert_fine(app, errors=1)
        assert app.error[0].value.startswith("Please ")
        assert len(shapes(app)) == 1 + len(parse_stack(DEFAULTS["stack"]))
    as_text(app).set_value("pmin.3.3").run()
    assert_fine(app)


def test_bad_text_in_the_link_can_be_corrected_and_leaves_the_link():
    app = open_app(PAGE_2, link={"stack": "garbage"})
    assert_fine(app, errors=1)
    assert as_text(app).value == "garbage"
    assert "stack" not in app.query_params
    assert_fine(open_app(PAGE_2, link=dict(app.query_params)))  # a reload
    as_text(app).set_value("pmin.3.3").run()
    assert_fine(app)
    assert app.query_params["stack"] == "pmin.3.3"
    as_text(app).set_value("pmin.3.").run()
    assert_fine(app, errors=1)
    assert "stack" not in app.query_params  # the default stack is shown


def test_learned_kernels_that_are_missing_are_left_out(monkeypatch):
    monkeypatch.setattr("cnn_demo.ui.layers.maps.learned_kernels", lambda: None)
    monkeypatch.setattr("cnn_demo.ui.layers.controls.learned_kernels", lambda: None)
    monkeypatch.setattr("cnn_demo.ui.layers.invariance.learned_kernels", lambda: None)
    app = open_page()
    assert app.segmented_control(key="l1_source").options == ["Hand-made", "Random"]
    as_text(app).set_value("c8.5.1.same.1.relu.learned").run()
    assert_fine(app)
    assert "not on this machine" in app.warning[0].value
    app = open_page(tab=FORGIVE)
    assert app.segmented_control(key="filters").options == ["Hand-made", "Random"]


# One number -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "c4.3.1.same.1.none.hand",
        "c4.3.2.same.2.tanh.random3_c3.5.1.valid.1.sigmoid.random",
        "c6.5.1.same.1.relu.learned",
        "c4.4.1.3.1.abs.hand_c2.3.1.same.1.none.hand",
        "c4.3.1.same.1.relu.hand_paverage.3.2",
        "c4.3.1.same.1.relu.hand_pmax.3.1",
        "c4.3.1.same.1.none.hand_pl2.2.2",
        "c4.3.1.same.1.relu.hand_pblur.2.2",
        "c4.3.1.same.1.relu.hand_pskip.2.3",
        "c4.3.1.same.1.relu.hand_psmooth.2.3",
        "c4.3.1.same.1.relu.hand_pmin.global",
    ],
)
def test_the_arithmetic_on_the_page_is_the_map(text):
    layers = parse_stack(text)
    maps = run_stack(IMAGE, layers, learned_kernels())
    for index, row, column in (
        (0, 0, 0),
        (1, maps.shape[0] // 2, maps.shape[1] // 3),
        (1, *np.array(maps.shape[:2]) - 1),
    ):
        app = open_page(stack=text, layer=len(layers), map=index + 1, map_row=int(row), map_column=int(column))
        value = f"{maps[row, column, index]:.4f}".replace("-0.0000", "0.0000")
        assert value in written(app).replace("-0.0000", "0.0000"), (text, index, row, column)


def test_a_click_opens_a_layer_a_map_and_a_number():
    app = open_page(stack="c8.3.1.same.1.relu.hand_pmax.2.2")
    app = fire(app, "row_of_layers", "pick", 2)
    assert app.session_state["layer"] == 2
    app = fire(app, "maps", "pick", 5)
    assert app.number_input(key="map").value == 6
    app = fire(app, "opened", "point", {"row": 7, "column": 9})
    assert [app.number_input(key=key).value for key in ("map_row", "map_column")] == [7, 9]
    marks = component(app, "opened_before")["marks"]
    assert marks == [{"row": 14, "column": 18, "height": 2, "width": 2}]
    assert component(app, "opened_photo")["marks"] == [{"row": 13.0, "column": 17.0, "height": 4, "width": 4}]
    for value in (99, -1, "2", None):
        app = fire(app, "row_of_layers", "pick", value)
        app = fire(app, "maps", "pick", value)
        assert_fine(app)
    assert app.session_state["layer"] == 2
    assert app.number_input(key="map").value == 6


# Compare pooling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "stride", "fourth"),
    [(*ends, [*FOURTH][i % len(FOURTH)]) for i, ends in enumerate([(1, 1), (2, 2), (3, 2), (8, 1), (2, 8), (8, 8)])],
)
def test_maps_pooled_side_by_side_are_those_computed(window, stride, fourth):
    app = open_page(tab=POOL, of="brightness", window=window, step=stride, fourth=fourth, taps="gaussian")
    plane = IMAGE.mean(axis=2)
    for kind in ("max", "average"):
        expected = pool(plane, kind, window, stride)
        shown = component(app, f"pool_{kind}")
        assert (shown["height"], shown["width"]) == expected.shape
        row, column = expected.shape[0] // 2, expected.shape[1] // 2
        opened = expected[row, column]
        assert shown["marks"] == [{"row": row, "column": column, "height": 1, "width": 1}]
        assert f"= {opened:.4f}" in "".join(html.proto.body for html in app.get("html"))
    chosen = pool_gradient(plane, "max", window, stride) > 0
    assert f"**{chosen.mean():.1%}** of the map's values" in written(app)


def test_every_map_and_every_kernel_of_the_strided_convolution():
    app = open_page(tab=POOL, window=3, step=2)
    for key, values in {"of": MAPS, "taps": TAPS}.items():
        for value in values:
            app.session_state[key] = value
            assert_fine(app.run())


def test_a_click_opens_a_window():
    app = open_page(tab=POOL)
    app = fire(app, "pool_average", "point", {"row": 3, "column": 4})
    assert_fine(app)
    assert [app.number_input(key=key).value for key in ("pool_row", "pool_column")] == [3, 4]
    assert component(app, "pool_before")["marks"] == [{"row": 6, "column": 8, "height": 2, "width": 2}]
    app.slider(key="step").set_value(8).run()
    assert_fine(app)
    assert [app.number_input(key=key).value for key in ("pool_row", "pool_column")] == [3, 4]


# Step through -----------------------------------------------------------------------------------------------------


def sent_crop(app) -> np.ndarray:
    """The cells of the crop that the browser gets, (height, width, channels)."""
    data = component(app, "player")
    shape = data["crop"]["height"], data["crop"]["width"], data["channels"]
    return np.frombuffer(base64.b64decode(data["values"]), "<f4").reshape(shape)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_sent_with_its_settings(name):
    app = open_page(tab=WALK, walk=name, walk_window=3, walk_size=5, walk_stride=2, walk_padding=7)
    sent = component(app, "player")["operation"]
    window = {"smooth": 1, "transposed": 5}.get(name, 3)
    assert (sent["kind"], sent["size"]) == ({"smooth": "blur"}.get(name, name), [window, window])
    assert sent["stride"] == [2, 2]
    assert sent["padding"] == [0, 0] if name in ("blur", "smooth") else [window - 1, window - 1]
    if name == "transposed":
        assert sent["weights"] == pytest.approx([4 / 25] * 25)
        assert "not divisible" in written(app)
        app.slider(key="walk_size").set_value(4).run()
        assert "is divisible by the stride 2: every cell gets 4 stamps" in written(app)


def test_a_moved_crop_has_the_cells_of_its_place_and_is_in_the_link():
    app = open_page(tab=WALK)
    app = fire(app, "player", "crop", {"cells": 9, "cell": 2, "row": 3, "column": 5})
    assert_fine(app)
    assert app.query_params["crop"] == "9.2.3.5"
    expected = IMAGE.mean(axis=2)[3:21, 5:23].reshape(9, 2, 9, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(sent_crop(app)[..., 0], expected, atol=1e-6)
    for wrong in (None, "9.2.3.5", {"cells": 9}, {"cells": 9, "cell": 2, "row": -1, "column": 0}, {"cells": 9.5}):
        app = fire(app, "player", "crop", wrong)
        assert_fine(app)
        assert app.session_state["crop"] == "9.2.3.5"
    app = open_page(link={"tab": WALK, "crop": "9.2.3.5", "walk": "Transposed convolution"})
    np.testing.assert_allclose(sent_crop(app)[..., 0], expected, atol=1e-6)


# Invariance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", ["one", "stack"])
@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_figures_on_the_page_are_the_measured_ones(distortion, features):
    amounts = {"shift": {"pixels": 3}, "rotate": {"degrees": 9}, "noise": {"noise": 0.2}}[distortion]
    app = open_page(tab=FORGIVE, distortion=distortion, features=features, **amounts)
    question = Question.one_layer(distortion, "hand", 2, 2)
    if features == "stack":
        question = Question(distortion, parse_stack(DEFAULTS["stack"]))
    table, _ = curves(SMALL, question)
    (amount,) = amounts.values()
    at = table[np.isclose(table["amount"], amount)].set_index("pooling")
    assert app.table[0].value["Change"].tolist() == [f"{at.loc[kind, 'change']:.3f}" for kind in POOLINGS]
    best = POOLINGS[at["change"].idxmin()].lower()
    assert f"**{best}** is the most invariant" in written(app)
    app.segmented_control(key="measure").set_value("cosine").run()
    best = POOLINGS[at["cosine"].idxmax()].lower()
    assert f"**{best}** is the most invariant (cosine similarity {at['cosine'].max():.2f})" in written(app)
    assert len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize(
    ("kind", "source"), [(kind, ("hand", "random", "learned")[i % 3]) for i, kind in enumerate(POOLINGS)]
)
def test_both_representations_are_shown(kind, source):
    app = open_page(tab=FORGIVE, compare=kind, filters=source, pool_size=3, pool_stride=2)
    captions = [component(app, f"forgiving_{number}")["caption"] for number in range(5)]
    assert captions[1] == "The photo, shifted by 1 px"
    sizes = [(component(app, f"forgiving_{n}")["height"], component(app, f"forgiving_{n}")["width"]) for n in (2, 3, 4)]
    assert len(set(sizes)) == 1


def test_a_stack_without_pooling_has_a_note():
    app = open_page(tab=FORGIVE, features="stack", stack="c4.3.2.same.1.relu.hand")
    assert "Your stack has no pooling layer" in written(app)


def test_every_measure_of_every_distortion():
    for distortion in DISTORTIONS:
        app = open_page(tab=FORGIVE, distortion=distortion)
        for measure in ("moved", "cosine", "change"):
            app.session_state["measure"] = measure
            assert_fine(app.run())


# Photos, links, teaching ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (1280, 40)], ids=str)
def test_any_photo_gives_pictures_or_one_sentence(shape, view):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    app = open_page(Photo(pixels, "dot", f"digest-{shape}"), tab=view)
    for distortion in DISTORTIONS if view == FORGIVE else ("shift",):
        app.session_state["distortion"] = distortion
        assert_fine(app.run())
        assert len(app.warning) <= 1
        assert all(warning.value.endswith(".") for warning in app.warning)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("value", [0, 255])
def test_an_even_photo(view, value):
    open_page(Photo(np.full((40, 50, 3), value, np.uint8), "even", f"digest-even-{value}"), tab=view)


@pytest.mark.parametrize("view", VIEWS)
def test_only_the_open_view_is_computed(view):
    app = open_page(link={"tab": view})
    keys = {STACK: "row_of_layers", POOL: "pool_max", WALK: "player", FORGIVE: "forgiving_0"}
    for name, key in keys.items():
        if name == view:
            assert component(app, key)
        else:
            with pytest.raises(KeyError):
                app.get_by_key(key)


GOOD_LINKS = [
    ({"stack": "pmax.3.2_c4.3.1.same.1.tanh.random5", "layer": "2", "map": "3"}, {"layer": 2, "map": 3}),
    ({"tab": POOL, "of": "Brightness", "window": "3", "step": "2", "fourth": "L2 norm"}, {"of": "brightness"}),
    ({"tab": FORGIVE, "distortion": "Noise", "noise": "0.3", "features": "Your stack"}, {"features": "stack"}),
    ({"tab": FORGIVE, "features": "Your stack", "stack": "pmax.2.2"}, {"stack": "pmax.2.2"}),
]


@pytest.mark.parametrize(("link", "state"), GOOD_LINKS, ids=str)
def test_a_link_sets_the_controls(link, state):
    app = open_page(link=link)
    assert {key: app.session_state[key] for key in state} == state
    if link.get("stack", "").startswith("pmax.3"):
        assert shapes(app) == [(30, 40, 3), (14, 19, 3), (14, 19, 4)]
        assert component(app, "maps")["chosen"] == 2


def test_a_default_is_not_in_the_link():
    app = open_page(link={"stack": "pmin.3.3"})
    assert app.query_params["stack"] == "pmin.3.3"
    as_text(app).set_value(DEFAULTS["stack"]).run()
    assert_fine(app)
    assert "stack" not in app.query_params


GARBAGE = {
    "tab": ("Nope", "", "view"),
    "layer": ("0", "99", "abc", "inf"),
    "map": ("0", "-1", "inf", "nan", "1e99"),
    "map_row": ("-5", "99999", "inf", "x"),
    "map_column": ("1e400", "", "nan"),
    "reads": ("inf", "-1"),
    "common": ("maybe",),
    "preset": ("x",),
    "l1_size": ("99",),
    "try_this": ("Noise",),
}
GARBAGE_2 = {"of": ("x", ""), "window": ("0", "inf", "9"), "step": ("nan", "-1"), "fourth": ("?",), "taps": ("",)}
GARBAGE_2 |= {"pool_row": ("inf", "-1"), "pool_column": ("1e400", "x")}
GARBAGE_3 = {
    "distortion": ("", "x"),
    "pixels": ("99", "inf"),
    "measure": ("", "y"),
    "features": ("",),
    "compare": ("",),
}
GARBAGE_WALK = {
    "walk": ("", "Nope"),
    "walk_map": ("?",),
    "walk_window": ("0", "inf", "99"),
    "walk_stride": ("nan", "-1"),
    "walk_padding": ("99", "x"),
    "crop": ("99.9999.99999.99999", "0.0.0.0", "a.b.c.d", "12.3"),
}
GARBAGE_3 |= {"filters": ("", "z"), "pool_size": ("0", "inf"), "pool_stride": ("nan",), "noise": ("inf", "-1")}


@pytest.mark.parametrize(
    ("view", "garbage", "turn"),
    [
        (view, garbage, turn)
        for view, garbage in zip(VIEWS, (GARBAGE, GARBAGE_2, GARBAGE_WALK, GARBAGE_3), strict=True)
        for turn in range(max(map(len, garbage.values())))
    ],
)
def test_garbage_in_a_link_is_ignored(view, garbage, turn):
    link = {key: values[turn % len(values)] for key, values in garbage.items()}
    open_page(link={"tab": view, **link})


@pytest.mark.parametrize("text", ["", "oops", "c99.3.1.same.1.relu.hand", "🐈", "a" * 5000])
def test_an_invalid_stack_in_a_link_is_refused_in_one_sentence(text):
    for link in ({"stack": text}, {"stack": text, "tab": FORGIVE, "features": "Your stack"}):
        app = open_page(link=link, errors=1)
        assert app.error[0].value.startswith("Please ")


@pytest.mark.parametrize("index", range(len(MISCONCEPTIONS)))
def test_a_misconception_is_corrected_when_it_is_opened(index):
    app = open_page()
    assert app.expander[index].label == MISCONCEPTIONS[index].claim
    app.session_state[f"misconception_{index}"] = True
    app.run()
    assert_fine(app)
    assert app.expander[index].markdown[0].value == MISCONCEPTIONS[index].correct(IMAGE).text


def test_the_map_shown_is_the_map_computed():
    app = open_page(stack="c4.3.1.same.1.relu.hand")
    expected = activate(convolve(IMAGE.mean(axis=2), _first_filter(), None), "relu")
    encoded = component(app, "opened")["src"].partition(",")[2]
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_GRAYSCALE)
    pixels = cv2.resize(pixels, (40, 30), interpolation=cv2.INTER_AREA)  # a small map is sent enlarged
    bright = expected > np.quantile(expected, 0.9)
    assert pixels[bright].mean() > 3 * pixels[expected == 0].mean()


def _first_filter() -> np.ndarray:
    from cnn_demo.convolution.filter_bank import hand_made_filters

    return hand_made_filters(1, ConvLayer().size)[..., 0]
