"""Definition of convolution in plain loops: slow, short, and the reference for the fast versions."""

import numpy as np

from cnn_demo.convolution.geometry import ConvSpec, output_size, pad_image, padding_amounts


def convolve_definition(
    image: np.ndarray, weights: np.ndarray, spec: ConvSpec | None = None, bias: float | np.ndarray = 0.0
) -> np.ndarray:
    """Convolve an image with a kernel, one multiplication at a time.

    Arguments and result are those of `convolve`; it sums in float64 and is the more exact of the two.
    """
    spec = spec or ConvSpec()
    weights = weights[::-1, ::-1] if spec.flip else weights
    size, kernel_size = image.shape[:2], weights.shape[:2]
    padded = pad_image(image, padding_amounts(size, kernel_size, spec), spec.padding_mode).astype(np.float64)
    height, width = output_size(size, kernel_size, spec)
    # (C,) values of a pixel times a tap's weights: a scalar, a (C,) vector, or a (C, F) matrix, which sums over C.
    tail = weights.shape[3:] if weights.ndim == 4 else image.shape[2:]
    result = np.zeros((height, width, *tail))
    for i in range(height):
        for j in range(width):
            for u in range(kernel_size[0]):
                for v in range(kernel_size[1]):
                    row = i * spec.stride[0] + u * spec.dilation[0]
                    column = j * spec.stride[1] + v * spec.dilation[1]
                    pixel, tap = padded[row, column], weights[u, v]
                    result[i, j] += np.atleast_1d(pixel) @ tap if weights.ndim == 4 else pixel * tap
    return (result + bias).astype(np.float32)
