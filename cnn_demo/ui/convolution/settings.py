"""Settings of page 1, read from session state, and the default of every control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_demo.convolution import KERNELS, ConvSpec, kernel
from cnn_demo.convolution.matrix_text import parse_matrix
from cnn_demo.ui.convolution.learn_settings import DEFAULTS as LEARN_DEFAULTS

OWN_MATRIX, OWN_MATRIX_TITLE = "matrix", "Custom kernel"
AUTOMATIC = "automatic"
MATRIX_TEXT, MATRIX_GOOD = "cells", "matrix_good"

# Widget key (which is also the name in the link) to default value.
DEFAULTS: dict[str, Any] = {
    f"{family.name}_{p.name}": p.default for family in KERNELS.values() for p in family.parameters
}
DEFAULTS |= {
    "kernel": "gaussian",
    MATRIX_TEXT: "-1 0 1; -2 0 2; -1 0 1",
    "grey": False,
    "stride": 1,
    "dilation": 1,
    "padding": "same",
    "pad": 1,
    "mode": "zeros",
    "flip": False,
    "bias": 0.0,
    "activation": "none",
    "show": AUTOMATIC,
    "zoom": False,
    "row": None,
    "column": None,
    "channel": "R",
    "view": "Look inside",  # the open tab
    "code": "PyTorch",
    "gaussian_size": 9,  # a clearly visible blur
    "gaussian_sigma": 2.0,
} | LEARN_DEFAULTS


@dataclass(frozen=True)
class ConvolutionSettings:
    """The visitor's settings on page 1.

    Attributes:
        weights: (kh, kw) float32 kernel.
        title: Name of the kernel.
        signed: Whether its results are centred on zero.
        spec: Stride, padding, dilation, flip.
        bias: Added to every pixel.
        activation: Key of `cnn_demo.convolution.ACTIVATIONS`.
        grey: Work on one channel, the mean of the three.
        display: Key of `cnn_demo.drawing.pictures.DISPLAYS`.
        zoom: Show a result that stride made smaller at the size of the photo.
        family: Key of `KERNELS`; None for the visitor's own matrix.
        parameters: Parameters of that family by name.
    """

    weights: np.ndarray
    title: str
    signed: bool
    spec: ConvSpec
    bias: float
    activation: str
    grey: bool
    display: str
    zoom: bool
    family: str | None
    parameters: dict[str, Any]


def values_in_force(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every control: the one in `state`, or its default if none is set."""
    held = {key: state.get(key) for key in DEFAULTS}
    return {key: default if held[key] is None else held[key] for key, default in DEFAULTS.items()}


def read_settings(state: Mapping[str, Any]) -> ConvolutionSettings:
    """Read the settings; unset controls have their defaults.

    Args:
        state: Session state, widget key to value.

    Raises:
        ValueError: If a value is out of its range.
    """
    values = values_in_force(state)
    name = values["kernel"]
    family = None if name == OWN_MATRIX else KERNELS[name]
    parameters = {p.name: p.nearest(values[f"{name}_{p.name}"]) for p in family.parameters} if family else {}
    weights, title, signed = (
        (kernel(name, **parameters), family.title, family.signed)
        if family
        else _own_kernel(values[MATRIX_TEXT], state.get(MATRIX_GOOD))
    )
    spec = ConvSpec(
        stride=values["stride"],
        padding=values["pad"] if values["padding"] == "explicit" else values["padding"],
        padding_mode=values["mode"],
        dilation=values["dilation"],
        flip=values["flip"],
    )
    display = values["show"]
    if display == AUTOMATIC:
        display = "signed" if signed and values["activation"] in ("none", "tanh") else "clip"
    return ConvolutionSettings(
        weights=weights,
        title=title,
        signed=signed,
        spec=spec,
        bias=values["bias"],
        activation=values["activation"],
        grey=values["grey"],
        display=display,
        zoom=values["zoom"],
        family=family.name if family else None,
        parameters=parameters,
    )


def _own_kernel(text: str, last_good: np.ndarray | None) -> tuple[np.ndarray, str, bool]:
    """Return the weights, the title, and whether results are centred on zero."""
    try:
        weights = parse_matrix(text)
    except ValueError:  # the editor shows the error; the picture stays
        weights = parse_matrix(DEFAULTS[MATRIX_TEXT]) if last_good is None else last_good
    around_zero = float(weights.sum()) < 0.01 * float(np.abs(weights).sum())  # or below it
    return weights, OWN_MATRIX_TITLE, around_zero


def read_pixel(state: Mapping[str, Any], size: tuple[int, int]) -> tuple[int, int]:
    """Read the selected pixel (row, column) of a result of (height, width); default: the middle one."""
    row, column = (state.get(key) for key in ("row", "column"))
    return (
        size[0] // 2 if row is None else min(row, size[0] - 1),
        size[1] // 2 if column is None else min(column, size[1] - 1),
    )


def read_channel(state: Mapping[str, Any]) -> int:
    """Read the selected channel, 0 to 2: red, green or blue."""
    return "RGB".index(state.get("channel") or DEFAULTS["channel"])
