"""Page 1: every control at its limits, every view, links, experiments, and code that reproduces the result."""

import base64
import itertools
from functools import partial

import driver
import numpy as np
import pytest
from driver import PAGE_1, SMALL, assert_fine, component, fire, picture, send, sent_photo, written

from cnn_demo.convolution import ACTIVATIONS, KERNELS, PADDING_MODES, Choice, activate, convolve, kernel, output_size
from cnn_demo.convolution.matrix_text import format_matrix, parse_matrix
from cnn_demo.drawing.pictures import DISPLAYS, display_values, jpeg_url
from cnn_demo.lessons.convolution import MISCONCEPTIONS
from cnn_demo.ui.convolution import workbench
from cnn_demo.ui.convolution.settings import DEFAULTS, OWN_MATRIX, OWN_MATRIX_TITLE, read_settings
from cnn_demo.ui.convolution.workbench import VIEWS

open_page = partial(driver.open_page, PAGE_1)


def expected(app, photo=SMALL):
    """Settings of the session, the input image, and the expected output."""
    settings = read_settings({key: value for key, value in app.session_state.items() if not key.startswith("$")})
    image = photo.pixels.astype(np.float32) / 255
    image = image.mean(axis=2) if settings.grey else image
    values = activate(convolve(image, settings.weights, settings.spec, settings.bias), settings.activation)
    return settings, image, values


def assert_shown(app, photo=SMALL) -> None:
    """The picture on the page is the one of the settings."""
    assert_fine(app)
    settings, _, values = expected(app, photo)
    data, pixels = picture(app, "lens")
    assert pixels.shape[:2] == values.shape[:2]
    assert data["src"] == jpeg_url(display_values(values, settings.display))


# Kernels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_with_every_parameter_at_its_ends(name):
    app = open_page()
    app.selectbox(key="kernel").set_value(name).run()
    assert_shown(app)
    assert KERNELS[name].sentence in [caption.value for caption in app.caption]
    for parameter in KERNELS[name].parameters:
        key = f"{name}_{parameter.name}"
        is_choice = isinstance(parameter, Choice)
        for value in parameter.choices if is_choice else (parameter.minimum, parameter.maximum):
            widget = app.get_by_key(key)
            if not is_choice:
                assert (widget.min, widget.max) == (parameter.minimum, parameter.maximum)
            widget.set_value(value).run()
            assert app.session_state[key] == value
            assert_shown(app)
    if name == "identity":
        np.testing.assert_array_equal(sent_photo(app), SMALL.pixels)
        lens = component(app, "lens")
        assert lens["src"] == jpeg_url(SMALL.pixels)
        assert lens["photo"] == component(app, "lens_photo")["key"] == SMALL.key


ODD_BUT_GOOD = ["7", "0", "0 0; 0 0", "1e6 -1e6", "[[1, 2], [3, 4]]", "1\t2\n3\t4", "1, 2, 3", " ".join(["1"] * 15)]
ODD_BUT_GOOD += [";".join(["-1"] * 15), ";".join([" ".join(["0.004"] * 15)] * 15), "-0", ".5 5.", "1e-30 2e-30"]
BAD = ["", " ", ";;", "abc", "1 2; 3", "nan", "inf", "1e9", " ".join("1" * 16), "<b>1</b>", "1 2 'x'", "½", "=A1"]


def test_a_custom_matrix():
    app = open_page(kernel="matrix")
    for text in ODD_BUT_GOOD:
        app.text_input(key="cells").set_value(text).run()
        assert_shown(app)
        matrix = parse_matrix(text)
        shown = matrix if matrix.shape[1] <= 5 else matrix[:1].T  # of a wide one, the first row downwards
        np.testing.assert_allclose(app.data_editor[0].value.to_numpy(), shown, err_msg=text)
        assert [field.value for field in app.number_input[:2]] == list(matrix.shape)


def test_a_custom_matrix_of_tiny_values():
    app = open_page(kernel="matrix")
    app.text_input(key="cells").set_value("1e-38 0").run()
    for view in VIEWS:
        app.session_state["view"] = view
        assert_fine(app.run())


def test_a_text_that_is_no_matrix_leaves_the_picture_as_it_was():
    app = open_page(kernel="matrix", cells="1 2; 3 4")
    before = picture(app, "lens")
    for text in BAD:
        app.text_input(key="cells").set_value(text).run()
        assert_fine(app, errors=1)
        assert app.error[0].value.startswith(("Please ", "Write ")), text
        assert picture(app, "lens")[0] == before[0], text
        assert "cells" not in app.query_params, text  # a reload would show the error again
    app.text_input(key="cells").set_value("1").run()
    assert_shown(app)
    assert app.query_params["cells"] == "1"


def test_the_matrix_is_edited_cell_by_cell():
    app = open_page(kernel="matrix", cells="1 2; 3 4")
    edits = '{"edited_rows": {"0": {"2": 9.5}, "1": {"1": null}}, "added_rows": [], "deleted_rows": []}'
    send(app, app.data_editor[0].proto.id, string_value=edits)
    assert_shown(app)
    assert app.session_state["cells"] == "1 9.5; 0 4"
    assert app.text_input(key="cells").value == "1 9.5; 0 4"


def test_a_wide_matrix_is_edited_row_by_row():
    app = open_page(kernel="matrix", cells="; ".join(["1 2 3 4 5 6 7 8 9"] * 9))
    assert app.data_editor[0].value.to_numpy().tolist() == [[value] for value in range(1, 10)]  # downwards
    app.slider(key="matrix_row").set_value(4).run()
    send(app, app.data_editor[0].proto.id, string_value='{"edited_rows": {"2": {"Row 4": -7.5}}}')
    assert_fine(app)
    weights = parse_matrix(app.session_state["cells"])
    assert weights[3].tolist() == [1, 2, -7.5, 4, 5, 6, 7, 8, 9]
    assert weights[2].tolist() == weights[4].tolist() == list(range(1, 10))
    app.number_input(key="matrix_Rows").set_value(2).run()  # fewer than the row that was edited
    assert_fine(app)
    assert app.slider(key="matrix_row").value == 2
    app.number_input(key="matrix_Columns").set_value(5).run()
    assert_fine(app)
    assert app.data_editor[0].value.shape == (2, 5)


@pytest.mark.parametrize(
    ("button", "text"),
    [
        ("matrix_Normalize", "0.1 0.2 0.3; 0 0 0.4"),
        ("matrix_Transpose", "1 0; 2 0; 3 4"),
        ("matrix_Flip", "4 0 0; 3 2 1"),
    ],
)
def test_a_button_changes_the_matrix(button, text):
    app = open_page(kernel="matrix", cells="1 2 3; 0 0 4")
    app.button(key=button).click().run()
    assert_shown(app)
    assert app.session_state["cells"] == text
    np.testing.assert_allclose(app.data_editor[0].value.to_numpy(), parse_matrix(text))


@pytest.mark.parametrize(
    ("key", "side", "text"),
    [
        ("matrix_Rows", 3, "0 0 0; 1 2 3; 0 0 4"),
        ("matrix_Rows", 1, "1 2 3"),
        ("matrix_Columns", 5, "0 1 2 3 0; 0 0 0 4 0"),
        ("matrix_Columns", 1, "2; 0"),
    ],
)
def test_the_matrix_grows_and_shrinks(key, side, text):
    app = open_page(kernel="matrix", cells="1 2 3; 0 0 4")
    app.number_input(key=key).set_value(side).run()
    assert_shown(app)
    assert app.session_state["cells"] == text


def test_any_kernel_can_be_taken_over_into_the_matrix():
    app = open_page()
    for name in KERNELS:
        app.selectbox(key="kernel").set_value(name).run()
        weights = expected(app)[0].weights
        next(button for button in app.button if button.label == "Edit the weights").click().run()
        assert_shown(app)
        assert app.selectbox(key="kernel").value == "matrix"
        assert app.session_state["cells"] == format_matrix(weights), name


# Geometry ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("padding", "mode"), [*itertools.product(("same", 64), PADDING_MODES), ("valid", "zeros"), (0, "reflect")]
)
def test_geometry_at_its_ends(padding, mode):
    amount = {} if isinstance(padding, str) else {"pad": padding}
    padding_name = padding if isinstance(padding, str) else "explicit"
    app = open_page(padding=padding_name, mode=mode, view="Size and cost", **amount)
    last = picture(app, "lens")[0]["captions"]["after"]
    for size, stride, dilation in ((1, 1, 1), (15, 8, 1), (15, 1, 8), (1, 8, 8)):  # each pair of ends
        app.slider(key="gaussian_size").set_value(size)
        app.slider(key="stride").set_value(stride)
        app.slider(key="dilation").set_value(dilation)
        app.toggle(key="flip").set_value(stride == 8).run()
        settings = read_settings({key: app.session_state[key] for key in DEFAULTS if key in app.session_state})
        assert settings.weights.shape == (size, size)
        try:
            height, width = output_size((30, 40), settings.weights.shape, settings.spec)
        except ValueError:
            assert padding in ("valid", 0)
            assert_fine(app, errors=1)
            assert "but the padded image has only 30 × 40" in app.error[0].value
            assert picture(app, "lens")[0]["captions"]["after"] == last
            continue
        assert_shown(app)
        last = picture(app, "lens")[0]["captions"]["after"]
        assert f" {height} rows × {width} columns" in last


def test_a_kernel_that_never_fitted_is_refused_without_a_picture():
    app = open_page(kernel="box", box_size=15, dilation=8, padding="valid", photo=None)
    assert_fine(app)
    app = fire(app, "gallery", "pick", "impulse")
    assert_fine(app, errors=1)
    assert "113 × 113 pixels but the padded image has only 31 × 31" in app.error[0].value
    with pytest.raises(KeyError):
        app.get_by_key("lens")
    app.slider(key="dilation").set_value(2).run()
    assert_fine(app)
    assert picture(app, "lens")[1].shape[:2] == (3, 3)


def test_a_kernel_that_does_not_fit_can_be_edited():
    app = open_page(kernel="box", dilation=8, padding="valid")
    app.slider(key="box_size").set_value(15).run()
    assert_fine(app, errors=1)
    next(button for button in app.button if button.label == "Edit the weights").click().run()
    assert parse_matrix(app.session_state["cells"]).shape == (15, 15)


def test_a_pixel_that_is_gone_is_replaced_by_the_last_one():
    app = open_page(row=29, column=39)
    app.slider(key="stride").set_value(8).run()
    assert_shown(app)
    assert [field.value for field in app.number_input] == [3, 4]
    assert [field.max for field in app.number_input] == [3, 4]


# Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "grey", "bias"), [(name, i % 2 == 1, 1.0 - i // 2 % 2 * 2) for i, name in enumerate(ACTIVATIONS)]
)
def test_every_display_of_every_activation(activation, grey, bias):
    app = open_page(kernel="sobel", grey=grey, activation=activation, bias=bias, view="Code")
    for show in ("automatic", *DISPLAYS):
        app.selectbox(key="show").set_value(show)
        app.slider(key="bias").set_value(-bias if show == "automatic" else bias).run()
        assert_shown(app)
        title = DISPLAYS[expected(app)[0].display][0]
        assert title in picture(app, "lens")[0]["captions"]["after"]


def test_a_small_result_is_enlarged_on_request():
    app = open_page(stride=8)
    assert not component(app, "lens")["settings"]["enlarge"]
    app.toggle(key="zoom").set_value(True).run()
    assert_shown(app)
    assert component(app, "lens")["settings"]["enlarge"]


# Views ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("view", "way"), [*((view, "link") for view in VIEWS), (VIEWS[-1], "state")])
def test_every_view_opens_and_no_other_is_computed(view, way):
    app = open_page(link={"view": view}) if way == "link" else open_page(view=view)
    assert app.session_state["view"] == view
    content = {
        "Look inside": any("Sum of the products" in text.value for text in app.markdown),
        "Step through": "player" in [each.key for each in app.get("bidi_component")],
        "Size and cost": len(app.table) == 1,
        "Frequency response": len(app.get("plotly_chart")) == 1,
        "Code": len(app.code) == 1,
        "Learn a kernel": any(button.key == "learn" for button in app.button),
    }
    assert [name for name, there in content.items() if there] == [view]


@pytest.mark.parametrize(
    "state",
    [
        {"kernel": "gabor", "mode": "circular"},
        {"kernel": "matrix", "cells": "2"},
        {"kernel": "matrix", "cells": "0"},
        {"stride": 8, "dilation": 8, "padding": "explicit", "pad": 64},
        {"kernel": "random", "bias": -1.0, "activation": "sigmoid", "flip": True, "grey": True},
        {"row": 0, "column": 0, "channel": "B"},
    ],
    ids=str,
)
def test_every_view_of_every_kind_of_setting(state):
    app = open_page(**state)
    for view in VIEWS:
        app.session_state["view"] = view
        assert_shown(app.run())


def test_the_arithmetic_on_the_page_is_the_pixel():
    app = open_page(kernel="sobel", row=3, column=5, channel="G", bias=0.25, activation="tanh", view="Look inside")
    settings, image, values = expected(app)
    value = float(convolve(image, settings.weights, settings.spec, 0.25)[3, 5, 1])
    text = written(app)
    assert f"{value - 0.25:.4f}" in text
    assert f"{value:.4f}" in text
    assert f"{values[3, 5, 1]:.4f}" in text
    assert not [caption for caption in app.caption if "come from the padding" in caption.value]
    app.number_input(key="row").set_value(0).run()
    assert "3 of 9 values come from the padding, not from the photo." in [caption.value for caption in app.caption]


def test_stepping_through_has_the_settings_and_a_crop_around_the_selected_pixel():
    app = open_page(
        view="Step through", kernel="sobel", row=3, column=15, stride=2, mode="reflect", flip=True, bias=0.25
    )
    settings, image, _ = expected(app)
    sent = component(app, "player")
    operation = sent["operation"]
    assert operation["weights"] == settings.weights.ravel().tolist()
    assert [operation[name] for name in ("stride", "padding", "mode", "flip")] == [[2, 2], "same", "reflect", True]
    crop = sent["crop"]
    assert (crop["height"], crop["width"], crop["cell"], sent["channels"]) == (12, 12, 1, 3)
    assert (crop["row"], crop["column"]) == (2, 26)  # the pixel's window is at rows 6 to 8, columns 30 to 32
    cells = np.frombuffer(base64.b64decode(sent["values"]), "<f4").reshape(12, 12, 3)
    np.testing.assert_allclose(cells, image[2:14, 26:38], atol=1e-6)
    assert sent["selected"] == "12.1.2.26"


def test_a_kernel_edited_in_the_browser_becomes_the_custom_kernel():
    app = open_page(view="Step through", kernel="sobel")
    app = fire(app, "player", "kernel", [[0, 1.5], [-2, 0.25]])
    assert app.selectbox(key="kernel").value == OWN_MATRIX
    assert app.session_state["cells"] == "0 1.5; -2 0.25"
    assert_shown(app)
    assert component(app, "player")["operation"]["weights"] == [0, 1.5, -2, 0.25]
    for wrong in (None, [], [[]], [[1], [1, 2]], [["x"]], [[float("nan")]], [[1e9]], [[0] * 16]):
        app = fire(app, "player", "kernel", wrong)
        assert_shown(app)
        assert app.session_state["cells"] == "0 1.5; -2 0.25"


def test_a_click_on_a_picture_opens_the_pixel():
    app = open_page(view="Code")
    fire(app, "lens", "point", {"row": 4, "column": 11})
    assert_fine(app)
    assert [field.value for field in app.number_input] == [4, 11]
    assert app.session_state["view"] == "Look inside"
    assert component(app, "lens")["pixel"] == {"row": 4, "column": 11, "channel": 0, "pinned": True}
    fire(app, "lens", "point", {"row": 10**9, "column": -5})
    assert [field.value for field in app.number_input] == [29, 0]
    fire(app, "lens", "point", {"row": None, "column": None})
    assert [field.value for field in app.number_input] == [None, None]
    assert component(app, "lens")["pixel"] == {"row": 15, "column": 20, "channel": 0, "pinned": False}


def test_the_lens_has_the_settings_of_the_page():
    app = open_page(kernel="random", stride=3, padding="explicit", pad=4, mode="reflect", flip=True, channel="B")
    data, settings = component(app, "lens"), expected(app)[0]
    assert (data["settings"]["family"], data["settings"]["parameters"]["seed"]) == ("random", 0)
    geometry = {"stride": 3, "padding": "explicit", "pad": 4, "mode": "reflect", "flip": True}
    assert geometry.items() <= data["settings"].items()
    # A smaller or larger kernel takes the first of the same random numbers.
    draws = np.array(data["settings"]["parameters"]["draws"])
    np.testing.assert_allclose(draws[:25] / 5, settings.weights.ravel(), rtol=1e-6)
    np.testing.assert_allclose(draws / 15, kernel("random", size=15).ravel(), rtol=1e-6)
    assert {"random_size", "stride", "bias"} <= data["controls"].keys()
    assert data["pixel"]["channel"] == 2
    app.selectbox(key="kernel").set_value("matrix").run()
    assert component(app, "lens")["settings"]["family"] is None


def test_the_arrangement_of_the_pictures_is_in_the_link():
    app = open_page()
    assert component(app, "lens")["arrangement"] == "beside"
    fire(app, "lens", "arrangement", "divider")
    assert app.query_params["arrangement"] == "divider"
    assert component(app, "lens")["arrangement"] == "divider"
    fire(app, "lens", "arrangement", "<b>")
    assert component(app, "lens")["arrangement"] == "divider"


def test_a_frame_of_the_camera_becomes_the_photo():
    app = open_page(photo=None)
    frame = np.zeros((30, 40, 3), np.uint8)
    frame[:, 20:] = 255
    fire(app, "lens", "frame", jpeg_url(frame))
    assert_fine(app)
    assert app.query_params["photo"] == "own"
    assert component(app, "lens")["size"] == [30, 40]
    np.testing.assert_allclose(sent_photo(app), frame, atol=8)
    for broken in ("data:image/jpeg;base64,???", "data:image/png;base64,AAAA", 7):  # not from the lens
        fire(app, "lens", "frame", broken)
        assert_fine(app)
    fire(app, "lens", "frame", "data:image/jpeg;base64,AAAA")
    assert_fine(app, errors=1)
    np.testing.assert_allclose(sent_photo(app), frame, atol=8)


def test_sizes_and_cost_are_those_of_this_case():
    app = open_page(kernel="box", box_size=3, stride=2, padding="valid", view="Size and cost")
    table = app.table[0].value
    assert table["Parameters"].tolist() == ["10", f"{(30 * 40 * 3 + 1) * 14 * 19 * 3:,}"]
    assert table["Multiply-adds"].tolist() == [f"{14 * 19 * 9 * 3:,}", f"{30 * 40 * 3 * 14 * 19 * 3:,}"]
    text = written(app)
    assert "= 14" in text
    assert "= 19" in text
    assert "**1** row and **1** column" in text


@pytest.mark.parametrize(
    "state",
    [
        {"kernel": "sobel", "stride": 2, "bias": -0.25, "activation": "relu"},
        {"kernel": "gabor", "mode": "reflect", "grey": True, "flip": True},
        {"kernel": "matrix", "cells": "1 2; -3 0.1; 5 1e-3", "padding": "explicit", "pad": 5, "activation": "tanh"},
        {"kernel": "random", "padding": "valid", "dilation": 3, "activation": "sigmoid"},
        {"kernel": "box", "box_size": 4, "stride": 3, "dilation": 2, "mode": "circular", "activation": "abs"},
    ],
    ids=str,
)
@pytest.mark.parametrize("framework", ["PyTorch", "NumPy"])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_the_code_on_the_page_computes_the_picture(framework, state):
    app = open_page(view="Code", code=framework, **state)
    settings, image, values = expected(app)
    image = image[..., None].copy() if settings.grey else image
    names = {"image": image}
    exec(app.code[0].value, names)
    result = names["result"][..., 0] if settings.grey else names["result"]
    np.testing.assert_allclose(np.asarray(result), values, atol=1e-4)


# Links ------------------------------------------------------------------------------------------------------------

GOOD_LINKS = [
    ({"kernel": "Sobel edges", "sobel_size": "7", "sobel_angle": "90"}, {"kernel": "sobel", "sobel_size": 7}),
    ({"kernel": OWN_MATRIX_TITLE, "cells": "1 2;3 4"}, {"kernel": "matrix", "cells": "1 2;3 4"}),
    ({"kernel": "Laplacian", "laplacian_neighbours": "8"}, {"laplacian_neighbours": 8}),
    ({"kernel": "Random", "random_seed": "77", "random_distribution": "Sign"}, {"random_distribution": "sign"}),
    (
        {"stride": "4", "dilation": "2", "padding": "Explicit", "pad": "9"},
        {"stride": 4, "padding": "explicit", "pad": 9},
    ),
    ({"mode": "Reflect", "flip": "true", "grey": "true", "zoom": "true"}, {"mode": "reflect", "zoom": True}),
    (
        {"bias": "-0.5", "activation": "ReLU", "show": "Stretch"},
        {"bias": -0.5, "activation": "relu", "show": "stretch"},
    ),
    ({"row": "3", "column": "4", "channel": "B"}, {"row": 3, "column": 4, "channel": "B"}),
    ({"view": "Code", "code": "NumPy"}, {"view": "Code", "code": "NumPy"}),
]


@pytest.mark.parametrize(("link", "state"), GOOD_LINKS, ids=str)
def test_a_link_sets_the_controls_and_the_picture(link, state):
    app = open_page(link=link)
    assert {key: app.session_state[key] for key in state} == state
    assert_shown(app)


GARBAGE = {
    "kernel": ("nonsense", "", "sobel; DROP", "🐈"),
    "stride": ("0", "9", "-1", "abc", "1e99", "inf", "nan", ""),
    "gaussian_size": ("0", "16", "two", "inf"),
    "gaussian_sigma": ("nan", "0", "inf", "1e400", "x"),
    "bias": ("nan", "inf", "-2", "abc"),
    "padding": ("same", "x", ""),
    "mode": ("?", "reflect"),
    "grey": ("maybe", "2"),
    "activation": ("gelu",),
    "show": ("viridis",),
    "channel": ("X", "rgb"),
    "row": ("-5", "99999", "abc", "nan"),
    "view": ("Nope", "code"),
    "try_this": ("Find edges",),
    "misconception_0": ("true",),
    "no_such_thing": ("1",),
}


@pytest.mark.parametrize("turn", range(max(map(len, GARBAGE.values()))))
def test_garbage_in_a_link_is_ignored(turn):
    app = open_page(link={key: values[turn % len(values)] for key, values in GARBAGE.items()})
    for key in GARBAGE.keys() & DEFAULTS.keys():
        assert app.session_state.get(key) in (DEFAULTS[key], None), key  # None: set to nothing, read as the default
    assert app.session_state["view"] == VIEWS[0]
    assert app.selectbox(key="try_this").value is None
    assert_shown(app)


def test_a_parameter_given_twice_is_ignored():
    assert_shown(open_page(link={"stride": ["2", "3"], "kernel": ["Gabor", "Random"]}))


@pytest.mark.parametrize("size", ["4", "14"])
def test_a_link_to_an_even_sobel(size):
    open_page(link={"kernel": "Sobel edges", "sobel_size": size})


@pytest.mark.parametrize("link", [{"row": "inf"}, {"column": "1e400"}, {"kernel": "Random", "random_seed": "inf"}])
def test_a_link_to_an_infinite_integer(link):
    open_page(link=link)


def test_a_link_to_the_code_of_no_framework():
    open_page(link={"view": "Code", "code": ""})


# Teaching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(MISCONCEPTIONS)))
def test_a_misconception_is_corrected_when_it_is_opened(index):
    app = open_page()
    assert app.expander[index].label == MISCONCEPTIONS[index].claim
    assert len(app.expander[index].markdown) == 0
    app.session_state[f"misconception_{index}"] = True
    app.run()
    assert_fine(app)
    correction = MISCONCEPTIONS[index].correct(SMALL.pixels.astype(np.float32) / 255)
    assert app.expander[index].markdown[0].value == correction.text
    for number, (caption, values, _) in enumerate(correction.pictures):
        data, pixels = picture(app, f"misconception_{index}_{number}")
        assert data["caption"] == caption
        assert pixels.shape[:2] == values.shape[:2]


# Order of work ----------------------------------------------------------------------------------------------------


def test_the_picture_is_sent_first_only_if_there_was_one_before(monkeypatch):
    pauses = []
    monkeypatch.setattr(workbench.time, "sleep", pauses.append)
    monkeypatch.setattr(workbench, "PAUSE", 0.08)
    app = open_page(photo=None)
    assert 0.08 not in pauses  # the first picture of a photo waits for nothing
    app.slider(key="stride").set_value(2).run()
    assert pauses.count(0.08) == 1
    pauses.clear()
    fire(app, "gallery", "pick", "coffee")
    assert 0.08 not in pauses


def test_two_visitors_have_separate_settings():
    one, other = open_page(), open_page()
    one.slider(key="stride").set_value(8).run()
    other.run()
    assert other.slider(key="stride").value == 1
    assert_shown(one)
    assert_shown(other)
