"""The controls of page 1. Each widget's key is its name in the link; `settings` reads their values."""

import streamlit as st

from cnn_demo.convolution import ACTIVATIONS, KERNELS, PADDING_MODES, Choice, Parameter
from cnn_demo.drawing.pictures import DISPLAYS
from cnn_demo.ui.convolution.matrix_editor import matrix_editor, set_matrix
from cnn_demo.ui.convolution.settings import AUTOMATIC, DEFAULTS, OWN_MATRIX, OWN_MATRIX_TITLE, read_settings
from cnn_demo.ui.page.link import link_binding
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.choice import choose, index_field

PADDINGS = {"same": "Same", "valid": "Valid", "explicit": "Explicit"}
PADDING_TITLES = {"zeros": "Zeros", "reflect": "Reflect", "replicate": "Replicate", "circular": "Circular"}


def kernel_controls() -> None:
    """Show the kernel's family and its parameters."""
    name = st.selectbox(
        "Kernel",
        [*KERNELS, OWN_MATRIX],
        index=list(KERNELS).index(DEFAULTS["kernel"]),
        format_func=lambda key: OWN_MATRIX_TITLE if key == OWN_MATRIX else KERNELS[key].title,
        key="kernel",
        bind="query-params",
    )
    if name == OWN_MATRIX:
        matrix_editor()
        return
    family = KERNELS[name]
    st.caption(family.sentence)
    for parameter in family.parameters:
        _parameter(family.name, parameter)
    st.button(
        "Edit the weights",
        icon=":material/edit:",
        type="tertiary",
        on_click=_edit_numbers,
        help="Copy these weights into a matrix that you can edit cell by cell.",
    )


def _edit_numbers() -> None:
    set_matrix(read_settings(SESSION).weights)
    st.session_state["kernel"] = OWN_MATRIX


def _parameter(family: str, parameter: Parameter) -> None:
    key = f"{family}_{parameter.name}"
    if isinstance(parameter, Choice):
        st.segmented_control(
            parameter.label,
            list(parameter.choices),
            default=DEFAULTS[key],
            required=True,
            format_func=lambda choice: str(choice).capitalize(),
            help=parameter.help,
            key=key,
            bind="query-params",
            wrap=True,
        )
        return
    unit = f" ({parameter.unit})" if parameter.unit else ""
    widget = st.number_input if parameter.name == "seed" else st.slider
    widget(
        parameter.label + unit,
        parameter.minimum,
        parameter.maximum,
        DEFAULTS[key],
        parameter.step,
        help=parameter.help,
        key=key,
        bind=link_binding(key),
    )


def geometry_controls() -> None:
    """Show the controls of the geometry: stride, dilation, padding, flip."""
    for container, (key, label, help_text) in zip(
        st.columns(2),
        (
            ("stride", "Stride", "Pixels from one window to the next."),
            ("dilation", "Dilation", "Pixels from one weight to the next; 1 is dense."),
        ),
        strict=True,
    ):
        container.slider(label, 1, 8, DEFAULTS[key], key=key, bind="query-params", help=help_text)
    padding = choose(
        "Padding",
        PADDINGS,
        key="padding",
        default=DEFAULTS["padding"],
        help=(
            "Same: the result has the size of the photo (divided by the stride). Valid: no padding. Explicit: as many "
            "pixels as you set."
        ),
    )
    if padding == "explicit":
        st.slider("Padding in pixels", 0, 64, DEFAULTS["pad"], key="pad", bind="query-params", help="On every side.")
    st.selectbox(
        "Padding mode",
        PADDING_MODES,
        format_func=PADDING_TITLES.__getitem__,
        key="mode",
        bind="query-params",
        disabled=padding == "valid",
    )
    st.toggle(
        "Flip the kernel",
        key="flip",
        bind="query-params",
        help="Off: cross-correlation, which networks compute. On: convolution as mathematics defines it.",
    )


def value_controls() -> None:
    """Show the controls of values: colour, bias, activation, display."""
    st.toggle("Greyscale", key="grey", bind="query-params", help="One channel instead of red, green and blue.")
    st.slider("Bias", -1.0, 1.0, DEFAULTS["bias"], 0.05, key="bias", bind="query-params", help="Added to every sum.")
    st.selectbox(
        "Activation",
        list(ACTIVATIONS),
        format_func=lambda key: ACTIVATIONS[key].title,
        key="activation",
        bind="query-params",
        help="Function that a network applies to every value before the next layer.",
    )
    st.selectbox(
        "Show values as",
        [AUTOMATIC, *DISPLAYS],
        format_func=lambda key: "Automatic" if key == AUTOMATIC else DISPLAYS[key][0],
        key="show",
        bind="query-params",
        help="A screen shows 0 to 1, but results can be negative or larger.",
    )
    st.toggle(
        "Enlarge the result", key="zoom", bind="query-params", help="Shows a small result at the size of the photo."
    )


def pixel_controls(size: tuple[int, int], grey: bool) -> None:
    """Show the fields of the selected pixel of the result; a click on an image updates them.

    Args:
        size: Size (height, width) of the result.
        grey: Whether there is one channel only.
    """
    containers = st.columns(3)
    for container, key, side in zip(containers, ("row", "column"), size, strict=False):
        with container:
            index_field(
                f"{key.capitalize()} of the result",
                side,
                key=key,
                placeholder=f"{side // 2}, the middle",
                persist_state="session",
            )
    if not grey:
        containers[2].segmented_control(
            "Channel", ["R", "G", "B"], default="R", required=True, key="channel", bind="query-params"
        )
