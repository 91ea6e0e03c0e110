"""Image classifiers in Keras, with predictions as `Classification`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.images.resizing import resized
from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.batching import MAX_BATCH
from cnn_demo.models.bundled_networks import cifar10_cnn
from cnn_demo.models.calibration import softmax
from cnn_demo.models.catalogue.registry import ModelSpec
from cnn_demo.models.catalogue.specs import ModelUnavailable, unreadable_weights
from cnn_demo.models.classification.layers import NetworkLayer, network_layers
from cnn_demo.models.engines import Forward, engine_name, forward
from cnn_demo.models.half_precision import Half, is_close
from cnn_demo.models.lazy import computed_once
from cnn_demo.models.lite.conversion import set_published_weights
from cnn_demo.models.lite.network import efficientnet_lite
from cnn_demo.models.lite.weights import WeightsUnreadable
from cnn_demo.models.model import SettingError
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.training_records import cifar10_record
from cnn_demo.results import Activations, Classification

if TYPE_CHECKING:
    import keras

FITS = {
    "crop": "Centre crop",
    "squash": "Squash",
    "pad": "Pad with grey",
}
GREY = SCALINGS["tf"].grey  # grey level that the bundled networks' zero padding corresponds to


class Classifier:
    """An image classifier in Keras; one instance serves all visitors, serialized by its lock.

    Attributes:
        spec: Its registry entry.
        network: The Keras model, from (N, H, W, 3) float32 to (N, C) logits.
        device: Device it runs on: "cpu" or "cuda".
        temperature: Softmax temperature that calibrates the probabilities (Guo et al. 2017,
            https://arxiv.org/abs/1706.04599); 1 if not calibrated.
        lock: Held while the network runs.
        half: Switch to half precision for `predict`.
    """

    def __init__(self, spec: ModelSpec, network: keras.Model, device: str, temperature: float = 1.0) -> None:
        self.spec = spec
        self.network = network
        self.device = device
        self.temperature = temperature
        self.lock = threading.Lock()
        self.half = Half(device if engine_name() == "torch" else "cpu", MAX_BATCH)
        self._logits = forward(network, device)
        self.predict(np.zeros((1, 1, 3), np.uint8))  # compile now, so that the first visitor does not wait

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in the network's order."""
        return self.spec.labels

    def scaled(self, batch: np.ndarray) -> np.ndarray:
        """Normalize images (N, H, W, 3) uint8 of the network's input size to (N, H, W, 3) float32."""
        return SCALINGS[self.spec.scaling].apply(batch)

    @cached_property
    def layers(self) -> tuple[NetworkLayer, ...]:
        """Descriptions of the network's layers, the input first."""
        return network_layers(self.network)

    def prepare(self, pixels: np.ndarray, fit: str = "crop") -> np.ndarray:
        """Resize a photo to the network's input size.

        Args:
            pixels: (H, W, 3) uint8 photo.
            fit: "crop" takes the centre crop (`spec.crop` of the shorter side), "squash" resizes the whole photo
                without keeping its aspect ratio, "pad" resizes the whole photo and pads it with grey.

        Returns:
            The network's input before normalization, (height, width, 3) uint8.

        Raises:
            ValueError: If there is no such fit, or the pixels have another shape or dtype.
        """
        check_pixels(pixels)
        if fit not in FITS:
            raise SettingError(f"There is no fit {fit!r}: choose one of {', '.join(FITS)}.")
        height, width = pixels.shape[:2]
        side = min(height, width)
        longer = max(height, width)
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

    @gpu_memory.or_on_cpu
    def logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits (N, C) float32 of images (N, H, W, 3) uint8 of the network's input size.

        They are never computed in half precision: explanations compare small differences.
        """
        with self.lock:
            return self._logits(self.scaled(batch))

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return softmax(logits / temperature) along the last axis, float32."""
        return softmax(logits, self.temperature).astype(np.float32)

    def predict(self, pixels: np.ndarray, fit: str = "crop") -> Classification:
        """Classify one photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            fit: "crop", "squash" or "pad", as in `prepare`.

        Raises:
            ValueError: As `prepare` does.
        """
        start = time.perf_counter()
        return self.predict_batch(self.prepare(pixels, fit)[None], start)[0]

    @gpu_memory.or_on_cpu
    def predict_batch(self, batch: np.ndarray, start: float) -> list[Classification]:
        """Classify images (N, H, W, 3) uint8 of the network's input size.

        If two classes are nearly as probable in half precision, float32 decides which is the first.

        Args:
            batch: The images.
            start: Time at which their preprocessing began, of `time.perf_counter`.
        """
        inputs = self.scaled(batch)
        engines = [self.half.engine(engine_name(), len(batch))] * len(batch)
        with self.lock:
            logits = self.half.run(self._logits, inputs)
            if self.half.covers(len(batch)):
                for index in np.flatnonzero(is_close(self.probabilities(logits))):
                    logits[index] = self._logits(inputs[index : index + 1])[0]
                    engines[index] = engine_name()
        return [self._classification(*each) for each in zip(logits, [start] * len(batch), engines, strict=True)]

    @gpu_memory.or_on_cpu
    def activations(self, pixels: np.ndarray, fit: str = "crop") -> Activations:
        """Classify one photo and return the activations of all layers.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            fit: "crop", "squash" or "pad", as in `prepare`.

        Raises:
            ValueError: As `prepare` does.
        """
        with self.lock:
            everything = self._everything  # compiled at the first use, which is not timed
        start = time.perf_counter()
        seen = self.prepare(pixels, fit)
        with self.lock:
            outputs = everything(self.scaled(seen[None]))
        maps = {layer.name: output[0] for layer, output in zip(self.network.layers, outputs, strict=True)}
        return Activations(seen, maps, self._classification(maps[self.network.layers[-1].name], start, engine_name()))

    @computed_once
    def _everything(self) -> Forward:
        """Function from one image to the outputs of all layers; made, and so compiled, with the lock held."""
        keras = frameworks.keras()
        everything = keras.Model(self.network.input, [layer.output for layer in self.network.layers])
        function = forward(everything, self.device)
        function(self.scaled(np.zeros((1, *self.spec.input_size, 3), np.uint8)))
        return function

    def _classification(self, logits: np.ndarray, start: float, engine: str) -> Classification:
        probabilities = self.probabilities(logits)
        milliseconds = (time.perf_counter() - start) * 1000
        return Classification(self.labels, probabilities, milliseconds, self.device, engine)


def network_input(pixels: np.ndarray) -> np.ndarray:
    """Return pixels / 127.5 − 1, float32, the input of the bundled networks."""
    return SCALINGS["tf"].apply(pixels)


def with_weights(spec: ModelSpec, build: Callable[[], keras.Model]) -> keras.Model:
    """Build a network and load its weights; fails before building if the weights are missing."""
    file = spec.weights_file()
    network = build()
    try:
        network.load_weights(file.path)
    except MemoryError:
        raise
    except Exception as error:  # h5py raises whatever HDF5 finds in a damaged file
        raise unreadable_weights(spec) from error
    return network


def load_keras_classifier(spec: ModelSpec, device: str) -> Classifier:
    """Build a classifier and load locally available weights; nothing is downloaded.

    Raises:
        ModelUnavailable: If the weights are missing or do not fit the network.
        ValueError: If the device is not available.
    """
    where = frameworks.keras_device(device)
    temperature = 1.0
    with frameworks.placed_on(where):
        match spec.family:
            case "cifar10":
                network = with_weights(spec, cifar10_cnn)
                temperature = cifar10_record().temperature
            case "efficientnet_lite":
                network = _efficientnet_lite(spec)
            case "imagenet":
                network = with_weights(spec, lambda: build_imagenet(spec))
            case _:
                raise ValueError(f"No classifier is of the family {spec.family!r}.")
    return Classifier(spec, network, where, temperature)


def build_imagenet(spec: ModelSpec) -> keras.Model:
    """Build one of Keras's ImageNet networks with random weights and without softmax."""
    build = getattr(frameworks.keras().applications, spec.builder)
    return build(weights=None, input_shape=(*spec.input_size, 3), classifier_activation=None)


def _efficientnet_lite(spec: ModelSpec) -> keras.Model:
    """Build EfficientNet-Lite and set the published weights, which come with a Python package."""
    network = efficientnet_lite(spec.key)
    try:
        set_published_weights(network, spec.key)
    except WeightsUnreadable as error:
        raise ModelUnavailable(f"“{spec.title}” cannot be loaded. {error}") from error
    return network
