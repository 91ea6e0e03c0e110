"""Classifiers: a Keras network in, a `Classification` out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.images.photo import check_pixels, resized
from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import cifar10_cnn
from cnn_demo.models.calibration import softmax
from cnn_demo.models.catalogue.registry import ModelSpec
from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.classification.layers import NetworkLayer, network_layers
from cnn_demo.models.files.weights import find_weights
from cnn_demo.models.lite.conversion import set_published_weights
from cnn_demo.models.lite.network import efficientnet_lite
from cnn_demo.models.lite.weights import WeightsUnreadable
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.training_records import cifar10_record
from cnn_demo.results import Activations, Classification

if TYPE_CHECKING:
    import keras

FITS = {
    "crop": "Middle square",
    "squash": "Squash",
    "pad": "Pad with grey",
}
GREY = SCALINGS["tf"].grey  # what the zero padding of the bundled networks means


class Classifier:
    """A Keras network that classifies photos; one for all visitors, who take turns by its lock.

    Attributes:
        spec: Its row.
        network: The Keras model, from (N, H, W, 3) float32 to (N, C) logits.
        device: "cpu" or "cuda": where it runs.
        temperature: What the logits are divided by before the softmax, so that probabilities are calibrated
            (Guo et al. 2017, https://arxiv.org/abs/1706.04599); 1 where that was not measured.
        lock: Held while the network runs.
    """

    def __init__(self, spec: ModelSpec, network: keras.Model, device: str, temperature: float = 1.0) -> None:
        self.spec = spec
        self.network = network
        self.device = device
        self.temperature = temperature
        self.lock = threading.Lock()
        tf = frameworks.tensorflow()
        pictures = tf.TensorSpec((None, *spec.input_size, 3), tf.float32)
        self._logits = tf.function(lambda batch: network(batch, training=False), [pictures])
        self.predict(np.zeros((1, 1, 3), np.uint8))  # the first visitor does not wait for the compilation

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the network's order."""
        return self.spec.labels

    def scaled(self, batch: np.ndarray) -> np.ndarray:
        """Return what the network takes, (N, H, W, 3) float32, of pictures (N, H, W, 3) uint8 of its size."""
        return SCALINGS[self.spec.scaling].apply(batch)

    @cached_property
    def layers(self) -> tuple[NetworkLayer, ...]:
        """The network's layers as plain facts, the input first."""
        return network_layers(self.network)

    def prepare(self, pixels: np.ndarray, fit: str = "crop") -> np.ndarray:
        """Bring a photo to the size that the network takes.

        Args:
            pixels: (H, W, 3) uint8.
            fit: "crop" takes the square in the middle (`spec.crop` says how much of it), "squash" everything with its
                proportions changed, "pad" everything with grey beside it.

        Returns:
            What the network really sees, (height, width, 3) uint8.

        Raises:
            ValueError: If there is no such way to fit, or the pixels are of another shape or type.
        """
        check_pixels(pixels)
        if fit not in FITS:
            raise ValueError(f"There is no fit {fit!r}: choose one of {', '.join(FITS)}.")
        height, width = pixels.shape[:2]
        side, longer = min(height, width), max(height, width)
        if fit == "crop":
            side = max(1, round(side * self.spec.crop))
            top, left = (height - side) // 2, (width - side) // 2
            pixels = pixels[top : top + side, left : left + side]
        elif fit == "pad" and side < longer:
            top, left = (longer - height) // 2, (longer - width) // 2
            border = (top, longer - height - top, left, longer - width - left)
            grey = SCALINGS[self.spec.scaling].grey
            pixels = cv2.copyMakeBorder(pixels, *border, cv2.BORDER_CONSTANT, value=(grey,) * 3)
        return resized(pixels, self.spec.input_size, self.spec.resampling)

    def logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits (N, C) float32 of pictures (N, H, W, 3) uint8 that have the network's size already."""
        with self.lock:
            return self._run(self._logits, batch).numpy()

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return softmax(logits / temperature) along the last axis, float32."""
        return softmax(logits, self.temperature).astype(np.float32)

    def predict(self, pixels: np.ndarray, fit: str = "crop") -> Classification:
        """Classify one photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            fit: As for `prepare`.

        Raises:
            ValueError: As `prepare` does.
        """
        start = time.perf_counter()
        logits = self.logits(self.prepare(pixels, fit)[None])[0]
        return self._classification(logits, start)

    def activations(self, pixels: np.ndarray, fit: str = "crop") -> Activations:
        """Classify one photo and keep every number on the way.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            fit: As for `prepare`.

        Raises:
            ValueError: As `prepare` does.
        """
        start = time.perf_counter()
        seen = self.prepare(pixels, fit)
        with self.lock:
            outputs = self._run(self._everything, seen[None])
            maps = {layer.name: np.asarray(out)[0] for layer, out in zip(self.network.layers, outputs, strict=True)}
        return Activations(seen, maps, self._classification(maps[self.network.layers[-1].name], start))

    @cached_property
    def _everything(self):
        """From one picture to the output of every layer; used, and so compiled, under the lock."""
        keras, tf = frameworks.keras(), frameworks.tensorflow()
        everything = keras.Model(self.network.input, [layer.output for layer in self.network.layers])
        picture = tf.TensorSpec((1, *self.spec.input_size, 3), tf.float32)
        # XLA hands all outputs out at the cost of one (benchmarks/activations.py), but compiles for each batch size.
        return tf.function(lambda batch: everything(batch, training=False), [picture], jit_compile=True)

    def _run(self, function, batch: np.ndarray):
        tf = frameworks.tensorflow()
        with frameworks.placed_on(self.device):
            return function(tf.constant(self.scaled(batch)))

    def _classification(self, logits: np.ndarray, start: float) -> Classification:
        probabilities = self.probabilities(logits)
        return Classification(self.labels, probabilities, (time.perf_counter() - start) * 1000, self.device)


def network_input(pixels: np.ndarray) -> np.ndarray:
    """Return pixels / 127.5 − 1, float32: what the bundled networks take."""
    return SCALINGS["tf"].apply(pixels)


def with_weights(spec: ModelSpec, build: Callable[[], keras.Model]) -> keras.Model:
    """Build a network and load its weights; they are looked for before anything is built."""
    file = find_weights(spec.weights)
    if file is None:
        raise ModelUnavailable(f"The weights of “{spec.title}” are not on this machine: {spec.weights} is missing.")
    network = build()
    try:
        network.load_weights(file.path)
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(
            f"The weights of “{spec.title}” cannot be read: please replace {spec.weights}."
        ) from error
    return network


def load_cifar10(spec: ModelSpec, device: str) -> Classifier:
    """Build the bundled CIFAR-10 network and load its weights.

    Raises:
        ModelUnavailable: If the weights are missing or of another network.
    """
    where = frameworks.keras_device(device)
    with frameworks.placed_on(where):
        network = with_weights(spec, cifar10_cnn)
    return Classifier(spec, network, where, cifar10_record().temperature)


def load_imagenet(spec: ModelSpec, device: str) -> Classifier:
    """Build one of Keras's ImageNet networks and load its weights from this machine; nothing is downloaded.

    Raises:
        ModelUnavailable: If the weights are missing or of another network.
    """
    where = frameworks.keras_device(device)
    with frameworks.placed_on(where):
        build = getattr(frameworks.keras().applications, spec.builder)
        shape = (*spec.input_size, 3)
        network = with_weights(spec, lambda: build(weights=None, input_shape=shape, classifier_activation=None))
    return Classifier(spec, network, where)


def load_efficientnet_lite(spec: ModelSpec, device: str) -> Classifier:
    """Build EfficientNet-Lite and give it the published weights that a package carries.

    Raises:
        ModelUnavailable: If the package is not installed, or its file is not the published one.
    """
    where = frameworks.keras_device(device)
    with frameworks.placed_on(where):
        network = efficientnet_lite(spec.key)
        try:
            set_published_weights(network, spec.key)
        except WeightsUnreadable as error:
            raise ModelUnavailable(f"“{spec.title}” cannot be loaded. {error}") from error
    return Classifier(spec, network, where)
