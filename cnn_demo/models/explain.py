"""Why a network answers as it does: what of the photo its units see, measured by gradients."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.classifiers import network_input

if TYPE_CHECKING:
    from cnn_demo.models.classifiers import Classifier

# Classifier -> layer name -> compiled gradient. Nothing in it holds the classifier, which may go when it is let go.
_GRADIENTS: WeakKeyDictionary = WeakKeyDictionary()
_LOCK = threading.Lock()


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
    names = [each.name for each in model.network.layers]
    if layer not in names[1:]:
        raise ValueError(f"There is no layer {layer!r}: choose one of {', '.join(names[1:])}.")
    batch = pixels if pixels.ndim == 4 else pixels[np.newaxis]
    if batch.dtype != np.uint8 or batch.shape[1:] != (*model.spec.input_size, 3) or not len(batch):
        raise ValueError(f"pixels must be uint8 of {(*model.spec.input_size, 3)}, not {pixels.shape} {pixels.dtype}.")
    seed = _seed(tuple(model.network.get_layer(layer).output.shape[1:]), unit, channel)
    tf = frameworks.tensorflow()
    gradient = _gradient_function(model, layer)
    with model.lock, frameworks.placed_on(model.device):
        values = gradient(tf.constant(network_input(batch)), tf.constant(seed[np.newaxis])).numpy()
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


def _gradient_function(model: Classifier, layer: str):
    """A compiled function from (pictures, seed) to the gradient of sum(output · seed) by the pictures."""
    with _LOCK:
        functions = _GRADIENTS.setdefault(model, {})
        if layer not in functions:
            functions[layer] = _compile(model.network, layer)
        return functions[layer]


def _compile(network, layer: str):
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    part = keras.Model(network.input, network.get_layer(layer).output)

    def gradient(batch, seed):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            total = tf.reduce_sum(part(batch, training=False) * seed)
        return tape.gradient(total, batch)

    size = network.input.shape[1:]
    pictures = tf.TensorSpec((None, *size), tf.float32)
    seeds = tf.TensorSpec((1, *part.output.shape[1:]), tf.float32)
    return tf.function(gradient, [pictures, seeds]).get_concrete_function()
