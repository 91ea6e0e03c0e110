"""Learning a kernel by gradient descent: the weights that turn a photo into a target picture, found step by step.

Each pixel of a convolution is the product of a window of the photo and the weights. The mean squared error between the
convolution and the target is therefore a quadratic function of the weights, a bowl: `gram` and `cross` hold its shape,
and every step needs these few numbers only, not the pixels. A step of full-batch gradient descent then costs a product
of a k² × k² matrix and a vector, whatever the size of the photo, and is exact; mini-batches would only approximate it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MAX_WINDOWS = 60_000  # sampled evenly from a larger photo: 49 float64 values each, 24 MB
RANK_TOLERANCE = 1e-12  # eigenvalues below this fraction of the largest are rounding errors
DIVERGED = 1e6  # growth of the squared gradient at which a descent is given up
STEPS_PER_DECADE = 8  # of those that a trail keeps


@dataclass(frozen=True)
class Bowl:
    """The mean squared error as a function of the weights w: `floor + (w - best)ᵀ gram (w - best)`.

    Attributes:
        size: Side k of the kernel.
        gram: (n, n) float64, the mean over all windows x of x xᵀ; n is k², and one more with a bias.
        cross: (n,) float64, the mean of x times its target pixel.
        eigenvalues: (n,) float64, of `gram`, ascending. The bowl's curvatures are twice as large.
        best: (n,) float64, the weights of least squares; where several are equally good, the shortest vector.
        floor: The loss of `best`: no kernel of this size has a lower one.
        windows: Number of windows.
    """

    size: int
    gram: np.ndarray
    cross: np.ndarray
    eigenvalues: np.ndarray
    best: np.ndarray
    floor: float
    windows: int

    @property
    def rank(self) -> int:
        """Number of directions in which the loss depends on the weights at all, at most n."""
        return int((self.eigenvalues > RANK_TOLERANCE * self.eigenvalues[-1]).sum())

    @property
    def condition(self) -> float:
        """Curvature in the steepest direction over that in the flattest one on which the loss depends; 1 or more."""
        rank = self.rank
        return float(self.eigenvalues[-1] / self.eigenvalues[-rank]) if rank else 1.0

    def loss(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean squared error of weights (..., n), shape (...); relative to `best`, so that none cancels."""
        away = weights - self.best
        return self.floor + np.einsum("...i,ij,...j->...", away, self.gram, away)

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """Return the derivative of the loss by each of the weights (n,)."""
        return 2 * (self.gram @ weights - self.cross)

    def largest_stable_rate(self, momentum: float = 0.0) -> float:
        """Return the learning rate above which gradient descent diverges; infinite for a black photo.

        Without momentum it is 2 / curvature, in the steepest direction: there, each step multiplies the distance from
        the bottom by 1 - rate · curvature, which is below -1 for any higher rate. Momentum raises it by 1 + momentum
        (Polyak, 1964, https://doi.org/10.1016/0041-5553(64)90137-5).
        """
        curvature = 2 * self.eigenvalues[-1]
        return float(2 * (1 + momentum) / curvature) if curvature > 0 else float("inf")


@dataclass(frozen=True)
class Trail:
    """A gradient descent.

    Attributes:
        steps: Step of each entry, the first 0, close together at the beginning.
        weights: (entries, n) float64, the weights at those steps.
        losses: (entries,) float64, their mean squared error.
        diverged: Whether it was given up because the gradient grew a thousandfold.
    """

    steps: tuple[int, ...]
    weights: np.ndarray
    losses: np.ndarray
    diverged: bool


def fit_bowl(image: np.ndarray, target: np.ndarray, size: int, *, border: int = 0, bias: bool = False) -> Bowl:
    """Return the loss of all kernels of a size, as a function of their weights.

    Args:
        image: (H, W) float, the photo.
        target: (H, W) float, the picture that the photo's convolution ("same" padding, stride 1) should become.
        size: Side k of the kernel, odd.
        border: Pixels at each side that are not compared; at least k // 2, where windows would reach into padding.
        bias: Also learn a number that is added to every pixel.

    Raises:
        ValueError: If the shapes differ, the size is even, or no window is left; in one sentence.
    """
    if image.shape != target.shape or image.ndim != 2:
        raise ValueError(f"Photo and target must be of one shape (H, W), not {image.shape} and {target.shape}.")
    if size % 2 != 1 or size < 1:
        raise ValueError(f"The size of a learned kernel must be odd, not {size}.")
    half = size // 2
    border = max(border, half)
    height, width = image.shape
    if min(height, width) <= 2 * border:
        raise ValueError(f"A photo of {width} × {height} pixels is too small: it needs more than {2 * border} a side.")
    windows = sliding_window_view(image, (size, size))[border - half : height - border - half]
    windows = windows[:, border - half : width - border - half]
    pixels = target[border : height - border, border : width - border]
    every = int(np.ceil(np.sqrt(pixels.size / MAX_WINDOWS)))
    x = windows[::every, ::every].reshape(-1, size * size).astype(np.float64)
    y = pixels[::every, ::every].ravel().astype(np.float64)
    if bias:
        x = np.column_stack([x, np.ones(len(x))])
    gram, cross = x.T @ x / len(x), x.T @ y / len(x)
    eigenvalues, vectors = np.linalg.eigh(gram)
    best = _solve(eigenvalues, vectors, cross)
    floor = float(np.mean((x @ best - y) ** 2))
    return Bowl(size, gram, cross, eigenvalues, best, floor, len(x))


def _solve(eigenvalues: np.ndarray, vectors: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Solve gram · w = cross; directions that the loss does not depend on get no weight."""
    counted = eigenvalues > RANK_TOLERANCE * eigenvalues[-1]
    along = vectors.T @ cross
    return vectors @ np.divide(along, eigenvalues, out=np.zeros_like(along), where=counted)


def descend(bowl: Bowl, start: np.ndarray, *, rate: float, steps: int, momentum: float = 0.0) -> Trail:
    """Walk down the bowl by gradient descent.

    Args:
        bowl: The loss.
        start: (n,) initial weights.
        rate: Learning rate.
        steps: Number of steps.
        momentum: Fraction of each step that is added to the next one, from 0 to below 1.
    """
    kept = kept_steps(steps)
    weights, velocity = start.astype(np.float64), np.zeros(len(start))
    trail, at, diverged = {0: weights}, 0, False
    first = bowl.gradient(weights)
    limit = DIVERGED * max(float(first @ first), 1e-12)
    for at in range(1, steps + 1):
        gradient = bowl.gradient(weights)
        velocity = momentum * velocity - rate * gradient
        weights = weights + velocity
        diverged = not gradient @ gradient <= limit
        if diverged or at in kept:
            trail[at] = weights
        if diverged:
            break
    walked = np.stack([*trail.values()])
    return Trail(tuple(trail), walked, bowl.loss(walked), diverged)


def kept_steps(steps: int) -> frozenset[int]:
    """Return the steps that a trail keeps: the powers of ten, some between them, and the last one.

    Example:
        >>> from cnn_demo.convolution.kernel_learning import kept_steps
        >>> sorted(kept_steps(60))
        [0, 1, 2, 3, 4, 6, 7, 10, 13, 18, 24, 32, 42, 56, 60]
    """
    exponents = np.arange(0, np.log10(max(steps, 1)) + 1e-9, 1 / STEPS_PER_DECADE)
    return frozenset({0, steps, *np.rint(10**exponents).astype(int).tolist()})


def start_weights(size: int, *, bias: bool = False, seed: int | None = None) -> np.ndarray:
    """Return initial weights, (n,) float64: zeros, or normal with a standard deviation of 1 / k; the bias is 0.

    Args:
        size: Side k of the kernel.
        bias: Whether there is a bias.
        seed: Seed of random weights; None for zeros.
    """
    count = size * size
    weights = np.zeros(count) if seed is None else np.random.default_rng(seed).normal(0, 1 / size, count)
    return np.append(weights, 0.0) if bias else weights


def with_noise(target: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Return a target with Gaussian noise of a standard deviation, drawn by a seed.

    Independent noise cannot be predicted from the photo: it raises the loss of the best kernel by about its variance.
    """
    if strength == 0:
        return target
    return target + np.random.default_rng(seed).normal(0, strength, target.shape)
