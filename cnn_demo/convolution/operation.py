"""Fast convolution: OpenCV's filters where they compute exactly the same, matrix products for many channels.

`filter2D` is a cross-correlation at stride 1. Dilation becomes zeros between the taps (which `filter2D` skips), a
stride becomes every second, third... of its results, and the anchor moves the window to where the padding begins.
A kernel that is the product of a column and a row goes through `sepFilter2D`, as two cheap filters in turn. Other large
kernels go through a Fourier transform inside OpenCV; the results stay within 1e-5 of the definition's for an
image in 0...1 and kernels up to 15 × 15 with weights of order one.
"""

import cv2
import numpy as np

from cnn_demo.convolution.geometry import ConvSpec, dilated_size, output_size, pad_image, padding_amounts

_BORDERS = {"zeros": cv2.BORDER_CONSTANT, "reflect": cv2.BORDER_REFLECT_101, "replicate": cv2.BORDER_REPLICATE}
_MAX_CHANNELS = 64  # OpenCV refuses arrays of more than 128 channels.
_SMALLEST_SPLIT = 25  # Taps; below, one filter is as fast as two (measured).
_SPLIT_TOLERANCE = (
    3e-7  # Rounding error of float32, relative to the largest weight; 15 × 15 such errors stay below 1e-4.
)
_FEW_CHANNELS = 4  # Up to here `filter2D` per pair of channels beats a matrix product per kernel tap (measured).


def convolve(
    image: np.ndarray, weights: np.ndarray, spec: ConvSpec | None = None, bias: float | np.ndarray = 0.0
) -> np.ndarray:
    """Convolve an image with a kernel.

    Args:
        image: (H, W) or (H, W, C) float32; any other dtype is converted to it.
        weights: one of three layouts. (kh, kw): the same kernel on every channel. (kh, kw, C): depthwise, one kernel
            for each channel. (kh, kw, C, F), the layout of Keras: F filters, each summed over the C channels.
        spec: stride, padding, dilation and flip; None is `ConvSpec()`, stride 1 and padding "same".
        bias: added to every result: a scalar, or one value for each channel of the result.

    Returns:
        float32 (H', W') for an image (H, W) and weights (kh, kw), else (H', W', C) or (H', W', F); H' and W' are
        `output_size`. It agrees with `torch.nn.functional.conv2d` to 1e-4.

    Raises:
        ValueError: if the shapes do not fit, or the dilated kernel is larger than the padded image.

    Example:
        >>> import numpy as np
        >>> from cnn_demo.convolution import ConvSpec, convolve
        >>> image = np.arange(16).reshape(4, 4)
        >>> convolve(image, np.full((2, 2), 0.25), ConvSpec(stride=2, padding="valid"))
        array([[ 2.5,  4.5],
               [10.5, 12.5]], dtype=float32)
    """
    spec = spec or ConvSpec()
    image, weights = np.asarray(image, np.float32), np.asarray(weights, np.float32)
    check_shapes(image, weights)
    out_channels = check_bias(bias, image, weights)
    size, kernel_size = image.shape[:2], weights.shape[:2]
    output_size(size, kernel_size, spec)  # refuses a kernel that does not fit
    if spec.flip:
        weights = weights[::-1, ::-1]
    if weights.ndim == 2 and np.ndim(bias) == 0:
        return _filter(image, weights, spec, float(bias))
    if weights.ndim == 2:
        return _filter(image, weights, spec) + np.asarray(bias, np.float32)
    if weights.ndim == 4 and image.shape[2] > _FEW_CHANNELS:
        return _sum_of_products(image, weights, spec) + np.asarray(bias, np.float32)
    planes = [np.ascontiguousarray(image[..., c]) for c in range(image.shape[2])]
    biases = np.broadcast_to(np.asarray(bias, np.float32), (out_channels,))
    result = np.empty((*output_size(size, kernel_size, spec), out_channels), np.float32)
    for i in range(out_channels):
        if weights.ndim == 3:
            result[..., i] = _filter(planes[i], weights[..., i], spec, float(biases[i]))
        else:
            result[..., i] = sum(_filter(plane, weights[..., c, i], spec) for c, plane in enumerate(planes)) + biases[i]
    return result


def check_shapes(image: np.ndarray, weights: np.ndarray) -> None:
    """Refuse an image or weights of the wrong shape, or that do not fit each other.

    Raises:
        ValueError: in one sentence, with both shapes.
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"An image has the shape (H, W) or (H, W, C) with at least one pixel, not {image.shape}.")
    if weights.ndim not in (2, 3, 4) or 0 in weights.shape:
        raise ValueError(f"Weights have the shape (kh, kw), (kh, kw, C) or (kh, kw, C, F), not {weights.shape}.")
    if not np.isfinite(weights).all():
        raise ValueError("Every weight must be a finite number.")
    if weights.ndim > 2 and image.shape[2:] != weights.shape[2:3]:
        raise ValueError(f"Weights of shape {weights.shape} do not fit the channels of an image {image.shape}.")


def check_bias(bias: float | np.ndarray, image: np.ndarray, weights: np.ndarray) -> int:
    """Return how many channels the result has (1 for an image without channels), refusing a bias that does not fit.

    Raises:
        ValueError: if the bias is neither a scalar nor one value for each channel of the result.
    """
    channels = weights.shape[3] if weights.ndim == 4 else image.shape[2] if image.ndim == 3 else 1
    if np.ndim(bias) and (image.ndim == 2 or np.shape(bias) != (channels,)):
        raise ValueError(f"The bias must be one number or {channels}, not an array of shape {np.shape(bias)}.")
    return channels


def _filter(image: np.ndarray, kernel: np.ndarray, spec: ConvSpec, bias: float = 0.0) -> np.ndarray:
    """Apply one (kh, kw) kernel to every channel with OpenCV."""
    if image.ndim == 3 and image.shape[2] > _MAX_CHANNELS:
        groups = range(0, image.shape[2], _MAX_CHANNELS)
        return np.concatenate([_filter(image[..., g : g + _MAX_CHANNELS], kernel, spec, bias) for g in groups], axis=2)
    (top, bottom), (left, right) = padding_amounts(image.shape[:2], kernel.shape, spec)
    kernel = _insert_zeros(kernel, spec.dilation)
    height, width = image.shape[0] + top + bottom, image.shape[1] + left + right
    border = _BORDERS.get(spec.padding_mode)
    # OpenCV makes as many results as the image has pixels, and its anchor is inside the kernel. Where padding asks for
    # more than that, or wraps around, the padding is laid out in memory first.
    if border is None or top + bottom >= kernel.shape[0] or left + right >= kernel.shape[1]:
        image = pad_image(image, ((top, bottom), (left, right)), spec.padding_mode)
        top, left, border = 0, 0, cv2.BORDER_CONSTANT
    channels = image.shape[2:]
    anchor = (left, top)
    factors = _factors(kernel)
    if factors is None:
        full = cv2.filter2D(image, -1, kernel, anchor=anchor, delta=bias, borderType=border)
    else:
        row, column = factors
        full = cv2.sepFilter2D(image, -1, row, column, anchor=anchor, delta=bias, borderType=border)
    full = full.reshape(*full.shape[:2], *channels)  # OpenCV drops a last axis of one channel
    rows, columns = spec.stride
    result = full[: height - kernel.shape[0] + 1 : rows, : width - kernel.shape[1] + 1 : columns]
    # A crop may stay a view; a stride must not keep the larger array alive.
    return result if spec.stride == (1, 1) else np.ascontiguousarray(result)


def _factors(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Split a kernel into a row and a column whose outer product it is; None if there are none or it is small.

    Filtering with both in turn takes kh + kw products a pixel, not kh · kw. Gaussians, boxes and upright Sobels split.
    """
    if kernel.size < _SMALLEST_SPLIT:
        return None
    left, scales, right = np.linalg.svd(kernel.astype(np.float64))
    row = right[0] * scales[0]
    column = left[:, 0]
    residue = np.abs(np.outer(column, row) - kernel).max()
    if residue > _SPLIT_TOLERANCE * np.abs(kernel).max():
        return None
    return row.astype(np.float32), column.astype(np.float32)


def _insert_zeros(kernel: np.ndarray, dilation: tuple[int, int]) -> np.ndarray:
    if dilation == (1, 1):
        return np.ascontiguousarray(kernel)
    spread = np.zeros(dilated_size(kernel.shape, dilation), np.float32)
    spread[:: dilation[0], :: dilation[1]] = kernel
    return spread


def _sum_of_products(image: np.ndarray, weights: np.ndarray, spec: ConvSpec) -> np.ndarray:
    """Sum over kernel taps the product of the shifted image (H'·W', C) with that tap's weights (C, F)."""
    size = image.shape[:2]
    kh, kw, channels, filters = weights.shape
    height, width = output_size(size, (kh, kw), spec)
    padded = pad_image(image, padding_amounts(size, (kh, kw), spec), spec.padding_mode)
    rows, columns = spec.stride
    result = np.zeros((height * width, filters), np.float32)
    for u in range(kh):
        for v in range(kw):
            top, left = u * spec.dilation[0], v * spec.dilation[1]
            bottom, right = top + (height - 1) * rows + 1, left + (width - 1) * columns + 1
            shifted = padded[top:bottom:rows, left:right:columns]  # (H', W', C)
            result += shifted.reshape(-1, channels) @ weights[u, v]  # (H'·W', C) @ (C, F)
    return result.reshape(height, width, filters)
