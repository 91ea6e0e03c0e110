"""Page 2, "Compare pooling": one map pooled in several ways, a window's arithmetic, and the gradients."""

import cv2
import numpy as np
import streamlit as st

from cnn_demo.convolution import WindowArithmetic, pooled_size
from cnn_demo.convolution.stack import POOL_RANGES
from cnn_demo.drawing.pictures import display_values, jpeg_url, signed_scale
from cnn_demo.images import Photo
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.layers.columns import pair
from cnn_demo.ui.layers.numbers import bounded_number
from cnn_demo.ui.layers.pooled import FOURTH, MAPS, TAPS, Pooled, feature_map, map_title, pooled
from cnn_demo.ui.layers.settings import DEFAULTS, overlap_sentence, value_of
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.number_grid import number_grid
from cnn_demo.ui.widgets.picture_size import rows_and_columns

CLOSE_UP = 24  # pixels per side
ORANGE, BLUE = np.array([255.0, 140.0, 0.0]), np.array([60.0, 130.0, 255.0])


def pooling_view(photo: Photo) -> None:
    """Show a map, and the results of max pooling, average pooling and a strided convolution."""
    panel, stage, details = controls_picture_and_details("pooling")
    with panel:
        window, stride = _controls()
    plane = feature_map(photo, value_of(SESSION, "of"))
    try:
        size = pooled_size(plane.shape, window, stride)
    except ValueError as error:
        stage.warning(f"{plain(str(error).rstrip('.'))}: please choose a smaller window.", icon=":material/crop_free:")
        return
    with panel:
        row, column = _open_window(size)
    results = [pooled(plane, kind, window, stride, row, column) for kind in _kinds()]
    scale = signed_scale(plane) or 1.0
    with stage:
        _pictures(plane, results, scale, row, column)
    with details:
        _arithmetic(results, scale)
        with st.container(key="gradients"):
            _gradients(plane, results, scale)


def _kinds() -> tuple[str, ...]:
    fourth = value_of(SESSION, "fourth")
    return "max", "average", fourth


def _controls() -> tuple[int, int]:
    low, high = POOL_RANGES["size"]
    window = st.slider("Window size", low, high, DEFAULTS["window"], key="window", bind="query-params")
    stride = st.slider("Stride", low, high, DEFAULTS["step"], key="step", bind="query-params")
    st.caption(overlap_sentence(window, stride))
    st.selectbox("Map", MAPS, index=MAPS.index(DEFAULTS["of"]), format_func=map_title, key="of", bind="query-params")
    st.selectbox("Compare with", list(FOURTH), format_func=FOURTH.__getitem__, key="fourth", bind="query-params")
    st.selectbox(
        "Kernel",
        list(TAPS),
        format_func=TAPS.__getitem__,
        key="taps",
        bind="query-params",
        disabled=value_of(SESSION, "fourth") != "strided",
        help=(
            "Kernel of the strided convolution. Every n-th value: as if the convolution that made the map had this "
            "stride."
        ),
    )
    return window, stride


def _open_window(size: tuple[int, int]) -> tuple[int, int]:
    row = bounded_number("Row", 0, size[0] - 1, "pool_row", size[0] // 2)
    return row, bounded_number("Column", 0, size[1] - 1, "pool_column", size[1] // 2)


def _pictures(plane: np.ndarray, results: list[Pooled], scale: float, row: int, column: int) -> None:
    """Show all results with one brightness scale and at one size, so that only the effect of pooling differs."""
    first, *containers = _four_columns()
    opened = results[0].opened
    with first:
        height, width = plane.shape
        picture(
            jpeg_url(display_values(plane / scale, "clip")),
            plane.shape,
            key="pool_before",
            alt="The map before pooling",
            caption=f"The map · {rows_and_columns((height, width))}. The frame is the selected window.",
            max_height=280,
            marks=[Mark(opened.row, opened.column, *opened.window.shape)],
        )
    for container, result in zip(containers, results, strict=True):
        with container:
            height, width = result.values.shape
            shown = result.values / scale
            picture(
                jpeg_url(_squares(display_values(shown, "signed" if shown.min() < 0 else "clip"))),
                result.values.shape,
                key=f"pool_{result.kind}",
                alt=f"{result.title} of the map",
                caption=f"{result.title} · {rows_and_columns((height, width))}, enlarged. Click to select a window.",
                max_height=280,
                marks=[Mark(row, column, 1, 1)],
                on_pick=lambda row, column: st.session_state.update(pool_row=row, pool_column=column),
                pixelated=True,
            )


def _four_columns() -> list:
    """Return four columns in a row, which a phone shows as two rows."""
    return [container for half in st.columns(2) for container in pair(half)]


def _squares(pixels: np.ndarray) -> np.ndarray:
    """Enlarge a small image without interpolation, so that JPEG does not blur its pixels."""
    factor = max(1, 256 // max(pixels.shape[:2]))
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST) if factor > 1 else pixels


def _arithmetic(results: list[Pooled], scale: float) -> None:
    containers = _four_columns()
    with containers[0]:
        number_grid(
            results[0].opened.window,
            title="The window",
            alt="The selected window of the map",
            brightness=True,
            white=scale,
        )
    for container, result in zip(containers[1:], results, strict=True):
        with container:
            value = f"{result.opened.value:.4f}".replace("-", "−")
            number_grid(
                result.opened.weights,
                title=f"{result.title}: weights" + (" of the maxima" if result.kind == "blur" else ""),
                note=f"Sum of window × weights = {value}",
                alt=f"Weight of each value of the window for {result.title}",
            )


def _gradients(plane: np.ndarray, results: list[Pooled], scale: float) -> None:
    st.subheader("Gradients", anchor=False)
    text, first, last = st.columns([1, 2, 1])
    containers = [*pair(first), last]
    with text:
        st.markdown(gradient_sentence(results))
        st.caption(
            "Of equal values in a window, such as zeros after a ReLU, the first gets the gradient, as in PyTorch."
        )
    limit = max(1.0, *(float(np.abs(result.gradient).max()) for result in results))
    part = _close_up(plane.shape, results[0].opened)
    opened = results[0].opened
    mark = Mark(opened.row - part[0].start, opened.column - part[1].start, *opened.window.shape)
    for container, result in zip(containers, results, strict=True):
        with container:
            colours = gradient_colours(plane[part] / scale, result.gradient[part] / limit)
            picture(
                jpeg_url(_squares(colours)),
                colours.shape[:2],
                key=f"gradient_{result.kind}",
                alt=f"Close-up of the map: gradient with {result.title}",
                caption=f"{result.title}, close-up of the map: "
                + (
                    (f"full orange is a gradient of {limit:.3g}, paler orange is less.")
                    if result.gradient.min() >= 0
                    else _SIGNED
                ),
                max_height=280,
                marks=[mark],
                pixelated=True,
            )


_SIGNED = "orange is a positive gradient, blue a negative one."


def gradient_sentence(results: list[Pooled]) -> str:
    """Return a sentence on how many positions get a gradient with max pooling, and with average pooling."""
    maximum, average = results[0].gradient, results[1].gradient
    chosen = maximum > 0
    text = (
        "The weight of a value is also the gradient it gets in training. With **max** pooling, "
        f"**{float(chosen.mean()):.1%}** of the map's values get a gradient, one for each window"
    )
    largest = int(maximum.max())
    if largest > 1:
        shared = float((maximum > 1).sum() / chosen.sum())
        text += f"; **{shared:.1%}** of these are the maximum of several windows, up to **{largest}**"
    return f"{text}. With **average** pooling, **{float((average > 0).mean()):.1%}** get one."


def _close_up(shape: tuple[int, int], opened: WindowArithmetic) -> tuple[slice, slice]:
    """Return a crop around the selected window, small enough to distinguish single pixels."""
    height, width = opened.window.shape
    return _crop_slice(opened.row, height, shape[0]), _crop_slice(opened.column, width, shape[1])


def _crop_slice(first: int, extent: int, side: int) -> slice:
    """Return the crop of one axis, of length `side`, around a window of `extent` pixels from `first`."""
    start = max(0, min(first + extent // 2 - CLOSE_UP // 2, side - CLOSE_UP))
    return slice(start, start + CLOSE_UP)


def gradient_colours(grey: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Draw the gradient over the map: positive orange, negative blue, the stronger the larger it is.

    Args:
        grey: The map, (H, W), shown from 0 to 1.
        gradient: The gradient, (H, W) in -1...1; the result is (H, W, 3) uint8.
    """
    base = np.repeat(np.clip(grey, 0, 1)[..., np.newaxis] * 200, 3, axis=2)
    strength = np.sqrt(np.abs(gradient))[..., np.newaxis]  # a gradient of 1/9 must still be visible
    colour = np.where(gradient[..., np.newaxis] >= 0, ORANGE, BLUE)
    return np.rint(base + (colour - base) * strength).astype(np.uint8)
