"""From session state to settings: every control is read, and unset ones have their defaults."""

import dataclasses

import numpy as np
import pytest

from cnn_demo.convolution import ACTIVATIONS, KERNELS, PADDING_MODES, Choice, kernel
from cnn_demo.convolution.matrix_text import parse_matrix
from cnn_demo.drawing.pictures import DISPLAYS
from cnn_demo.ui.convolution.settings import DEFAULTS, read_channel, read_pixel, read_settings

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)


def differences(state) -> dict:
    """The attributes in which settings differ from the default ones."""
    plain, other = read_settings({}), read_settings(state)
    names = [field.name for field in dataclasses.fields(plain)]
    return {
        name: getattr(other, name) for name in names if not np.array_equal(getattr(plain, name), getattr(other, name))
    }


def test_nothing_set_means_the_defaults():
    settings = read_settings({})
    np.testing.assert_array_equal(settings.weights, kernel("gaussian", size=9, sigma=2.0))
    assert settings.title == KERNELS["gaussian"].title
    assert (settings.spec.stride, settings.spec.padding, settings.spec.dilation) == ((1, 1), "same", (1, 1))
    assert (settings.bias, settings.activation, settings.display) == (0.0, "none", "clip")
    assert not any((settings.grey, settings.zoom, settings.signed, settings.spec.flip))
    assert differences(DEFAULTS) == {}
    assert differences(dict.fromkeys(DEFAULTS)) == {}  # a widget that was just cleared holds None


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [
        ({"grey": True}, "grey", True),
        ({"bias": -0.35}, "bias", -0.35),
        ({"activation": "tanh"}, "activation", "tanh"),
        ({"show": "stretch"}, "display", "stretch"),
        ({"zoom": True}, "zoom", True),
    ],
)
def test_a_control_changes_its_setting_and_no_other(state, name, expected):
    assert differences(state) == {name: expected}


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [
        ({"stride": 3}, "stride", (3, 3)),
        ({"dilation": 8}, "dilation", (8, 8)),
        ({"padding": "valid"}, "padding", "valid"),
        ({"padding": "explicit"}, "padding", (1, 1)),
        ({"padding": "explicit", "pad": 0}, "padding", (0, 0)),
        ({"padding": "explicit", "pad": 64}, "padding", (64, 64)),
        ({"mode": "circular"}, "padding_mode", "circular"),
        ({"flip": True}, "flip", True),
    ],
)
def test_a_control_changes_the_geometry_and_nothing_else(state, name, expected):
    assert list(differences(state)) == ["spec"]
    plain, spec = read_settings({}).spec, read_settings(state).spec
    assert spec == dataclasses.replace(plain, **{name: expected})


def test_pixels_of_padding_count_only_where_they_are_chosen():
    assert differences({"pad": 9}) == {}


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_and_each_of_its_parameters(name):
    family = KERNELS[name]
    defaults = {p.name: DEFAULTS[f"{name}_{p.name}"] for p in family.parameters}
    settings = read_settings({"kernel": name})
    assert (settings.title, settings.signed) == (family.title, family.signed)
    np.testing.assert_array_equal(settings.weights, kernel(name, **defaults))
    for parameter in family.parameters:
        is_choice = isinstance(parameter, Choice)
        for value in parameter.choices if is_choice else (parameter.minimum, parameter.maximum):
            state = {"kernel": name, f"{name}_{parameter.name}": value}
            expected = kernel(name, **(defaults | {parameter.name: value}))
            np.testing.assert_array_equal(read_settings(state).weights, expected)


@pytest.mark.parametrize(
    ("name", "activation", "display"),
    [
        *((name, "none", "signed" if KERNELS[name].signed else "clip") for name in KERNELS),
        ("sobel", "tanh", "signed"),
        *(("sobel", activation, "clip") for activation in ("abs", "relu", "sigmoid")),
        ("box", "tanh", "clip"),
    ],
)
def test_the_automatic_display_shows_the_sign_where_there_is_one(name, activation, display):
    state = {"kernel": name, "activation": activation}
    assert read_settings(state).display == display
    for chosen in DISPLAYS:
        assert read_settings(state | {"show": chosen}).display == chosen


def test_the_default_of_every_choice_is_one_of_them():
    assert DEFAULTS["activation"] in ACTIVATIONS
    assert DEFAULTS["mode"] in PADDING_MODES
    assert DEFAULTS["kernel"] in KERNELS
    for name, family in KERNELS.items():
        for parameter in family.parameters:
            value = DEFAULTS[f"{name}_{parameter.name}"]
            assert parameter.check(value) == value
    np.testing.assert_array_equal(parse_matrix(DEFAULTS["cells"]), SOBEL)


def test_a_custom_matrix():
    settings = read_settings({"kernel": "matrix", "cells": "1 2; 3 4"})
    assert settings.weights.tolist() == [[1, 2], [3, 4]]
    assert settings.title == "Custom kernel"
    assert (settings.signed, settings.display) == (False, "clip")
    assert read_settings({"kernel": "matrix"}).weights.tolist() == SOBEL.tolist()
    assert read_settings({"kernel": "matrix"}).display == "signed"
    assert read_settings({"kernel": "matrix", "cells": "0.333333 0.333333 -0.666667"}).signed


@pytest.mark.parametrize("text", ["", "1 x", "1 2; 3", "nan", ";"])
def test_a_text_that_is_no_matrix_keeps_the_last_valid_one(text):
    good = np.array([[5, 6]], np.float32)
    state = {"kernel": "matrix", "cells": text}
    np.testing.assert_array_equal(read_settings(state | {"matrix_good": good}).weights, good)
    np.testing.assert_array_equal(read_settings(state).weights, SOBEL)


@pytest.mark.parametrize(
    "state",
    [
        {"stride": 0},
        {"dilation": 0},
        {"padding": "explicit", "pad": -1},
        {"mode": "nothing"},
    ],
)
def test_settings_out_of_range_are_refused(state):
    with pytest.raises(ValueError, match="must be"):
        read_settings(state)


def test_the_open_pixel():
    assert read_pixel({}, (11, 20)) == (5, 10)
    assert read_pixel({"row": 0, "column": 3}, (11, 20)) == (0, 3)
    assert read_pixel({"row": 2, "column": None}, (11, 20)) == (2, 10)
    assert read_pixel({"row": 500, "column": 19}, (1, 20)) == (0, 19)


def test_the_open_channel():
    assert [read_channel({"channel": name}) for name in "RGB"] == [0, 1, 2]
    assert read_channel({}) == read_channel({"channel": None}) == 0


@pytest.mark.parametrize(("size", "nearest"), [(4, 3), (6, 7), (99, 15), (-1, 3)])
def test_a_size_that_no_slider_has_becomes_the_nearest(size, nearest):
    assert read_settings({"kernel": "sobel", "sobel_size": size}).weights.shape == (nearest, nearest)
