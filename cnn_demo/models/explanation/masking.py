"""Perturbation-based explanations of one prediction: D-RISE and occlusion. They need no gradients, only predictions.

Both run the network hundreds of times. They report after each run, can be stopped, and keep what they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from cnn_demo.models.explanation.perturbation import covering_squares
from cnn_demo.models.explanation.probe import Probe

GREY = 114  # of hidden pixels: the padding of detectors
# The paper has 16 cells, for 5,000 masks: fewer masks need coarser ones.
CELLS = 6  # cells of a mask along the shorter side
KEPT = 0.5  # probability that a cell is kept
MASKS = 500
EVERY = 10  # runs between two reports
SEED = 0


@dataclass(frozen=True, eq=False)
class Masking:
    """State of a perturbation-based explanation.

    Attributes:
        values: (h, w) float32 at the resolution of the probe's picture, so far; not normalized.
        done: Number of runs so far.
        total: Number of runs in all.
    """

    values: np.ndarray = field(repr=False)
    done: int
    total: int

    @property
    def complete(self) -> bool:
        """Whether all runs are done."""
        return self.done == self.total


Report = Callable[[Masking], bool]  # called with the state so far; returns whether to go on


def random_masks(
    size: tuple[int, int], count: int = MASKS, cells: int = CELLS, kept: float = KEPT, seed: int = SEED
) -> Iterator[np.ndarray]:
    """Yield the masks of RISE: coarse random grids, enlarged bilinearly and shifted by up to one cell.

    Args:
        size: (height, width) of the masks.
        count: Number of masks.
        cells: Cells along the shorter side.
        kept: Probability that a cell is kept.
        seed: Seed; the same masks for the same seed.

    Yields:
        (height, width) float32, 0 for hidden to 1 for shown.

    Raises:
        ValueError: If there is less than one mask or cell, or the probability is not between 0 and 1.
    """
    if count < 1:
        raise ValueError(f"D-RISE needs at least one mask, not {count}.")
    if cells < 1 or not 0 < kept < 1:
        raise ValueError(f"A mask needs at least one cell, kept with a probability between 0 and 1, not {kept}.")
    draw = np.random.default_rng(seed)
    height, width = size
    cell = -(-min(size) // cells)
    rows, columns = (-(-length // cell) + 1 for length in size)  # one more than fits, for the shift
    for _ in range(count):
        grid = (draw.random((rows, columns)) < kept).astype(np.float32)
        top, left = draw.integers(0, cell, 2)
        whole = cv2.resize(grid, (columns * cell, rows * cell), interpolation=cv2.INTER_LINEAR)
        yield whole[top : top + height, left : left + width]


def d_rise(probe: Probe, masks: Iterable[np.ndarray], total: int, report: Report | None = None) -> Masking:
    """D-RISE: mask the photo at random, and weight each mask by how well the best prediction agrees with the target.

    The mean similarity is subtracted from the weights, as a control variate: a pixel that makes no difference then
    tends to 0 with few masks already, and not to the mean.

    Petsiuk et al. (2021), https://arxiv.org/abs/2006.03204.

    Args:
        probe: The target.
        masks: Masks (h, w) float32 of the size of the probe's picture, 0 for hidden and 1 for shown.
        total: Number of masks, for the report.
        report: Callback that receives the state after every few runs; it ends them by returning False.

    Returns:
        Higher values where showing the pixel raises the similarity; negative where hiding it does.

    Raises:
        ValueError: If there are no masks, or one has another size.
    """
    size = probe.picture.shape[:2]
    weighted, shown, squares = (np.zeros(size, np.float64) for _ in range(3))
    weights = done = 0.0
    state: Masking | None = None
    for mask in masks:
        if mask.shape != size:
            raise ValueError(f"A mask must have the picture's size {size}, not {mask.shape}.")
        weight = probe.similarity(_masked(probe.picture, mask))
        weighted += weight * mask
        shown += mask
        squares += mask.astype(np.float64) ** 2
        weights += weight
        done += 1
        if done % EVERY == 0 or done == total:
            state = Masking(_slope(weighted, shown, squares, weights, done), int(done), total)
            if report is not None and not report(state):
                break
    if not done:
        raise ValueError("D-RISE needs at least one mask: the set is empty.")
    if state is None or state.done < done:
        state = Masking(_slope(weighted, shown, squares, weights, done), int(done), total)
    return state


def _slope(weighted: np.ndarray, shown: np.ndarray, squares: np.ndarray, weights: float, count: float) -> np.ndarray:
    """Return the slope of the similarity over each pixel's mask value: their covariance divided by the variance."""
    covariance = weighted / count - shown / count * (weights / count)
    variance = squares / count - (shown / count) ** 2
    return (covariance / np.maximum(variance, 1e-3)).astype(np.float32)


def occlusion(
    probe: Probe, patch: int | None = None, stride: int | None = None, report: Report | None = None
) -> Masking:
    """Occlusion: hide one square of the photo after the other, and measure by how much the target's score drops.

    The squares are visited in a random order, so that an explanation that is stopped covers the whole photo thinly.

    Zeiler & Fergus (2014), https://arxiv.org/abs/1311.2901.

    Args:
        probe: The target.
        patch: Side of the square in pixels; None for an eighth of the shorter side.
        stride: Step of the square in pixels; None for half the square.
        report: Callback that receives the state after every few runs; it ends them by returning False.

    Returns:
        Mean drop over all squares that covered the pixel; negative if the score rose.

    Raises:
        ValueError: If the square or the step does not fit the picture.
    """
    squares = covering_squares(probe.picture.shape[:2], patch, stride)
    order = np.random.default_rng(SEED).permutation(len(squares))
    whole = probe.score(probe.picture)
    drops, times = np.zeros((2, *probe.picture.shape[:2]), np.float32)
    state = Masking(drops, 0, len(squares))
    for done, index in enumerate(order, 1):
        covered = probe.picture.copy()
        covered[squares[index]] = GREY
        drops[squares[index]] += whole - probe.score(covered)
        times[squares[index]] += 1
        if done % EVERY == 0 or done == len(squares):
            state = Masking(drops / np.maximum(times, 1), done, len(squares))
            if report is not None and not report(state):
                break
    return state


def _masked(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the picture where the mask is 1 and grey where it is 0, uint8."""
    mixed = GREY + (picture.astype(np.float32) - GREY) * mask[:, :, np.newaxis]
    return np.rint(mixed).astype(np.uint8)
