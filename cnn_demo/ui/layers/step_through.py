"""Page 2, "Step through": pooling, blurred pooling and transposed convolution on a crop, cell by cell."""

import numpy as np
import streamlit as st

from cnn_demo.convolution import transposed_convolve
from cnn_demo.convolution.stack import POOL_RANGES
from cnn_demo.convolution.upsampling import KERNELS, kernel_of
from cnn_demo.drawing.pictures import display_values, jpeg_url, signed_scale
from cnn_demo.images import Photo
from cnn_demo.images.crop import is_crop, read_crop
from cnn_demo.ui.components.conv_player import Operation, Source, conv_player
from cnn_demo.ui.layers.pooled import MAPS, feature_map, map_title
from cnn_demo.ui.layers.settings import DEFAULTS, POOL_TITLES, overlap_sentence, value_of
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.page.session import SESSION

OPERATIONS = {kind: f"{POOL_TITLES[kind]} pooling" for kind in ("max", "average", "min", "l2")}
OPERATIONS |= {kind: POOL_TITLES[kind] for kind in ("blur", "smooth")}
OPERATIONS["transposed"] = "Transposed convolution"
UNPADDED = ("blur", "smooth")  # they mirror the map at its border
CROP = "crop"  # key in the session and in the link

_NOTES = {
    "max": "The marked cell is the window's maximum. Move the pattern by one cell: wherever the maximum stays in its "
    "window, the result stays too; the dots mark results that changed.",
    "average": "Every cell of the window has the same weight. Move the pattern by one cell: nearly all results change, "
    "each by a little.",
    "min": "The marked cell is the window's minimum: dark lines grow, bright ones vanish.",
    "l2": "The root of the sum of squares: large values count most, but no value is ignored.",
    "blur": "First the maximum of each window at stride 1, then a binomial blur, and only then the stride (Zhang "
    "2019). Move the pattern by one cell and compare the mean change with that of max pooling.",
    "smooth": "A binomial blur before the stride, without a maximum (BlurPool of Zhang 2019).",
}


def step_through_view(photo: Photo) -> None:
    """Show the player on a crop of the chosen map."""
    panel, stage, details = controls_picture_and_details("walk")
    with panel:
        operation = _controls()
    sync_query_param(CROP, "", is_crop)
    name = value_of(SESSION, "walk_map")
    plane = feature_map(photo, name)
    white = signed_scale(plane) or 1.0
    middle = (plane.shape[0] - 1) / 2, (plane.shape[1] - 1) / 2
    with stage:
        conv_player(
            operation,
            Source(
                plane,
                jpeg_url(display_values(plane / white, "clip")),
                f"{photo.key} {name}",
                f"The map: {map_title(name)}",
                white,
            ),
            read_crop(SESSION.get(CROP) or "", plane.shape, middle),
            key="player",
            on_crop=lambda text: st.session_state.update({CROP: text}),
        )
    with details:
        st.markdown(_note(operation))


def _controls() -> Operation:
    kind = st.selectbox(
        "Operation", list(OPERATIONS), format_func=OPERATIONS.__getitem__, key="walk", bind="query-params"
    )
    st.selectbox("Map", MAPS, format_func=map_title, key="walk_map", bind="query-params")
    transposed = kind == "transposed"
    low, high = POOL_RANGES["size"]
    size = 1
    if transposed:
        weights = st.selectbox(
            "Kernel", list(KERNELS), format_func=KERNELS.__getitem__, key="walk_kernel", bind="query-params"
        )
        size = st.slider("Kernel size", 2, high, DEFAULTS["walk_size"], key="walk_size", bind="query-params")
    elif kind != "smooth":
        size = st.slider("Window size", low, high, DEFAULTS["walk_window"], key="walk_window", bind="query-params")
    stride = st.slider("Stride", low, high, DEFAULTS["walk_stride"], key="walk_stride", bind="query-params")
    padding = 0 if kind in UNPADDED else _padding(size)
    if not transposed and kind not in UNPADDED:
        st.caption(overlap_sentence(size, stride))
    return Operation(
        "blur" if kind == "smooth" else kind,
        (size, size),
        kernel_of(weights, size, stride=stride) if transposed else None,
        (stride, stride),
        padding=(padding, padding),
    )


def _padding(size: int) -> int:
    """Return how many cells of padding the visitor wants; a window needs a cell of the map."""
    held = st.slider(
        "Padding",
        0,
        POOL_RANGES["size"][1] - 1,
        DEFAULTS["walk_padding"],
        key="walk_padding",
        bind="query-params",
        help="Cells on every side, fewer than the window has. Maximum, minimum and average ignore them; the L2 norm "
        "takes them as zeros; a transposed convolution crops them from its result.",
    )
    return min(held, size - 1)


def _note(operation: Operation) -> str:
    if operation.kind == "blur":
        return _NOTES["blur" if operation.size[0] > 1 or value_of(SESSION, "walk") == "blur" else "smooth"]
    if operation.kind != "transposed":
        return _NOTES[operation.kind]
    size, stride = operation.size[0], operation.stride[0]
    side = 4 * (size + stride)
    stamps = transposed_convolve(np.ones((side, side)), np.ones((size, size)), stride)
    inner = np.rint(stamps[size * stride : -size * stride, size * stride : -size * stride])
    fewest, most = int(inner.min()), int(inner.max())
    text = "Every cell of the crop stamps the kernel into the result, times its value; stamps that overlap add up. "
    if fewest == most:
        return text + f"The kernel size {size} is divisible by the stride {stride}: every cell gets {most} stamps."
    return text + (
        f"The kernel size {size} is not divisible by the stride {stride}: cells get from {fewest} to {most} stamps, "
        "and an even crop comes out as a checkerboard. Press *Fill the crop* to see it."
    )
