"""Enlarged view of one map: receptive field, input window and arithmetic of one activation."""

import numpy as np
import streamlit as st

from cnn_demo.convolution import ACTIVATIONS, activate, explain_pixel, explain_window
from cnn_demo.convolution.stack import ConvLayer, Layer, LayerPlan, PoolLayer, layer_input, layer_weights
from cnn_demo.drawing.pictures import display_values, signed_scale
from cnn_demo.images import Photo
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.layers.columns import pair
from cnn_demo.ui.layers.maps import (
    convolutions,
    is_signed,
    learned_kernels,
    map_pictures,
    stack_maps,
    tile_url,
    working_image,
)
from cnn_demo.ui.layers.numbers import bounded_number
from cnn_demo.ui.layers.settings import POOL_TITLES
from cnn_demo.ui.widgets.number_grid import number_grid
from cnn_demo.ui.widgets.picture_size import rows_and_columns

SMOOTH_FROM = 200  # an image with fewer pixels per side is enlarged on the screen: show its pixels as squares
LARGEST_WINDOW = 15  # values per side that are written out


def opened_map(photo: Photo, layers: tuple[Layer, ...], step: LayerPlan) -> None:
    """Show the selected map of the last of `layers`, and the arithmetic of its selected activation."""
    maps = stack_maps(photo, layers)
    before = stack_maps(photo, layers[:-1])
    st.subheader("One activation", anchor=False)
    index, row, column, reads = _position(maps.shape, before.shape[2], layers[-1])
    layer = layers[-1]
    if isinstance(layer, ConvLayer):
        window = _convolution_arithmetic(layer, len(layers), before, reads)
    else:
        window = _pooling_plane(before, index)
        reads = index
    first, map_container = st.columns([2, 1])
    photo_container, before_container = pair(first)
    plane = np.ascontiguousarray(maps[..., index])
    size = maps.shape[:2]
    with photo_container:
        _photo_picture(photo, step, row, column)
    with before_container:
        _before_picture(layer, window, row, column, layers, reads)
    with map_container:
        picture(
            tile_url(map_pictures(plane[..., np.newaxis], False)[0]),
            size,
            key="opened",
            alt=f"Map {index + 1} of layer {len(layers)}",
            caption=(f"Map {index + 1} · {rows_and_columns(size)}. {_scale(plane)} Click to select an activation."),
            max_height=300,
            marks=[Mark(row, column, 1, 1)],
            on_pick=lambda row, column: st.session_state.update(map_row=row, map_column=column),
            pixelated=max(size) < SMOOTH_FROM,
        )
    if isinstance(layer, ConvLayer):
        _show_convolution(layer, convolutions(layers), before, window, index, row, column, reads)
    else:
        _show_pooling(layer, window, row, column)


def _position(shape: tuple[int, ...], channels: int, layer: Layer) -> tuple[int, int, int, int]:
    """Return the selected activation (map, row, column) and the input map that is shown, all from 0."""
    height, width, count = shape
    left, right = st.columns(2)
    containers = [*pair(left), *pair(right)]
    with containers[0]:
        index = bounded_number("Map", 1, count, "map", 1) - 1
    with containers[1]:
        row = bounded_number("Row", 0, height - 1, "map_row", height // 2)
    with containers[2]:
        column = bounded_number("Column", 0, width - 1, "map_column", width // 2)
    reads = 0
    if isinstance(layer, ConvLayer) and layer.source != "hand":
        with containers[3]:
            reads = bounded_number("Input map shown", 1, channels, "reads", 1) - 1
    return index, row, column, reads


def _scale(plane: np.ndarray) -> str:
    full = f"{signed_scale(plane):.2g}"
    return f"Full colour is ±{full} or more." if is_signed(plane) else f"White is {full} or more."


def _photo_picture(photo: Photo, step: LayerPlan, row: int, column: int) -> None:
    image = working_image(photo)
    down, across = step.fields
    centre = down.start + row * down.jump, across.start + column * across.jump
    top, left = centre[0] - (down.size - 1) / 2, centre[1] - (across.size - 1) / 2
    picture(
        tile_url(display_values(image, "clip")),
        image.shape[:2],
        key="opened_photo",
        alt=f"The photo: {photo.description}",
        caption=f"Photo. The frame is the receptive field of this activation: {down.size} × {across.size} pixels.",
        max_height=300,
        marks=[Mark(top, left, down.size, across.size)],
        pixelated=max(image.shape[:2]) < SMOOTH_FROM,
    )


def _convolution_arithmetic(layer: ConvLayer, number: int, before: np.ndarray, reads: int) -> np.ndarray:
    """Return the input plane of the shown part of the sum, (H, W)."""
    if layer.source == "hand":
        return np.ascontiguousarray(before.mean(axis=2))
    return np.ascontiguousarray(layer_input(before, layer)[..., reads])


def _pooling_plane(before: np.ndarray, index: int) -> np.ndarray:
    return np.ascontiguousarray(before[..., index])


def _before_picture(
    layer: Layer, plane: np.ndarray, row: int, column: int, layers: tuple[Layer, ...], reads: int
) -> None:
    size = plane.shape
    if isinstance(layer, ConvLayer):
        pixel = explain_pixel(plane, np.ones((layer.size, layer.size), np.float32), layer.spec, 0.0, row, column)
        top, left = int(pixel.rows[0]), int(pixel.columns[0])
        mark = Mark(top, left, int(pixel.rows[-1]) - top + 1, int(pixel.columns[-1]) - left + 1)
    else:
        window = explain_window(plane, layer.kind, _window(layer, plane), _stride(layer), row, column)
        mark = Mark(window.row, window.column, *window.window.shape)
    where = f"map {reads + 1} of layer {len(layers) - 1}" if len(layers) > 1 else ("red", "green", "blue")[reads]
    if isinstance(layer, ConvLayer) and layer.source == "hand":
        where = f"the mean of layer {len(layers) - 1}'s maps" if len(layers) > 1 else "the photo's brightness"
    picture(
        tile_url(map_pictures(plane[..., np.newaxis], False)[0]),
        size,
        key="opened_before",
        alt=f"Input of the layer: {where}",
        caption=f"Input: {where} · {rows_and_columns(size)}. The frame is the window.",
        max_height=300,
        marks=[mark],
        pixelated=max(size) < SMOOTH_FROM,
    )


def _window(layer: PoolLayer, plane: np.ndarray) -> tuple[int, int]:
    return plane.shape if layer.size is None else (layer.size, layer.size)


def _stride(layer: PoolLayer) -> int:
    return 1 if layer.size is None else layer.stride


def _show_convolution(
    layer: ConvLayer, number: int, before: np.ndarray, plane: np.ndarray, index: int, row: int, column: int, reads: int
) -> None:
    hand = layer.source == "hand"
    channels = 1 if hand else before.shape[2]
    weights = layer_weights(layer, channels, number, learned_kernels())[..., index]
    opened = explain_pixel(plane, weights[..., reads if not hand else 0], layer.spec, 0.0, row, column)
    _three_grids(plane, opened.window, opened.kernel, opened.products, "Kernel")
    if hand:
        total = opened.total
        text = f"**Sum of the products:** {_number(total)}"
    else:
        values = layer_input(before, layer)
        sums = [
            explain_pixel(np.ascontiguousarray(values[..., c]), weights[..., c], layer.spec, 0.0, row, column).total
            for c in range(channels)
        ]
        total = sum(sums)
        inputs = "red, green and blue" if number == 1 else f"all {channels} maps"
        text = f"**Sum of the products** here: {_number(sums[reads])} · **over {inputs}:** {_written_sum(sums)}"
    if layer.activation != "none":
        after = float(activate(np.array(total), layer.activation))
        text += f" · after {ACTIVATIONS[layer.activation].title}: **{_number(after)}**"
    st.markdown(text)


def _show_pooling(layer: PoolLayer, plane: np.ndarray, row: int, column: int) -> None:
    opened = explain_window(plane, layer.kind, _window(layer, plane), _stride(layer), row, column)
    if max(opened.window.shape) > LARGEST_WINDOW:
        st.markdown(
            f"**{POOL_TITLES[layer.kind]} of the whole map:** {opened.window.size:,} values become one, "
            f"**{_number(opened.value)}**; the largest is {_number(float(plane.max()))}, the mean "
            f"{_number(float(plane.mean()))}."
        )
        return
    _three_grids(plane, opened.window, opened.weights, opened.window * opened.weights, "Weights")
    st.markdown(
        f"**{POOL_TITLES[layer.kind]}** = sum of the products = **{_number(opened.value)}**. The weight of each value "
        "is also the fraction of the gradient that it gets in training."
    )


def _three_grids(plane: np.ndarray, window: np.ndarray, weights: np.ndarray, products: np.ndarray, name: str) -> None:
    """Show a window of a map in the brightness of the map's picture, unless it is in red and blue, and the products."""
    first, last = st.columns([2, 1])
    containers = [*pair(first), last]
    with containers[0]:
        number_grid(
            window,
            title="Window",
            alt="The window",
            brightness=not is_signed(plane),
            white=signed_scale(plane) or 1.0,
        )
    with containers[1]:
        number_grid(weights, title=f"× {name}", alt=name)
    with containers[2]:
        number_grid(products, title="= Products", alt="The products")


def _written_sum(sums: list[float]) -> str:
    terms = [f"{'−' if value < 0 else '+'} {abs(value):.3f}" for value in sums]
    if len(terms) > 6:
        terms = [*terms[:3], "+ …", terms[-1]]
    return f"{' '.join(terms).removeprefix('+ ')} = **{_number(sum(sums))}**"


def _number(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
