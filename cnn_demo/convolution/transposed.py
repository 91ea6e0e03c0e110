"""Transposed convolution: every pixel of a small map stamps the kernel onto a larger one.

It is the gradient of a convolution with respect to its input, which is why its stride makes images larger. It undoes
the size of a convolution, not its effect. Dumoulin & Visin (2016), chapter 4; Zeiler et al., "Deconvolutional
networks" (2010). Uneven overlap of the stamps makes the checkerboards of Odena et al., Distill (2016).
"""

import numpy as np

from cnn_demo.convolution.geometry import Pair, as_pair
from cnn_demo.convolution.operation import check_bias, check_shapes


def transposed_output_size(
    size: Pair,
    kernel_size: Pair,
    stride: int | Pair,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Pair:
    """Return the (H', W') of `transposed_convolve`: (n − 1)·stride − 2·padding + dilation·(k − 1) + output_padding + 1.

    Raises:
        ValueError: if an argument is out of range, or nothing is left of the image.
    """
    size, kernel_size = as_pair(size, "size", 1), as_pair(kernel_size, "kernel_size", 1)
    stride, dilation = as_pair(stride, "stride", 1), as_pair(dilation, "dilation", 1)
    padding, output_padding = as_pair(padding, "padding", 0), as_pair(output_padding, "output_padding", 0)
    if any(output_padding[a] >= max(stride[a], dilation[a]) for a in (0, 1)):
        raise ValueError(f"output_padding {output_padding} must be smaller than the stride or the dilation.")
    height, width = (
        (size[a] - 1) * stride[a] - 2 * padding[a] + dilation[a] * (kernel_size[a] - 1) + output_padding[a] + 1
        for a in (0, 1)
    )
    if min(height, width) < 1:
        raise ValueError(f"Padding {padding} crops everything: the result would be {height} × {width}.")
    return height, width


def transposed_convolve_definition(
    image: np.ndarray,
    weights: np.ndarray,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    bias: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Add the scaled kernel for each pixel, weight by weight: the definition of `transposed_convolve`."""
    height, width = transposed_output_size(
        image.shape[:2], weights.shape[:2], stride, padding, output_padding, dilation
    )
    rows, columns = as_pair(stride, "stride", 1)
    top, left = as_pair(padding, "padding", 0)
    apart = as_pair(dilation, "dilation", 1)
    tail = weights.shape[3:] if weights.ndim == 4 else image.shape[2:]
    result = np.zeros((height, width, *tail))
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            for u in range(weights.shape[0]):
                for v in range(weights.shape[1]):
                    y, x = i * rows + u * apart[0] - top, j * columns + v * apart[1] - left
                    if 0 <= y < height and 0 <= x < width:
                        pixel = image[i, j].astype(np.float64)
                        tap = weights[u, v]
                        result[y, x] += np.atleast_1d(pixel) @ tap if weights.ndim == 4 else pixel * tap
    return (result + bias).astype(np.float32)


def transposed_convolve(
    image: np.ndarray,
    weights: np.ndarray,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    bias: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Enlarge an image by transposed convolution, as `torch.nn.functional.conv_transpose2d` does.

    Args:
        image: (H, W) or (H, W, C) float32.
        weights: (kh, kw), the same kernel on every channel; (kh, kw, C), one kernel for each channel; or
            (kh, kw, C, F), F channels out of C. (Keras's Conv2DTranspose has the last two axes the other way round.)
        stride: pixels of the result from one stamp to the next.
        padding: rows and columns cropped from every side of the result.
        output_padding: rows and columns left uncropped at the bottom and the right, smaller than stride or dilation.
        dilation: pixels of the result from one kernel tap to the next.
        bias: a scalar, or one value for each channel of the result.

    Returns:
        float32 (H', W'), (H', W', C) or (H', W', F), with `transposed_output_size`.

    Raises:
        ValueError: if the shapes do not fit or an argument is out of range.
    """
    image, weights = np.asarray(image, np.float32), np.asarray(weights, np.float32)
    check_shapes(image, weights)
    check_bias(bias, image, weights)
    size = image.shape[:2]
    kh, kw = weights.shape[:2]
    height, width = transposed_output_size(size, (kh, kw), stride, padding, output_padding, dilation)
    rows, columns = as_pair(stride, "stride", 1)
    top, left = as_pair(padding, "padding", 0)
    apart = as_pair(dilation, "dilation", 1)
    tail = weights.shape[3:] if weights.ndim == 4 else image.shape[2:]
    tops, lefts = np.arange(kh) * apart[0], np.arange(kw) * apart[1]
    rows_stamped, columns_stamped = (size[0] - 1) * rows + 1, (size[1] - 1) * columns + 1
    # Large enough for every stamp and for the crop, whichever reaches further.
    canvas_size = max(tops[-1] + rows_stamped, top + height), max(lefts[-1] + columns_stamped, left + width)
    canvas = np.zeros((*canvas_size, *tail), np.float32)
    for u, y in enumerate(tops):
        for v, x in enumerate(lefts):
            stamps = canvas[y : y + rows_stamped : rows, x : x + columns_stamped : columns]
            stamps += image @ weights[u, v] if weights.ndim == 4 else image * weights[u, v]
    return canvas[top : top + height, left : left + width] + np.asarray(bias, np.float32)
