"""References for the tests: padding by index arithmetic, and PyTorch's convolutions in our axis order.

And `covering`, which chooses the settings to compare at.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import torch


def reference_pad(image, amounts, mode):
    """Pad by computing the index of the pixel at every position of the result, without `np.pad`."""
    (top, bottom), (left, right) = amounts
    height, width = image.shape[:2]
    rows, columns = np.arange(-top, height + bottom), np.arange(-left, width + right)
    padded = image[np.ix_(_source(rows, height, mode), _source(columns, width, mode))]
    if mode == "zeros":
        outside = np.logical_or.outer((rows < 0) | (rows >= height), (columns < 0) | (columns >= width))
        padded[outside] = 0
    return padded


def _source(positions, size, mode):
    if mode == "circular":
        return positions % size
    if mode == "reflect" and size > 1:
        distance = np.abs(positions) % (2 * size - 2)
        return np.minimum(distance, 2 * size - 2 - distance)
    return np.clip(positions, 0, size - 1)


def torch_convolve(padded, weights, stride, dilation, bias=0.0):
    """Convolve an already padded (H, W, C) image with weights (kh, kw), (kh, kw, C) or (kh, kw, C, F)."""
    channels = padded.shape[2]
    x = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None]
    if weights.ndim == 2:
        weights = np.repeat(weights[:, :, np.newaxis], channels, axis=2)
    if weights.ndim == 3:
        kernel, groups = weights.transpose(2, 0, 1)[:, np.newaxis], channels
    else:
        kernel, groups = weights.transpose(3, 2, 0, 1), 1
    kernel = torch.from_numpy(np.ascontiguousarray(kernel))
    y = torch.nn.functional.conv2d(x, kernel, stride=stride, dilation=dilation, groups=groups)
    return y[0].permute(1, 2, 0).numpy() + np.asarray(bias, np.float32)


def covering(*choices: Sequence) -> list[tuple]:
    """Choose combinations such that each two values of two settings occur together (pairwise testing).

    A fault shows almost always at a pair of values (Kuhn et al. 2004), and all combinations are far more. Greedy: next
    is the combination with the most pairs that are still missing.
    """
    combinations = list(itertools.product(*(range(len(values)) for values in choices)))
    pairs = {combination: set(itertools.combinations(enumerate(combination), 2)) for combination in combinations}
    missing, chosen = set().union(*pairs.values()), []
    while missing:
        best = max(combinations, key=lambda combination: len(pairs[combination] & missing))
        missing -= pairs[best]
        chosen.append(tuple(values[index] for values, index in zip(choices, best, strict=True)))
    return chosen
