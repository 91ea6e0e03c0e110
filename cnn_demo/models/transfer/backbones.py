"""Feature extraction with pretrained classifiers: the features that a new head is trained on.

One rule applies to all networks of the registry: the last layer with weights computes the logits, and its input are the
features. This layer is dense or, in the older MobileNets, an equivalent 1 × 1 convolution of a 1 × 1 map. In most
networks the features are the global average of the last feature maps; VGG's are the output of its second dense layer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images import Photo
from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.classification.function_cache import FunctionCache
from cnn_demo.models.engines import Forward, forward

if TYPE_CHECKING:
    import keras
    from keras import Layer

    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 16
Progress = Callable[[int, int], None]
"""Callback that receives the completed and total number of photos after each batch; exceptions stop the computation."""
_FUNCTIONS = FunctionCache(16)


def feature_tensor(network: keras.Model):
    """Return the input of the layer that computes the logits: a Keras tensor of (N, F) or (N, 1, 1, F).

    Raises:
        ValueError: If the network does not end in a dense layer or an equivalent convolution.
    """
    layers = frameworks.keras().layers
    last = [layer for layer in network.layers if layer.weights][-1]
    tensor = last.input
    single_position = len(tensor.shape) == 2 or tuple(tensor.shape[1:-1]) == (1, 1)
    if not isinstance(last, layers.Dense | layers.Conv2D) or not single_position:
        raise ValueError(f"The network {network.name!r} does not end in a dense layer: it has no features to learn on.")
    return tensor


def feature_size(model: Classifier) -> int:
    """Return the number of features per photo, F."""
    return int(feature_tensor(model.network).shape[-1])


@gpu_memory.or_on_cpu
def features(
    model: Classifier, photos: Sequence[Photo], fit: str = "crop", progress: Progress | None = None
) -> np.ndarray:
    """Compute the features of photos.

    Args:
        model: A classifier; it is not modified.
        photos: The photos, at least one.
        fit: Resizing to the network's input size, see `Classifier.prepare`.
        progress: Callback after each batch.

    Returns:
        (N, F) float32.
    """
    return in_batches(compiled(model), model, photos, fit, model.lock, progress)


@gpu_memory.or_on_cpu
def random_features(
    model: Classifier, photos: Sequence[Photo], fit: str = "crop", seed: int = 0, progress: Progress | None = None
) -> np.ndarray:
    """Compute features with the same architecture and random weights, as before training.

    Weights are drawn from the initializers of the layers. Batch normalization is in its initial state: means 0 and
    variances 1, so that it is the identity. The normalization of the input is kept.

    Args:
        model: A classifier; it is not modified.
        photos: The photos, at least one.
        fit: Resizing to the network's input size, see `Classifier.prepare`.
        seed: Seed of the weights.
        progress: Callback after each batch.

    Returns:
        (N, F) float32.
    """
    with frameworks.placed_on(model.device):
        network = _drawn_anew(model.network, seed)
    return in_batches(_as_vectors(forward(network, model.device)), model, photos, fit, threading.Lock(), progress)


def in_batches(
    function: Forward,
    model: Classifier,
    photos: Sequence[Photo],
    fit: str,
    lock: threading.Lock,
    progress: Progress | None,
) -> np.ndarray:
    """Apply a function of inputs (n, h, w, 3) to photos, holding the lock per batch; return all outputs."""
    if not photos:
        raise ValueError("There are no photos to compute features of.")
    values = []
    for start in range(0, len(photos), BATCH):
        some = photos[start : start + BATCH]
        batch = model.scaled(np.stack([model.prepare(photo.pixels, fit) for photo in some]))
        with lock:
            values.append(function(batch))
        if progress:
            progress(start + len(batch), len(photos))
    return np.concatenate(values)


def compiled(model: Classifier, layer: str = "") -> Forward:
    """Return the compiled function from the network's input to the output of a layer; "" for the features."""

    def compile_part() -> Forward:
        network = model.network
        tensor = network.get_layer(layer).output if layer else feature_tensor(network)
        function = forward(frameworks.keras().Model(network.input, tensor), model.device)
        return function if layer else _as_vectors(function)

    return _FUNCTIONS.get(model, layer, compile_part)


def _as_vectors(function: Forward) -> Forward:
    """Return the function with its outputs, (N, F) or (N, 1, 1, F), as (N, F)."""

    def run(batch: np.ndarray) -> np.ndarray:
        values = function(batch)
        return values.reshape(len(values), -1)

    return run


def _drawn_anew(network: keras.Model, seed: int) -> keras.Model:
    """Copy the architecture up to the features, with random weights drawn from the seed."""
    keras = frameworks.keras()
    chance = np.random.default_rng(seed)

    def draw(layer: Layer) -> Layer:
        config = layer.get_config()
        for name, value in config.items():
            if name.endswith("_initializer") and isinstance(value, dict) and "seed" in value["config"]:
                value["config"]["seed"] = int(chance.integers(2**31))
        return type(layer).from_config(config)

    part = keras.Model(network.input, feature_tensor(network))
    copy = keras.models.clone_model(part, clone_function=draw)
    for layer in part.layers:
        if isinstance(layer, keras.layers.Normalization):  # normalizes the input; data statistics, not learned weights
            copy.get_layer(layer.name).set_weights(layer.get_weights())
            copy.get_layer(layer.name).finalize_state()
    return copy
