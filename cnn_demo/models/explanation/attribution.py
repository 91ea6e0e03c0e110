"""Attribution to pixels: how much each number of the picture moves a unit, and how much it adds to a class's logit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.classification.classifiers import GREY
from cnn_demo.models.explanation.feature_maps import OUTPUT, check_label, check_picture, compiled, layer_names

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 8  # pictures at a time; between two batches other visitors have a turn
BASELINES = {"grey": GREY, "black": 0}


def effective_field(
    model: Classifier,
    layer: str,
    pixels: np.ndarray,
    unit: tuple[int, int] | None = None,
    channel: int | None = None,
) -> np.ndarray:
    """Return how much each pixel moves a unit of a layer: |gradient|, summed over red, green and blue.

    This is the effective receptive field of Luo et al. (2016), https://arxiv.org/abs/1701.04128.

    Args:
        model: A classifier.
        layer: Name of one of its layers.
        pixels: (H, W, 3) or (N, H, W, 3) uint8 that have the network's size already, as from `model.prepare`; the
            result is the average over N pictures.
        unit: (row, column) in the layer's map; None for the one in the middle. Layers without a map have no such.
        channel: Of the layer; None for the sum of all its channels.

    Returns:
        (H, W) float32, not normalised.

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
    """One where the unit is, zero elsewhere: what the layer's output is multiplied with before it is summed."""
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
    """What each number of a picture added to a class's logit, on the way from a baseline to the picture.

    Attributes:
        values: (h, w, 3) float32, negative where it spoke against the class; the channels are in the network's order.
        logit: Of the class for the picture.
        baseline_logit: Of the class for the baseline.
    """

    values: np.ndarray = field(repr=False)
    logit: float
    baseline_logit: float

    @property
    def gap(self) -> float:
        """How much the sum of all values misses `logit - baseline_logit`: 0 with infinitely many steps."""
        return float(self.values.sum(dtype=np.float64)) - (self.logit - self.baseline_logit)


def integrated_gradients(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    baseline: str = "grey",
    steps: int = 32,
    progress: Callable[[float], None] | None = None,
) -> PixelAttribution:
    """Fade a baseline into the picture, add up the gradients on the way, and multiply with the way.

    The values of all pixels together are the logit that the picture has more than the baseline (completeness); `gap`
    says how far the sum over a finite number of steps misses it. The sum is that of the trapezoid rule: the two ends
    count half.

    Sundararajan et al. (2017), https://arxiv.org/abs/1703.01365.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 of the network's own size, as from `model.prepare`.
        label_index: Of the class.
        baseline: "grey" or "black", the picture that is said to show nothing.
        steps: In how many parts the way is cut; there is one gradient more.
        progress: Called with the share that is done, after each batch.

    Raises:
        ValueError: If there is no such class or baseline, less than one step, or the picture is of another size.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    if baseline not in BASELINES:
        raise ValueError(f"There is no baseline {baseline!r}: choose one of {', '.join(BASELINES)}.")
    if steps < 1:
        raise ValueError(f"At least one step is needed, not {steps}.")
    ends = np.stack([np.full_like(seen, BASELINES[baseline]), seen])
    baseline_logit, logit = model.logits(ends)[:, label_index]
    start, end = model.scaled(ends)
    _, shape = compiled(model, _compile, OUTPUT)
    seed = _seed(shape, None, label_index)
    shares = np.linspace(0, 1, steps + 1, dtype=np.float32)
    weights = np.full(steps + 1, 1 / steps, np.float32)
    weights[[0, -1]] /= 2
    mean = np.zeros_like(start)
    for first in range(0, steps + 1, BATCH):
        part = slice(first, first + BATCH)
        between = start + shares[part, np.newaxis, np.newaxis, np.newaxis] * (end - start)
        mean += np.tensordot(weights[part], _gradients(model, OUTPUT, between, seed), axes=1)
        if progress is not None:
            progress(min(first + BATCH, steps + 1) / (steps + 1))
    return PixelAttribution(mean * (end - start), float(logit), float(baseline_logit))


def _gradients(model: Classifier, layer: str, batch: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Gradient (N, h, w, 3) of sum(layer · seed) by each of the pictures (N, h, w, 3) that the network takes."""
    tf = frameworks.tensorflow()
    gradient, _ = compiled(model, _compile, layer)
    with model.lock, frameworks.placed_on(model.device):
        return gradient(tf.constant(batch), tf.constant(seed[np.newaxis])).numpy()


def _compile(network: keras.Model, layer: str):
    """From (pictures, seed) to the gradient of sum(output · seed) by the pictures; and the shape of a seed."""
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    part = keras.Model(network.input, network.output[layer])

    def gradient(batch, seed):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            total = tf.reduce_sum(part(batch, training=False) * seed)
        return tape.gradient(total, batch)

    shape = tuple(part.output.shape[1:])
    pictures = tf.TensorSpec((None, *network.input.shape[1:]), tf.float32)
    seeds = tf.TensorSpec((1, *shape), tf.float32)
    return tf.function(gradient, [pictures, seeds]).get_concrete_function(), shape
