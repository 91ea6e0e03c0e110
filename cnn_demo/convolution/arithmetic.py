"""Arithmetic of one output pixel, step by step."""

from dataclasses import dataclass

import numpy as np

from cnn_demo.convolution.geometry import ConvSpec, output_size, pad_image, padding_amounts
from cnn_demo.convolution.operation import check_shapes


@dataclass(frozen=True)
class PixelArithmetic:
    """The arithmetic of one pixel of a feature map: `total = sum(window * kernel) + bias`.

    Attributes:
        window: (kh, kw) float32, the values of the padded image under the kernel's taps.
        kernel: (kh, kw) float32, as applied to the image, already rotated if the spec flips it.
        products: (kh, kw) float32, window times kernel.
        total: the pixel, summed in float64.
        bias: the bias that was added.
        rows: (kh,) int, rows of the image under the taps; in the padding they are negative or at least H.
        columns: (kw,) int, columns of the image under the taps, likewise.
        inside: (kh, kw) bool, whether a weight is applied to the image and not to its padding.
    """

    window: np.ndarray
    kernel: np.ndarray
    products: np.ndarray
    total: float
    bias: float
    rows: np.ndarray
    columns: np.ndarray
    inside: np.ndarray


def explain_pixel(
    image: np.ndarray, weights: np.ndarray, spec: ConvSpec, bias: float, row: int, column: int, channel: int = 0
) -> PixelArithmetic:
    """Return the arithmetic of pixel (row, column) of `convolve(image, weights, spec, bias)`.

    Args:
        image: the image, (H, W) or (H, W, C).
        weights: the kernel, (kh, kw).
        spec: stride, padding, dilation and flip.
        bias: added to the sum.
        row: row of the feature map, from 0.
        column: column of the feature map, from 0.
        channel: channel of an image (H, W, C).

    Raises:
        ValueError: if the shapes do not fit.
        IndexError: if the feature map has no such pixel, or the image no such channel.
    """
    image, weights = np.asarray(image, np.float32), np.asarray(weights, np.float32)
    check_shapes(image, weights)
    if weights.ndim != 2:
        raise ValueError(f"The arithmetic of a pixel is shown for weights (kh, kw), not {weights.shape}.")
    size, kernel_size = image.shape[:2], weights.shape
    height, width = output_size(size, kernel_size, spec)
    if not (0 <= row < height and 0 <= column < width):
        raise IndexError(f"There is no pixel ({row}, {column}) in a feature map of {height} × {width}.")
    plane = image if image.ndim == 2 else image[..., channel]
    amounts = padding_amounts(size, kernel_size, spec)
    (top, _), (left, _) = amounts
    rows = row * spec.stride[0] + np.arange(kernel_size[0]) * spec.dilation[0]
    columns = column * spec.stride[1] + np.arange(kernel_size[1]) * spec.dilation[1]
    window = pad_image(plane, amounts, spec.padding_mode)[np.ix_(rows, columns)]
    kernel = weights[::-1, ::-1] if spec.flip else weights
    rows, columns = rows - top, columns - left
    return PixelArithmetic(
        window=window,
        kernel=kernel,
        products=window * kernel,
        total=float(np.sum(window.astype(np.float64) * kernel) + bias),
        bias=float(bias),
        rows=rows,
        columns=columns,
        inside=np.outer((rows >= 0) & (rows < size[0]), (columns >= 0) & (columns < size[1])),
    )
