"""The kernels that a visitor can choose, as functions that return (kh, kw) float32 weights.

Signs follow cross-correlation (`ConvSpec(flip=False)`): the weight at the right is multiplied by the pixel at the
right. Angles are in degrees, 0° points right and they turn counter-clockwise, as in mathematics; rows count downwards.
Smoothing kernels sum to one, derivative kernels to zero. `kernel_catalogue.py` lists all of them with their ranges.
"""

import math

import numpy as np

from cnn_demo.convolution.geometry import as_pair


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x to the right and y upwards of each tap, in pixels from the centre, each (size, size) float64."""
    offsets = np.arange(as_pair(size, "size", 1)[0]) - (size - 1) / 2
    return np.meshgrid(offsets, -offsets)


def _zero_sum(weights: np.ndarray) -> np.ndarray:
    return (weights - weights.mean()).astype(np.float32)


def _unit_sum(weights: np.ndarray) -> np.ndarray:
    return (weights / weights.sum()).astype(np.float32)


def identity(size: int = 3) -> np.ndarray:
    """Return a one at the tap that padding "same" puts on the pixel itself, zeros elsewhere."""
    weights = np.zeros(as_pair(size, "size", 1), np.float32)
    weights[(size - 1) // 2, (size - 1) // 2] = 1
    return weights


def box(size: int = 3) -> np.ndarray:
    """Return equal weights: the mean of the window."""
    return np.full(as_pair(size, "size", 1), 1 / size**2, np.float32)


def gaussian(size: int = 5, sigma: float = 1.0) -> np.ndarray:
    """Return a Gaussian of standard deviation `sigma` pixels, sampled at the taps and scaled to sum to one."""
    x, y = _grid(size)
    return _unit_sum(np.exp(-(x**2 + y**2) / (2 * sigma**2)))


def sharpen(amount: float = 1.0) -> np.ndarray:
    """Return the pixel plus `amount` times its difference from its four neighbours, (3, 3)."""
    return identity(3) - np.float32(amount) * laplacian(neighbours=4)


def unsharp(size: int = 5, sigma: float = 1.0, amount: float = 1.0) -> np.ndarray:
    """Return the unsharp mask: the pixel plus `amount` times its difference from a Gaussian blur.

    An even size has no tap in the middle; the sharp pixel is then spread over the four middle taps.
    """
    x, y = _grid(size)
    centre = _unit_sum((np.hypot(x, y) < 1).astype(np.float64))
    return (1 + amount) * centre - np.float32(amount) * gaussian(size, sigma)


def _directional(smoothing: np.ndarray, derivative: np.ndarray, angle: float) -> np.ndarray:
    """Return the derivative towards `angle`: cos·Gx + sin·Gy, exact for a first derivative (Freeman & Adelson 1991)."""
    to_the_right = np.outer(smoothing, derivative)
    upwards = np.outer(-derivative, smoothing)
    # Rounding hides the 6e-17 that cos(90°) leaves where the classic kernel has a zero.
    cosine, sine = (round(f(math.radians(angle)), 12) for f in (math.cos, math.sin))
    return (cosine * to_the_right + sine * upwards + 0.0).astype(np.float32)


def _binomial(size: int) -> np.ndarray:
    return np.array([math.comb(size - 1, i) for i in range(size)], np.float64)


def sobel(size: int = 3, angle: float = 0.0) -> np.ndarray:
    """Return Sobel's derivative towards `angle`: binomial smoothing across, a smoothed difference along.

    Angle 0 responds positively where brightness increases to the right: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]. Sizes
    above 3 are the extension that OpenCV uses. Sobel & Feldman, "A 3×3 isotropic gradient operator" (1968).
    """
    if as_pair(size, "size", 3)[0] % 2 == 0:
        raise ValueError(f"A Sobel kernel has an odd size, not {size}.")
    return _directional(_binomial(size), np.convolve([-1, 0, 1], _binomial(size - 2)), angle)


def prewitt(angle: float = 0.0) -> np.ndarray:
    """Return Prewitt's derivative towards `angle`, with equal smoothing across, (3, 3). Prewitt (1970)."""
    return _directional(np.ones(3), np.array([-1.0, 0.0, 1.0]), angle)


def scharr(angle: float = 0.0) -> np.ndarray:
    """Return Scharr's derivative towards `angle`, (3, 3): integers 3, 10, 3 chosen for rotational symmetry.

    Scharr, "Optimale Operatoren in der Digitalen Bildverarbeitung" (dissertation, Heidelberg 2000).
    """
    return _directional(np.array([3.0, 10.0, 3.0]), np.array([-1.0, 0.0, 1.0]), angle)


def laplacian(neighbours: int = 4) -> np.ndarray:
    """Return the sum of `neighbours` (4 or 8) surrounding pixels minus that many times the centre, (3, 3)."""
    if neighbours not in (4, 8):
        raise ValueError(f"A Laplacian compares with 4 or 8 neighbours, not {neighbours}.")
    corner = 0 if neighbours == 4 else 1
    return np.array([[corner, 1, corner], [1, -neighbours, 1], [corner, 1, corner]], np.float32)


def laplacian_of_gaussian(size: int = 9, sigma: float = 1.4) -> np.ndarray:
    """Return the Laplacian of a Gaussian, negative in the middle, shifted to sum to zero.

    Marr & Hildreth, "Theory of edge detection" (1980), https://doi.org/10.1098/rspb.1980.0020.
    """
    x, y = _grid(size)
    r2 = (x**2 + y**2) / (2 * sigma**2)
    return _zero_sum(-(1 - r2) * np.exp(-r2) / (math.pi * sigma**4))


def difference_of_gaussians(size: int = 9, sigma: float = 1.0, ratio: float = 1.6) -> np.ndarray:
    """Return a Gaussian minus one `ratio` times wider: a bright middle in a dark ring, close to −LoG at ratio 1.6.

    Marr & Hildreth (1980) for the ratio; Lowe, "Distinctive image features from scale-invariant keypoints" (2004).
    """
    return _zero_sum(gaussian(size, sigma).astype(np.float64) - gaussian(size, sigma * ratio))


def emboss(angle: float = 45.0, strength: float = 1.0) -> np.ndarray:
    """Return the pixel plus a derivative away from `angle`, where the light comes from, (3, 3), summing to one.

    A surface whose brightness is taken for its height faces the light where it rises away from it.
    """
    return identity(3) + np.float32(strength / 2) * prewitt(angle + 180)


def motion_blur(length: int = 9, angle: float = 0.0) -> np.ndarray:
    """Return the mean along a line of `length` pixels at `angle` through the middle of a (length, length) kernel."""
    x, y = _grid(length)
    radians = math.radians(angle)
    along = x * math.cos(radians) + y * math.sin(radians)
    across = -x * math.sin(radians) + y * math.cos(radians)
    # A line one pixel wide, fading to nothing within a pixel, so that it turns smoothly.
    inside = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1)
    return _unit_sum(np.clip(1 - np.abs(across), 0, None) * inside)


def gabor(
    size: int = 15,
    sigma: float = 3.0,
    wavelength: float = 6.0,
    angle: float = 0.0,
    phase: float = 0.0,
    aspect: float = 0.5,
) -> np.ndarray:
    """Return a Gabor kernel, a wave under a Gaussian: it responds to stripes of one width and direction.

    The weights sum to zero and their magnitudes to two, so that the response to an image in 0...1 is in −1...1.

    Args:
        size: taps per side.
        sigma: standard deviation of the Gaussian along the wave, in pixels.
        wavelength: distance from stripe to stripe, in pixels.
        angle: direction in which the wave travels, in degrees; 0 responds to vertical stripes.
        phase: 0 is symmetric (a bright line in the middle), 90 antisymmetric (an edge), in degrees.
        aspect: below 1 stretches the Gaussian along the stripes.

    Marčelja (1980), https://doi.org/10.1364/JOSA.70.001297; Daugman (1985), https://doi.org/10.1364/JOSAA.2.001160.
    """
    x, y = _grid(size)
    radians = math.radians(angle)
    along = x * math.cos(radians) + y * math.sin(radians)
    across = -x * math.sin(radians) + y * math.cos(radians)
    envelope = np.exp(-(along**2 + (aspect * across) ** 2) / (2 * sigma**2))
    wave = np.cos(2 * math.pi * along / wavelength - math.radians(phase))
    # Subtract a multiple of the Gaussian, not a constant, so that the weights still fade to zero at the rim.
    weights = envelope * wave
    weights = weights - envelope * weights.sum() / envelope.sum()
    magnitude = np.abs(weights).sum()
    # A sine of two pixels is zero at every tap: don't blow rounding errors up to a kernel.
    return (2 * weights / magnitude if magnitude > 1e-9 else np.zeros_like(weights)).astype(np.float32)


def random(size: int = 5, seed: int = 0, distribution: str = "normal") -> np.ndarray:
    """Return random weights, as a network has before training, scaled so that the result keeps the input's spread.

    Args:
        size: taps per side, n.
        seed: the same seed gives the same weights.
        distribution: "normal" with standard deviation 1/n, "uniform" in ±√3/n, or "sign" for ±1/n.

    LeCun et al., "Efficient BackProp" (1998).
    """
    draw = np.random.default_rng(seed)
    shape = as_pair(size, "size", 1)
    if distribution == "normal":
        weights = draw.standard_normal(shape)
    elif distribution == "uniform":
        weights = draw.uniform(-math.sqrt(3), math.sqrt(3), shape)
    elif distribution == "sign":
        weights = draw.choice([-1.0, 1.0], shape)
    else:
        raise ValueError(f"distribution must be normal, uniform or sign, not {distribution!r}.")
    return (weights / size).astype(np.float32)
