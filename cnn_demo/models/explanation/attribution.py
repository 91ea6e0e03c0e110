"""Pixel attribution: effective receptive fields and integrated gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.classification.classifiers import GREY
from cnn_demo.models.engines import InputGradient, input_gradient
from cnn_demo.models.explanation.feature_maps import OUTPUT, check_label, check_picture, compiled, layer_names

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 8  # images per batch; the lock is released between batches
BASELINES = {"grey": GREY, "black": 0}


@gpu_memory.or_on_cpu
def effective_field(
    model: Classifier,
    layer: str,
    pixels: np.ndarray,
    unit: tuple[int, int] | None = None,
    channel: int | None = None,
) -> np.ndarray:
    """Return the effective receptive field of a unit: |gradient| of its activation, summed over red, green and blue.

    Luo et al. (2016), https://arxiv.org/abs/1701.04128.

    Args:
        model: A classifier.
        layer: Name of one of its layers.
        pixels: (H, W, 3) or (N, H, W, 3) uint8 of the network's input size, as returned by `model.prepare`; the result
            is the mean over N images.
        unit: (row, column) in the feature map; None for the centre. Must be None for layers without a feature map.
        channel: Index of the channel; None for the sum over all channels.

    Returns:
        (H, W) float32, not normalized.

    Raises:
        ValueError: If there is no such layer, unit or channel, or the pixels have another size.
    """
    names = layer_names(model.network)
    if layer not in names:
        raise ValueError(f"There is no layer {layer!r}: choose one of {', '.join(names)}.")
    batch = pixels if pixels.ndim == 4 else pixels[np.newaxis]
    if batch.dtype != np.uint8 or batch.shape[1:] != (*model.spec.input_size, 3) or not len(batch):
        raise ValueError(f"pixels must be uint8 of {(*model.spec.input_size, 3)}, not {pixels.shape} {pixels.dtype}.")
    _, shape = compiled(model, _compile, layer)
    values = _gradients(model, layer, model.scaled(batch), _seed(shape, unit, channel))
    return np.abs(values).sum(axis=3).mean(axis=0)


def _seed(shape: tuple[int, ...], unit: tuple[int, int] | None, channel: int | None) -> np.ndarray:
    """Return the mask that selects a unit: one at the unit, zero elsewhere."""
    seed = np.zeros(shape, np.float32)
    channels = slice(None) if channel is None else channel
    if channel is not None and not 0 <= channel < shape[-1]:
        raise ValueError(f"This layer has channels 0 to {shape[-1] - 1}, and no channel {channel}.")
    if len(shape) == 1:
        if unit is not None:
            raise ValueError("This layer has no rows and columns, and therefore no such unit.")
        seed[channels] = 1
        return seed
    row, column = (shape[0] // 2, shape[1] // 2) if unit is None else unit
    if not (0 <= row < shape[0] and 0 <= column < shape[1]):
        raise ValueError(f"There is no unit ({row}, {column}) in a map of {shape[0]} × {shape[1]}.")
    seed[row, column, channels] = 1
    return seed


@dataclass(frozen=True, eq=False)
class PixelAttribution:
    """Contribution of each pixel value to a class logit, relative to a baseline.

    Attributes:
        values: (h, w, 3) float32, negative for evidence against the class; channels are in the network's order.
        logit: Class logit of the image.
        baseline_logit: Class logit of the baseline.
    """

    values: np.ndarray = field(repr=False)
    logit: float
    baseline_logit: float

    @property
    def gap(self) -> float:
        """Completeness error: sum of all values minus `logit - baseline_logit`; 0 with infinitely many steps."""
        return float(self.values.sum(dtype=np.float64)) - (self.logit - self.baseline_logit)


@gpu_memory.or_on_cpu
def integrated_gradients(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    baseline: str = "grey",
    steps: int = 32,
    progress: Callable[[float], None] | None = None,
) -> PixelAttribution:
    """Integrated gradients: integrate the gradient on the straight path from a baseline to the image.

    The attributions sum to the logit of the image minus that of the baseline (completeness); `gap` is the error of the
    finite sum, which uses the trapezoidal rule: both ends count half.

    Sundararajan et al. (2017), https://arxiv.org/abs/1703.01365.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        baseline: "grey" or "black", the reference image without content.
        steps: Number of intervals of the path; one more gradient is computed.
        progress: Callback that receives the completed fraction after each batch.

    Raises:
        ValueError: If there is no such class or baseline, less than one step, or the image has another size.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    if baseline not in BASELINES:
        raise ValueError(f"There is no baseline {baseline!r}: choose one of {', '.join(BASELINES)}.")
    if steps < 1:
        raise ValueError(f"At least one step is needed, not {steps}.")
    ends = np.stack([np.full_like(seen, BASELINES[baseline]), seen])  # (2, h, w, 3)
    baseline_logit, logit = model.logits(ends)[:, label_index]
    start, end = model.scaled(ends)
    _, shape = compiled(model, _compile, OUTPUT)
    seed = _seed(shape, None, label_index)
    alphas = np.linspace(0, 1, steps + 1, dtype=np.float32)
    weights = np.full(steps + 1, 1 / steps, np.float32)
    weights[[0, -1]] /= 2
    mean = np.zeros_like(start)
    for first in range(0, steps + 1, BATCH):
        part = slice(first, first + BATCH)
        between = start + alphas[part, np.newaxis, np.newaxis, np.newaxis] * (end - start)  # (steps, h, w, 3)
        mean += np.tensordot(weights[part], _gradients(model, OUTPUT, between, seed), axes=1)
        if progress is not None:
            progress(min(first + BATCH, steps + 1) / (steps + 1))
    return PixelAttribution(mean * (end - start), float(logit), float(baseline_logit))


@gpu_memory.or_on_cpu
def logit_gradient(model: Classifier, seen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the gradient (h, w, 3) of a weighted sum of the logits with respect to the normalized input.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        weights: (C,) float32, one for each class.

    Raises:
        ValueError: If the image has another size.
    """
    check_picture(model, seen)
    return _gradients(model, OUTPUT, model.scaled(seen[np.newaxis]), weights)[0]


def pixel_gradient(model: Classifier, seen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the gradient (h, w, 3) of a weighted sum of the logits with respect to the colour values in RGB, 0 to 255.

    Normalizations are linear in the colour values, and some reorder the channels: the chain rule needs how they map
    the three unit colours.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        weights: (C,) float32, one for each class.

    Raises:
        ValueError: If the image has another size.
    """
    units = np.concatenate([np.zeros((1, 3), np.uint8), np.eye(3, dtype=np.uint8)])
    normalized = model.scaled(units[:, np.newaxis, np.newaxis])[:, 0, 0]  # (4, 3)
    return logit_gradient(model, seen, weights) @ (normalized[1:] - normalized[0]).T


def _gradients(model: Classifier, layer: str, batch: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return the gradient (N, h, w, 3) of sum(layer · seed) with respect to inputs (N, h, w, 3)."""
    gradient, _ = compiled(model, _compile, layer)
    with model.lock:
        return gradient(batch, seed[np.newaxis])


def _compile(network: keras.Model, layer: str, device: str) -> tuple[InputGradient, tuple[int, ...]]:
    """Compile the gradient of sum(output · seed) with respect to the images; return it and the shape of a seed."""
    part = frameworks.keras().Model(network.input, network.output[layer])
    return input_gradient(part, device), tuple(part.output.shape[1:])
