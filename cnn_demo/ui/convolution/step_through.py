"""Page 1, "Step through": the convolution on a crop of the photo, cell by cell, with cells and weights to edit."""

import numpy as np
import streamlit as st

from cnn_demo.convolution import dilated_size, output_size, padding_amounts
from cnn_demo.drawing.pictures import display_values, jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.images.crop import crop_around, format_crop, is_crop, read_crop
from cnn_demo.ui.components.conv_player import Operation, Source, conv_player
from cnn_demo.ui.convolution.matrix_editor import set_matrix
from cnn_demo.ui.convolution.result import input_image
from cnn_demo.ui.convolution.settings import OWN_MATRIX, ConvolutionSettings, read_pixel
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.page.session import SESSION

CROP = "crop"  # key in the session and in the link
_THUMBNAIL = 560  # pixels a side: twice as many as it is drawn with


def step_through(photo: Photo, settings: ConvolutionSettings) -> None:
    """Show the player on the crop of the link, or on one around the selected pixel."""
    sync_query_param(CROP, "", is_crop)
    image = input_image(photo, settings.grey)
    centre = _window_centre(image.shape[:2], settings)
    own = crop_around(image.shape[:2], centre, cell=1)
    spec = settings.spec
    conv_player(
        Operation(
            "convolution",
            settings.weights.shape,
            settings.weights,
            spec.stride,
            spec.dilation,
            spec.padding,
            spec.padding_mode,
            spec.flip,
            settings.bias,
            settings.activation,
        ),
        Source(image, _thumbnail(photo, settings.grey), f"{photo.key} {settings.grey}", photo.description),
        read_crop(SESSION.get(CROP) or "", image.shape[:2], centre),
        key="player",
        display=settings.display,
        on_crop=_move_crop,
        on_kernel=_take_kernel,
        selected=format_crop(own.cells, own.cell, own.row, own.column),
    )


def _window_centre(size: tuple[int, int], settings: ConvolutionSettings) -> tuple[float, float]:
    """Return the middle of the selected pixel's window, in rows and columns of the photo."""
    shape, spec = settings.weights.shape, settings.spec
    pixel = read_pixel(SESSION, output_size(size, shape, spec))
    span, amounts = dilated_size(shape, spec.dilation), padding_amounts(size, shape, spec)
    row, column = (pixel[axis] * spec.stride[axis] - amounts[axis][0] + (span[axis] - 1) / 2 for axis in (0, 1))
    return row, column


@photo_cache()
def _thumbnail(photo: Photo, grey: bool) -> str:
    small = reduced(photo.pixels, _THUMBNAIL)
    return jpeg_url(display_values(small.mean(axis=2, dtype=np.float32) / 255, "clip") if grey else small)


def _move_crop(text: str) -> None:
    st.session_state[CROP] = text


def _take_kernel(weights: np.ndarray) -> None:
    set_matrix(weights)
    st.session_state["kernel"] = OWN_MATRIX
