"""Channels of a layer switched off or scaled: the network is cut at the layer, and only its rest is computed again.

Zeiler & Fergus (2014), https://arxiv.org/abs/1311.2901, covered parts of the photo; here parts of the network are
removed, as in Morcos et al. (2018), "On the importance of single directions", https://arxiv.org/abs/1803.06959.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.calibration import softmax
from cnn_demo.models.engines import Forward, MapGradient, forward, map_gradient
from cnn_demo.models.explanation.channel_layers import check_channel_layer
from cnn_demo.models.explanation.feature_maps import OUTPUT, check_label, check_picture, compiled

if TYPE_CHECKING:
    import keras
    from keras import KerasTensor

    from cnn_demo.models.classification.classifiers import Classifier

LARGEST_SCALE = 2.0
BATCH_BYTES = 16 * 2**20  # of the maps that run together
BATCH = 32  # largest number of them


@dataclass(frozen=True, eq=False)
class CutNetwork:
    """A network on one photo, computed up to a layer.

    Attributes:
        layer: Name of the layer.
        maps: (H, W, C) float32, or (C,) for a layer without positions.
        beside: Values, with a batch axis of 1, that reach the rest of the network around the layer, as those of a
            residual connection.
        logits: (K,) float32 of the unchanged network, computed from `maps` by its rest.
    """

    layer: str
    maps: np.ndarray = field(repr=False)
    beside: tuple[np.ndarray, ...] = field(repr=False)
    logits: np.ndarray = field(repr=False)

    @property
    def channels(self) -> int:
        """Number of channels of the layer."""
        return self.maps.shape[-1]


@gpu_memory.or_on_cpu
def cut_network(model: Classifier, seen: np.ndarray, layer: str) -> CutNetwork:
    """Compute a network up to a layer.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        layer: One of `channel_layers`.

    Raises:
        ValueError: If the layer has no channels that can be switched off, or the image has another size.
    """
    check_picture(model, seen)
    check_channel_layer(model.network, layer)
    front, rest = compiled(model, _compile, layer)
    with model.lock:
        values = front(model.scaled(seen[np.newaxis]))
        maps, *beside = values if isinstance(values, list) else [values]  # Keras unpacks a single output
        logits = rest(maps, *beside)[0]
    return CutNetwork(layer, maps[0], tuple(beside), logits)


@gpu_memory.or_on_cpu
def scaled_logits(model: Classifier, cut: CutNetwork, scales: np.ndarray) -> np.ndarray:
    """Return the logits after channels are multiplied; all layers that use the layer's output get the changed one.

    Args:
        model: The classifier that was cut.
        cut: Result of `cut_network`.
        scales: (N, C) factors, 0 (off) to `LARGEST_SCALE`; each row is one change of the network.

    Returns:
        (N, K) float32.

    Raises:
        ValueError: If the factors have another shape or are out of range.
    """
    scales = np.asarray(scales, np.float32)
    if scales.ndim != 2 or scales.shape[1] != cut.channels:
        raise ValueError(f"This layer has {cut.channels} channels: {scales.shape[-1]} factors do not fit.")
    if not ((scales >= 0) & (scales <= LARGEST_SCALE)).all():
        raise ValueError(f"A channel can be multiplied by 0 (off) to {LARGEST_SCALE:g}.")
    rest = compiled(model, _compile, cut.layer)[1]
    with model.lock:
        return np.concatenate([_rest_logits(rest, cut, part) for part in np.split(scales, _splits(cut, len(scales)))])


def _splits(cut: CutNetwork, count: int) -> list[int]:
    step = batch_size(cut)
    return list(range(step, count, step))


def batch_size(cut: CutNetwork) -> int:
    """Return how many changes of a layer run together."""
    each = cut.maps.nbytes + sum(values.nbytes for values in cut.beside)
    return max(1, min(BATCH, BATCH_BYTES // each))


def _rest_logits(rest: Forward, cut: CutNetwork, scales: np.ndarray) -> np.ndarray:
    positions = (1,) * (cut.maps.ndim - 1)
    maps = cut.maps * scales.reshape(len(scales), *positions, cut.channels)
    beside = [np.repeat(values, len(scales), axis=0) for values in cut.beside]
    return rest(maps, *beside)


@dataclass(frozen=True, eq=False)
class Losses:
    """How much of its log-odds a class loses when each channel alone is switched off.

    Log-odds, ln(p / (1 − p)), are the logit of the class minus the log-sum-exp of the others: unlike the probability,
    they do not saturate near 0 and 1, and both order the channels in the same way.

    Attributes:
        values: (C,) float64, loss of log-odds; negative if the class gains, NaN if not measured yet.
        log_odds: Log-odds of the class with all channels.
        measured: Whether each channel was switched off; else the values are estimates.
    """

    values: np.ndarray = field(repr=False)
    log_odds: float
    measured: bool

    @property
    def points(self) -> np.ndarray:
        """Loss of each channel (C,) as a difference of probabilities, −1 to 1."""
        return _sigmoid(np.array(self.log_odds)) - _sigmoid(self.log_odds - self.values)

    @property
    def done(self) -> int:
        """Number of channels with a value."""
        return int(np.isfinite(self.values).sum())

    def order(self) -> np.ndarray:
        """Return the channels with a value, the largest loss first."""
        return np.argsort(-self.values, kind="stable")[: self.done]  # NaN comes last


@gpu_memory.or_on_cpu
def estimated_losses(model: Classifier, seen: np.ndarray, layer: str, label_index: int) -> Losses:
    """Estimate the losses of all channels by activation × gradient, from one forward and one backward pass.

    It is the first-order Taylor expansion of the log-odds, as Molchanov et al. (2017),
    https://arxiv.org/abs/1611.06440, have it for the loss of a training, but with its sign. It is exact if the log-odds
    are linear in the channel.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        layer: One of `channel_layers`.
        label_index: Index of the class.

    Raises:
        ValueError: As `cut_network` does, and if there is no such class.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    check_channel_layer(model.network, layer)
    logits = model.logits(seen[np.newaxis])
    others = np.delete(np.arange(logits.shape[1]), label_index)
    seed = np.zeros_like(logits)  # d log-odds / d logits
    seed[0, others] = -softmax(logits[:, others], model.temperature)
    seed[0, label_index] = 1
    run = compiled(model, _compile_gradient, layer)
    with model.lock:
        maps, gradients = run(model.scaled(seen[np.newaxis]), seed / np.float32(model.temperature))
    product = maps[0].astype(np.float64) * gradients[0]
    values = product.reshape(-1, product.shape[-1]).sum(axis=0)
    return Losses(values, float(log_odds(logits, label_index, model.temperature)[0]), measured=False)


def measured_losses(
    model: Classifier, cut: CutNetwork, label_index: int, first: np.ndarray | None = None
) -> Iterator[Losses]:
    """Switch off one channel after the other, and yield the losses after each batch of them.

    Args:
        model: The classifier that was cut.
        cut: Result of `cut_network`.
        label_index: Index of the class.
        first: Channels (C,) in the order in which they are measured; None for their own order.

    Yields:
        The losses so far; the last ones are complete.

    Raises:
        ValueError: If there is no such class.
    """
    check_label(model, label_index)
    before = log_odds(cut.logits[np.newaxis], label_index, model.temperature)[0]
    values = np.full(cut.channels, np.nan)
    order = np.arange(cut.channels) if first is None else first
    for channels in np.split(order, _splits(cut, cut.channels)):
        scales = np.ones((len(channels), cut.channels), np.float32)
        scales[np.arange(len(channels)), channels] = 0
        values[channels] = before - log_odds(scaled_logits(model, cut, scales), label_index, model.temperature)
        yield Losses(values.copy(), float(before), measured=True)


def log_odds(logits: np.ndarray, label_index: int, temperature: float = 1.0) -> np.ndarray:
    """Return ln(p / (1 − p)) of a class, p from softmax(logits / temperature); from (N, K) to (N,) float64."""
    scaled = logits.astype(np.float64) / temperature
    others = np.delete(scaled, label_index, axis=1) - scaled[:, [label_index]]
    top = others.max(axis=1, keepdims=True)
    return -(top[:, 0] + np.log(np.exp(others - top).sum(axis=1)))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(values / 2))


def _compile(network: keras.Model, layer: str, device: str) -> tuple[Forward, Forward]:
    """Compile the network up to a layer, and its rest from there."""
    keras = frameworks.keras()
    cut, output = network.output[layer], network.output[OUTPUT]
    values = [cut, *_beside(cut, output)]
    return forward(keras.Model(network.input, values), device), forward(keras.Model(values, output), device)


def _compile_gradient(network: keras.Model, layer: str, device: str) -> MapGradient:
    keras = frameworks.keras()
    return map_gradient(keras.Model(network.input, [network.output[layer], network.output[OUTPUT]]), device)


def _beside(cut: KerasTensor, output: KerasTensor) -> list[KerasTensor]:
    """Return the tensors that do not depend on `cut`, and from which, with it, the output is computed."""
    order = _in_order(output)
    changed = {id(cut)}
    for tensor in order:
        if any(id(source) in changed for source in _sources(tensor)):
            changed.add(id(tensor))
    found = {}
    for tensor in order:
        if id(tensor) in changed and tensor is not cut:
            found.update({id(source): source for source in _sources(tensor) if id(source) not in changed})
    return list(found.values())


def _in_order(output: KerasTensor) -> list[KerasTensor]:
    """Return all tensors that an output is computed from, in the order of computation; without recursion, for depth."""
    order: list[KerasTensor] = []
    placed: set[int] = set()
    waiting = [output]
    while waiting:
        tensor = waiting[-1]
        missing = [source for source in _sources(tensor) if id(source) not in placed]
        waiting.extend(missing)
        if missing:
            continue
        waiting.pop()
        if id(tensor) not in placed:
            placed.add(id(tensor))
            order.append(tensor)
    return order


def _sources(tensor: KerasTensor) -> list[Any]:
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index].input_tensors
