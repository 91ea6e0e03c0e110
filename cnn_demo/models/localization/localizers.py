"""Localizers: Keras networks with a class head and a box head, with predictions as `Localization`."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.images.resizing import resized
from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.boxes import to_pixels, weighted_median
from cnn_demo.models.bundled_networks import caltech_localizer, everyday_localizer, localizer_on
from cnn_demo.models.calibration import softmax
from cnn_demo.models.catalogue.registry import ModelSpec
from cnn_demo.models.classification.classifiers import with_weights
from cnn_demo.models.engines import engine_name, forward
from cnn_demo.models.half_precision import Half
from cnn_demo.models.model import SettingError
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.results import Localization

if TYPE_CHECKING:
    import keras

Average = Literal["mean", "median"]
NOTHING = "nothing"  # the last class of every localizer: none of the others is present


@dataclass(frozen=True, eq=False)
class LocalizerDetails:
    """Intermediate values of a prediction, at the h × w positions of the last feature maps.

    Attributes:
        seen: (H, W, 3) uint8, the resized photo that the network received.
        localization: The prediction.
        box_xyxy: (4,) float32 in pixels of the photo, output of the box head, whether or not a label is predicted.
        logits: (K + 1,) float32, "nothing" last.
        maps: (h, w, C) float32, the last feature maps, the input of both heads.
        votes: (h, w, 4) float32 in pixels of the photo, the box predicted at each position.
        attention: (h, w) float32, weight of each position; sums to 1.
        average: The predicted box is this weighted average of the votes: "mean" or "median".
    """

    seen: np.ndarray = field(repr=False)
    localization: Localization
    box_xyxy: np.ndarray
    logits: np.ndarray
    maps: np.ndarray = field(repr=False)
    votes: np.ndarray = field(repr=False)
    attention: np.ndarray = field(repr=False)
    average: Average


class Localizer:
    """A network that predicts one object and its box; one instance serves all visitors, serialized by its lock.

    The photo is squashed to the network's square input without keeping its aspect ratio, so that no pixels are spent on
    padding; the box is scaled back.

    Attributes:
        spec: Its registry entry.
        network: The Keras model, from (N, H, W, 3) float32 to the outputs of `bundled_networks.localizer_heads`.
        device: Device it runs on: "cpu" or "cuda".
        average: How the votes give the box: their weighted "mean", as the network trains, or "median".
        lock: Held while the network runs.
        half: Switch to half precision for `predict`.
    """

    def __init__(self, spec: ModelSpec, network: keras.Model, device: str, average: Average = "mean") -> None:
        self.spec = spec
        self.network = network
        self.device = device
        self.average = average
        self.lock = threading.Lock()
        self.half = Half(device if engine_name() == "torch" else "cpu")
        self._outputs = forward(network, device)
        self.predict(np.zeros((1, 1, 3), np.uint8))  # compile now, so that the first visitor does not wait

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the network's order, "nothing" last."""
        return (*self.spec.labels, NOTHING)

    @cached_property
    def class_weights(self) -> np.ndarray:
        """(C, K + 1) float32 weights of the class head's dense layer, one per feature map and class."""
        return _layer(self.network, "logits").get_weights()[0]

    def scaled(self, batch: np.ndarray) -> np.ndarray:
        """Normalize images (N, H, W, 3) uint8 of the network's input size to (N, H, W, 3) float32."""
        return SCALINGS[self.spec.scaling].apply(batch)

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Squash a photo (H, W, 3) uint8 of any size to the network's input size, (height, width, 3) uint8.

        Raises:
            ValueError: If the pixels have another shape or dtype.
        """
        check_pixels(pixels)
        return resized(pixels, self.spec.input_size)

    @gpu_memory.or_on_cpu
    def outputs(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (N, K + 1) and normalized boxes (N, 4) for images (N, H, W, 3) uint8."""
        with self.lock:
            outputs = self._outputs(self.scaled(batch))
        return outputs["logits"], self._boxes(outputs)

    @gpu_memory.or_on_cpu
    def predict(self, pixels: np.ndarray, threshold: float | None = None) -> Localization:
        """Localize the main object of a photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            threshold: Confidence threshold, 0 to 1; None for the model's default.

        Raises:
            ValueError: If the pixels have another shape or dtype, or the threshold is not from 0 to 1.
        """
        start = time.perf_counter()
        batch = self.scaled(self.prepare(pixels)[None])
        with self.lock:
            outputs = self.half.run(self._outputs, batch)
        box = self._boxes(outputs)[0]
        engine = self.half.engine(engine_name())
        return self._localization(outputs["logits"][0], box, pixels.shape[:2], threshold, start, engine)

    @gpu_memory.or_on_cpu
    def evidence(self, pixels: np.ndarray, threshold: float | None = None) -> LocalizerDetails:
        """Localize the main object of a photo and return the intermediate values.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            threshold: Confidence threshold, 0 to 1; None for the model's default.

        Raises:
            ValueError: As `predict` does.
        """
        start = time.perf_counter()
        size = pixels.shape[:2]
        seen = self.prepare(pixels)
        with self.lock:
            out = self._outputs(self.scaled(seen[None]))
        box = self._boxes(out)[0]
        out = {name: value[0] for name, value in out.items()}
        return LocalizerDetails(
            seen=seen,
            localization=self._localization(out["logits"], box, size, threshold, start, engine_name()),
            box_xyxy=_on_photo(box, size),
            logits=out["logits"],
            maps=out["maps"],
            votes=to_pixels(out["votes"], size).astype(np.float32),
            attention=out["attention"],
            average=self.average,
        )

    def _boxes(self, outputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the normalized boxes (N, 4)."""
        if self.average == "mean":
            return outputs["box"]
        votes = outputs["votes"]
        return weighted_median(votes.reshape(len(votes), -1, 4), outputs["attention"].reshape(len(votes), -1))

    def _localization(
        self,
        logits: np.ndarray,
        box: np.ndarray,
        size: tuple[int, int],
        threshold: float | None,
        start: float,
        engine: str,
    ) -> Localization:
        threshold = self.spec.threshold if threshold is None else threshold
        if not 0 <= threshold <= 1:
            raise SettingError(f"The threshold must be from 0 to 1, not {threshold}.")
        probabilities = softmax(logits).astype(np.float32)
        best = int(probabilities[:-1].argmax())
        found = probabilities[best] >= max(threshold, float(probabilities[-1]))
        return Localization(
            label=self.labels[best] if found else None,
            probability=float(probabilities[best if found else -1]),
            box_xyxy=_on_photo(box, size) if found else None,
            labels=self.labels,
            probabilities=probabilities,
            milliseconds=(time.perf_counter() - start) * 1000,
            device=self.device,
            engine=engine,
        )


def _on_photo(box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Convert a normalized box to pixels, (4,) float32, clipped to the photo and with ordered corners."""
    low = np.minimum(box[:2], box[2:])
    high = np.maximum(box[:2], box[2:])
    return to_pixels(np.clip(np.concatenate([low, high]), 0, 1), size).astype(np.float32)


def _layer(network: keras.Model, name: str):
    """Return the layer of this name, also from the nested heads on a pretrained backbone."""
    nested = [layer for layer in network.layers if layer.name == "heads"]
    return (nested[0] if nested else network).get_layer(name)


def load_keras_localizer(spec: ModelSpec, device: str) -> Localizer:
    """Build a localizer and load its weights; for heads on a pretrained classifier, load the weights of both.

    Raises:
        ModelUnavailable: If the weights are missing or do not fit the network.
        ValueError: If the device is not available.
    """
    where = frameworks.keras_device(device)
    average: Average = "mean"
    with frameworks.placed_on(where):
        match spec.family:
            case "caltech":
                network = with_weights(spec, caltech_localizer)
            case "everyday_localizer":
                network = with_weights(spec, everyday_localizer)
                average = "median"  # other objects are taught too, and their votes would move a mean
            case "caltech_on_backbone":
                network = _on_backbone(spec, device)
            case _:
                raise ValueError(f"No localizer is of the family {spec.family!r}.")
    return Localizer(spec, network, where, average)


def _on_backbone(spec: ModelSpec, device: str) -> keras.Model:
    """Build the localizer's heads on a frozen pretrained classifier."""
    from cnn_demo.models import load_classifier

    if spec.backbone is None:
        raise ValueError(f"The registry entry {spec.key} names no backbone.")
    network, heads = localizer_on(load_classifier(spec.backbone, device).network)
    with_weights(spec, lambda: heads)
    return network
