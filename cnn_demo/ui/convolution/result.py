"""The computation of page 1: the photo, its convolution, and the arithmetic of the selected pixel."""

from dataclasses import dataclass

import numpy as np

from cnn_demo.convolution import PixelArithmetic, activate, convolve, explain_pixel
from cnn_demo.drawing.pictures import DISPLAYS, display_values, png_bytes, signed_scale
from cnn_demo.images import Photo
from cnn_demo.ui.convolution.settings import ConvolutionSettings
from cnn_demo.ui.page.caching import photo_cache


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


def display_caption(settings: ConvolutionSettings, result: ConvolutionResult) -> str:
    """Return a caption on the brightness of the result, with its values."""
    title, sentence = DISPLAYS[settings.display]
    if settings.display == "signed":
        return f"{title}: full colour is ±{signed_scale(result.values):.3g} or more."
    if settings.display == "stretch":
        return f"{title}: black is {result.values.min():.3g}, white {result.values.max():.3g}."
    return f"{title}: {sentence}"


def result_png(settings: ConvolutionSettings, result: ConvolutionResult) -> bytes:
    """Return the displayed result as a PNG file at full working size."""
    return png_bytes(display_values(result.values, settings.display))
