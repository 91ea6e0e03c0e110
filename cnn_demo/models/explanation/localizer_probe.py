"""The class or the box of a localizer, ready to be explained: two heads on one backbone, with a map for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import iou, to_pixels
from cnn_demo.models.bundled_networks import STRIDE_16_INPUT_OF
from cnn_demo.models.calibration import softmax
from cnn_demo.models.classification.function_cache import FunctionCache
from cnn_demo.models.engines import MapGradient as MapGradientFunction
from cnn_demo.models.engines import map_gradient
from cnn_demo.models.explanation.probe import Probe, TargetGradients
from cnn_demo.models.explanation.targets import SIDES, BoxTarget, ClassTarget, Part
from cnn_demo.models.explanation.torch_maps import MapGradient

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.localization.localizers import Localizer

SHARED = "last maps that both heads share"
_GRADIENTS = FunctionCache(1)


@dataclass(frozen=True)
class WholeInput:
    """Position of a photo that fills the input.

    Attributes:
        input: (height, width) of the input.
    """

    input: tuple[int, int]

    @property
    def scaled(self) -> tuple[int, int]:
        """(height, width) of the resized photo: that of the input."""
        return self.input

    def crop(self, values: np.ndarray) -> np.ndarray:
        """Return values at the input's size as they are."""
        return values


class LocalizerProbe(Probe):
    """The class or the box of a localizer, by the engine that runs Keras networks.

    The feature maps are the last ones that both heads depend on, so that the maps of class and box can be compared.

    A box has no class of its own, and a pixel may move a side in either direction. Its map is the sum of the maps for
    moving each coordinate in both directions: where the box depends on the photo, whichever way. The network's own
    box, the weighted mean of its votes, is differentiated, as it was in training, also where the prediction is their
    median.

    Attributes:
        target: The class or the box.
    """

    def __init__(self, localizer: Localizer, pixels: np.ndarray, target: ClassTarget | BoxTarget) -> None:
        self.target = target
        self.size = pixels.shape[:2]
        self.picture = localizer.prepare(pixels)
        self.layers = (SHARED,)
        self._localizer = localizer
        if isinstance(target, BoxTarget) and target.part == "mask":
            raise ValueError(f"{localizer.spec.title} predicts no masks.")
        if _is_class(target) and not 0 <= target.class_id < len(localizer.labels):
            raise ValueError(f"{localizer.spec.title} has classes 0 to {len(localizer.labels) - 1}.")

    def score(self, picture: np.ndarray) -> float:
        """Return the probability of the class, or the IoU of the predicted box with the target."""
        logits, boxes = self._localizer.outputs(picture[None])
        if _is_class(self.target):
            return float(softmax(logits[0])[self.target.class_id])
        assert isinstance(self.target, BoxTarget)
        return float(iou(np.array(self.target.box_xyxy), to_pixels(boxes[0], self.size)))

    def gradients(self, layer: str) -> TargetGradients:
        """Return the gradients of the class logit, or of the coordinates of the box in both directions."""
        localizer = self._localizer
        run = _GRADIENTS.get(localizer, layer, lambda: _compile(localizer.network, localizer.device))
        batch = localizer.scaled(self.picture[None])
        parts = []
        for seed in _seeds(self.target, len(localizer.labels)):
            with localizer.lock:
                maps, gradients = run(batch, seed)
            parts.append((MapGradient(maps[0], gradients[0]),))
            if not _is_class(self.target):
                parts.append((MapGradient(maps[0], -gradients[0]),))
        return TargetGradients(self.score(self.picture), WholeInput(self.picture.shape[:2]), tuple(parts))


def _is_class(target: ClassTarget | BoxTarget) -> bool:
    return isinstance(target, ClassTarget) or target.part == "class"


def _seeds(target: ClassTarget | BoxTarget, classes: int) -> list[np.ndarray]:
    """Return (1, classes + 4) float32 for each scalar that makes up the target: weights of the logits and the box."""
    whole = np.eye(classes + 4, dtype=np.float32)[:, None]
    if _is_class(target):
        return [whole[target.class_id]]
    assert isinstance(target, BoxTarget)
    sides = dict(zip(SIDES, whole[classes:], strict=True))
    coordinates: dict[Part, list[np.ndarray]] = {"box": list(sides.values())}
    coordinates["centre"] = [sides["left"] / 2 + sides["right"] / 2, sides["top"] / 2 + sides["bottom"] / 2]
    return coordinates.get(target.part) or [sides[target.part]]


def _compile(network: keras.Model, device: str) -> MapGradientFunction:
    """Compile the function from images and weights of the outputs to the shared feature maps and their gradients."""
    keras = frameworks.keras()
    with frameworks.placed_on(device):
        maps = network.output["maps"]
        if any(layer.name == STRIDE_16_INPUT_OF for layer in network.layers):  # the box head takes finer maps too
            maps = network.get_layer(STRIDE_16_INPUT_OF).input
        outputs = keras.layers.Concatenate()([network.output["logits"], network.output["box"]])
        return map_gradient(keras.Model(network.input, [maps, outputs]), device)
