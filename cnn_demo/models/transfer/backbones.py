"""What a network makes of photos before its last layer: the features that a new head learns from.

One rule finds them in every network of the table: the last layer that has weights gives the logits, and what goes into
it are the features. That layer is dense, or, in the older MobileNets, a 1 × 1 convolution of a map of one place, which
is the same. In most networks the features are the global average of the last feature maps; VGG's come from its two
dense layers before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from cnn_demo.images import Photo
from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 16
Progress = Callable[[int, int], None]
"""Told after each batch how many photos are done, and of how many. What it raises ends the computation."""
# Classifier -> layer name, or "" for the features -> compiled function. Nothing in it holds the classifier.
_FUNCTIONS: WeakKeyDictionary = WeakKeyDictionary()
_LOCK = threading.Lock()


def feature_tensor(network: keras.Model):
    """Return what goes into the layer that gives the logits: a Keras tensor of (N, F) or (N, 1, 1, F).

    Raises:
        ValueError: If the network does not end as this module's first lines say.
    """
    layers = frameworks.keras().layers
    last = [layer for layer in network.layers if layer.weights][-1]
    tensor = last.input
    of_one_place = len(tensor.shape) == 2 or tuple(tensor.shape[1:-1]) == (1, 1)
    if not isinstance(last, layers.Dense | layers.Conv2D) or not of_one_place:
        raise ValueError(f"The network {network.name!r} does not end in a dense layer: it has no features to learn on.")
    return tensor


def feature_size(model: Classifier) -> int:
    """Return how many features a photo has: the F of `features`."""
    return int(feature_tensor(model.network).shape[-1])


def features(
    model: Classifier, photos: Sequence[Photo], fit: str = "crop", progress: Progress | None = None
) -> np.ndarray:
    """Compute the features of photos.

    Args:
        model: A classifier; it is not changed.
        photos: At least one.
        fit: How they are brought to the network's size, see `Classifier.prepare`.
        progress: Told after each batch.

    Returns:
        (N, F) float32.
    """
    return in_batches(compiled(model), model, photos, fit, model.lock, progress)


def random_features(
    model: Classifier, photos: Sequence[Photo], fit: str = "crop", seed: int = 0, progress: Progress | None = None
) -> np.ndarray:
    """Compute features by the same architecture with weights drawn anew, as if it had never seen a photo.

    Weights are drawn as the network's own layers say, as they were before its training. Batch normalization is as it
    was then, too: means 0 and variances 1, so that it lets everything pass. How input is scaled is kept.

    Args:
        model: A classifier; it is not changed.
        photos: At least one.
        fit: As for `features`.
        seed: The same seed and photos give the same features.
        progress: Told after each batch.

    Returns:
        (N, F) float32.
    """
    with frameworks.placed_on(model.device):
        network = _drawn_anew(model.network, seed)
    return in_batches(_function(network), model, photos, fit, threading.Lock(), progress)


def in_batches(
    function, model: Classifier, photos: Sequence[Photo], fit: str, lock: threading.Lock, progress: Progress | None
) -> np.ndarray:
    """Apply a function of (n, h, w, 3) to photos, holding the lock for one batch at a time; return all its values."""
    if not photos:
        raise ValueError("There are no photos to compute features of.")
    tf = frameworks.tensorflow()
    values = []
    for start in range(0, len(photos), BATCH):
        some = photos[start : start + BATCH]
        batch = model.scaled(np.stack([model.prepare(photo.pixels, fit) for photo in some]))
        with lock, frameworks.placed_on(model.device):
            values.append(function(tf.constant(batch)).numpy())
        if progress:
            progress(start + len(batch), len(photos))
    return np.concatenate(values)


def compiled(model: Classifier, layer: str = ""):
    """Return the compiled function from what the network takes to the output of a layer; "" is for the features."""
    keras = frameworks.keras()
    with _LOCK:
        functions = _FUNCTIONS.setdefault(model, {})
        if layer not in functions:
            network = model.network
            tensor = network.get_layer(layer).output if layer else feature_tensor(network)
            functions[layer] = _function(keras.Model(network.input, tensor), as_vectors=not layer)
        return functions[layer]


def _function(network: keras.Model, as_vectors: bool = True):
    """Compile a network once for batches of any size."""
    tf = frameworks.tensorflow()

    def run(batch):
        values = network(batch, training=False)
        return tf.reshape(values, (-1, values.shape[-1])) if as_vectors else values

    return tf.function(run, [tf.TensorSpec((None, *network.input.shape[1:]), tf.float32)])


def _drawn_anew(network: keras.Model, seed: int) -> keras.Model:
    """Copy the architecture up to the features; the copy's weights are drawn from the seed."""
    keras = frameworks.keras()
    chance = np.random.default_rng(seed)

    def draw(layer):
        config = layer.get_config()
        for name, value in config.items():
            if name.endswith("_initializer") and isinstance(value, dict) and "seed" in value["config"]:
                value["config"]["seed"] = int(chance.integers(2**31))
        return type(layer).from_config(config)

    part = keras.Model(network.input, feature_tensor(network))
    copy = keras.models.clone_model(part, clone_function=draw)
    for layer in part.layers:
        if isinstance(layer, keras.layers.Normalization):  # scales the input; it was measured, not learned
            copy.get_layer(layer.name).set_weights(layer.get_weights())
            copy.get_layer(layer.name).finalize_state()
    return copy
