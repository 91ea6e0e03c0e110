"""Frequency response of a kernel."""

import numpy as np


def frequency_axis(resolution: int = 64) -> np.ndarray:
    """Return the frequencies of `frequency_response`'s rows and columns, in cycles per pixel, (resolution,) float32.

    They begin at −0.5, stripes two pixels apart (for an even resolution), and have 0, even brightness, in the middle.
    """
    return np.fft.fftshift(np.fft.fftfreq(resolution)).astype(np.float32)


def frequency_response(weights: np.ndarray, resolution: int = 64) -> np.ndarray:
    """Return how much a kernel scales a wave of each frequency: the magnitude of its Fourier transform.

    Args:
        weights: (kh, kw).
        resolution: frequencies along each axis, at least the kernel's size.

    Returns:
        (resolution, resolution) float32, at least 0. Row i, column j belong to waves of `frequency_axis()[i]` cycles
        per pixel downwards and `frequency_axis()[j]` to the right; the middle is the sum of the weights.

    Raises:
        ValueError: if the weights are not (kh, kw), or larger than the resolution.
    """
    if weights.ndim != 2 or max(weights.shape) > resolution:
        raise ValueError(f"The weights must be (kh, kw) of at most {resolution} a side, not {weights.shape}.")
    transform = np.fft.fft2(weights, s=(resolution, resolution))
    return np.abs(np.fft.fftshift(transform)).astype(np.float32)
