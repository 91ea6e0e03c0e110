"""Images of page 1: input and output at one scale, with the selected pixel marked on both."""

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnn_demo.convolution import PixelArithmetic, activate, convolve, explain_pixel
from cnn_demo.drawing.pictures import DISPLAYS, display_values, jpeg_url, png_bytes, signed_scale
from cnn_demo.images import Photo
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.convolution.settings import ConvolutionSettings
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.widgets.used_pixels import used_pixels

SMOOTH_FROM = 200  # an image with fewer pixels per side is enlarged on the screen: show its pixels as squares


@dataclass(frozen=True)
class ConvolutionResult:
    """One run of the workbench.

    Attributes:
        image: The input, (H, W) or (H, W, 3) float32 in 0..1.
        values: The output after bias and activation, (H', W') or (H', W', 3) float32.
        pixel: Selected pixel (row, column) of the result.
        channel: Selected channel: 0, 1, 2.
        arithmetic: Arithmetic of that pixel, before the activation.
    """

    image: np.ndarray
    values: np.ndarray
    pixel: tuple[int, int]
    channel: int
    arithmetic: PixelArithmetic


@photo_cache()
def input_image(photo: Photo, grey: bool) -> np.ndarray:
    """Return the photo as (H, W) or (H, W, 3) float32 in 0..1; read-only, as it is shared."""
    image = photo.pixels.astype(np.float32) / 255
    image = image.mean(axis=2) if grey else image
    image.flags.writeable = False
    return image


@photo_cache()
def _input_url(photo: Photo, grey: bool) -> str:
    return jpeg_url(display_values(input_image(photo, grey), "clip"))


def compute(photo: Photo, settings: ConvolutionSettings, pixel: tuple[int, int], channel: int) -> ConvolutionResult:
    """Convolve the photo and select one pixel of the result.

    Args:
        photo: The photo.
        settings: Kernel, geometry, bias, activation and display.
        pixel: Pixel (row, column) of the result.
        channel: Channel 0, 1 or 2; 0 for a grey image.
    """
    image = input_image(photo, settings.grey)
    values = activate(convolve(image, settings.weights, settings.spec, settings.bias), settings.activation)
    arithmetic = explain_pixel(image, settings.weights, settings.spec, settings.bias, *pixel, channel)
    return ConvolutionResult(image, values, pixel, channel, arithmetic)


def show_input(photo: Photo, settings: ConvolutionSettings, result: ConvolutionResult) -> None:
    """Show the photo, with the window of the selected pixel."""
    size = result.image.shape[:2]
    rows, columns = result.arithmetic.rows, result.arithmetic.columns
    window = Mark(int(rows[0]), int(columns[0]), int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1)

    stride = settings.spec.stride

    def pick(row: int, column: int) -> None:  # from the middle of the open window, one pixel of the result per stride
        down, right = (row - rows.mean()) / stride[0], (column - columns.mean()) / stride[1]
        # Half-way between two, where even kernels have their middle, it is always the former: no pixel is skipped.
        moved = math.ceil(down - 0.5), math.ceil(right - 0.5)
        open_pixel(result.pixel[0] + moved[0], result.pixel[1] + moved[1], result.values.shape[:2])

    picture(
        _input_url(photo, settings.grey),
        size,
        key="before",
        alt=f"Before: {photo.description}",
        caption=(
            f"Before · {size[0]:,} rows × {size[1]:,} columns. The frame is the window of the selected pixel. "
            f"{used_pixels(photo)}"
        ).rstrip(),
        frame_size=_frame_size(result),
        marks=[window],
        on_pick=pick,
        step=stride,
        pixelated=max(size) < SMOOTH_FROM,
    )


def show_output(photo: Photo, settings: ConvolutionSettings, result: ConvolutionResult) -> None:
    """Show the result, with the selected pixel."""
    size = result.values.shape[:2]
    frame_size = _frame_size(result)
    zoom = min(frame_size[0] / size[0], frame_size[1] / size[1]) if settings.zoom else 1.0
    row, column = result.pixel

    def pick(row: int, column: int) -> None:
        open_pixel(row, column, size)

    picture(
        jpeg_url(display_values(result.values, settings.display)),
        size,
        key="after",
        alt=f"After: {settings.title} on {photo.name}",
        caption=(
            f"After · {size[0]:,} rows × {size[1]:,} columns. {display_caption(settings, result)} "
            "Click to select a pixel."
        ),
        small_note="Shown at {scale}; the PNG file has every pixel.",
        frame_size=frame_size,
        zoom=zoom,
        marks=[Mark(row, column, 1, 1)],
        on_pick=pick,
        pixelated=max(size) < SMOOTH_FROM,
    )


def display_caption(settings: ConvolutionSettings, result: ConvolutionResult) -> str:
    """Return a caption on the brightness of the result, with its values."""
    title, sentence = DISPLAYS[settings.display]
    if settings.display == "signed":
        return f"{title}: full colour is ±{signed_scale(result.values):.3g} or more."
    if settings.display == "stretch":
        return f"{title}: black is {result.values.min():.3g}, white {result.values.max():.3g}."
    return f"{title}: {sentence}"


def open_pixel(row: int, column: int, size: tuple[int, int]) -> None:
    """Select a pixel of the result, clipped to its size, and open the view of its arithmetic."""
    st.session_state["row"] = max(0, min(row, size[0] - 1))
    st.session_state["column"] = max(0, min(column, size[1] - 1))
    st.session_state["view"] = "Look inside"


def result_png(settings: ConvolutionSettings, result: ConvolutionResult) -> bytes:
    """Return the displayed result as a PNG file at full working size."""
    return png_bytes(display_values(result.values, settings.display))


def _frame_size(result: ConvolutionResult) -> tuple[int, int]:
    (height, width), (result_height, result_width) = result.image.shape[:2], result.values.shape[:2]
    return max(height, result_height), max(width, result_width)
