"""Metadata of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from cnn_demo.images.resizing import Resampling
from cnn_demo.models.files.weights import BUNDLED, WeightsFile, find_weights, is_intact, set_aside
from cnn_demo.models.preprocessing import ScalingName

Task = Literal["classification", "localization", "detection", "semantic-segmentation", "instance-segmentation"]
Family = Literal[
    "cifar10",
    "imagenet",
    "efficientnet_lite",
    "caltech",
    "caltech_on_backbone",
    "everyday_localizer",
    "yolo",
    "torchvision_detector",
    "mask_rcnn",
    "smp",
    "torchvision_segmenter",
    "yolo_semantic",
]
Availability = Literal["bundled", "at hand", "download", "unavailable"]
TASKS: tuple[Task, ...] = get_args(Task)
AVAILABILITIES: tuple[Availability, ...] = get_args(Availability)


@dataclass(frozen=True)
class Metric:
    """A published or measured metric: its name ("accuracy"), value, evaluation dataset and source."""

    name: str
    value: float
    dataset: str
    source: str


class ModelUnavailable(Exception):
    """A model's weights are not available; the message is one sentence for visitors."""


@dataclass(frozen=True)
class ModelSpec:
    """Metadata of a model: one registry entry.

    Attributes:
        key: Identifier, used by `load` and in links.
        title: Display name.
        task: One of `TASKS`.
        family: Loader of the model, a case of `cnn_demo.models._load_row`.
        architecture: One-line description of the architecture.
        input_size: (height, width) of the network's input in pixels.
        parameters: Number of parameters.
        bytes: Size of the weights file.
        labels: Class names, in the network's order.
        weights: File name of the weights.
        metric: The main metric; None if none is published.
        paper: Permanent link to the paper.
        licence: Licence of the weights.
        training_data: One sentence on the classes and the training data, for the page.
        scaling: Pixel normalization, a key of `cnn_demo.models.preprocessing.SCALINGS`.
        resampling: Interpolation for resizing photos to `input_size`: "area" or "bilinear", see `images.resizing`.
        crop: Side of the centre crop as a fraction of the photo's shorter side.
        further: Further metrics, such as the top-5 accuracy.
        builder: Name of the library function that builds the architecture.
        options: Further arguments of that function, as (name, value).
        url: Download URL of the weights; None if they cannot be downloaded.
        checksum: Checksum of the weights file, as "md5:..." or "sha256:...".
        backbone: Key of the classifier used as backbone; the model's own weights then contain only the heads.
        threshold: Default confidence threshold of a localizer or a detector; 0.25 is that of Ultralytics.
    """

    key: str
    title: str
    task: Task
    family: Family
    architecture: str
    input_size: tuple[int, int]
    parameters: int
    bytes: int
    labels: tuple[str, ...]
    weights: str
    metric: Metric | None
    paper: str
    licence: str
    training_data: str
    scaling: ScalingName = "tf"
    resampling: Resampling = "area"
    crop: float = 1.0
    further: tuple[Metric, ...] = ()
    builder: str = ""
    options: tuple[tuple[str, object], ...] = ()
    url: str | None = None
    checksum: str | None = None
    backbone: str | None = None
    threshold: float = 0.25

    def availability(self) -> Availability:
        """Return where the weights are: "bundled", "at hand" (weights folder or cache), "download" or "unavailable"."""
        found = find_weights(self.weights)
        if found is None:
            return "download" if self.url else "unavailable"
        if self.backbone:
            from cnn_demo.models import find

            return find(self.backbone).availability()
        return "bundled" if found.source == "bundled" else "at hand"

    def weights_file(self) -> WeightsFile:
        """Return the model's own weights file, without that of its backbone.

        Raises:
            ModelUnavailable: If it is not available locally, or a bundled one is damaged.
        """
        found = find_weights(self.weights)
        if found is None:
            raise ModelUnavailable(f"The weights of “{self.title}” are not on this machine: {self.weights} is missing.")
        try:
            if is_intact(found.path):
                return found
        except OSError:
            pass
        raise unreadable_weights(self)

    def card(self) -> str | None:
        """Return the model card (Markdown) of a bundled model; None for others."""
        path = BUNDLED / f"{self.key}.md"
        return path.read_text(encoding="utf-8") if path.is_file() else None


def unreadable_weights(spec: ModelSpec) -> ModelUnavailable:
    """Return the error that the weights of a model are damaged, or those of another one.

    A file that was downloaded is set aside, so that it can be downloaded again.
    """
    found = find_weights(spec.weights)
    if found is None or found.source != "cache" or not spec.url:
        return ModelUnavailable(f"The weights of “{spec.title}” cannot be read: please replace {spec.weights}.")
    set_aside(found)
    return ModelUnavailable(
        f"The weights of “{spec.title}” cannot be read: please download them again, in the tab “Models” or with "
        f"`python -m cnn_demo fetch {spec.key}`."
    )
