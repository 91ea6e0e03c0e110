"""The table of all models: one row of data each. A new model of a known family is one new row."""

from __future__ import annotations

from dataclasses import dataclass

from cnn_demo.models.weights import BUNDLED, find_weights

TASKS = ("classification", "localization", "detection", "semantic-segmentation", "instance-segmentation")
AVAILABILITIES = ("bundled", "at hand", "download", "unavailable")


@dataclass(frozen=True)
class Metric:
    """A published or measured figure: its name ("accuracy"), value, what it was measured on, and where that stands."""

    name: str
    value: float
    dataset: str
    source: str


@dataclass(frozen=True)
class ModelSpec:
    """One row: everything that is known of a model before it is loaded.

    Attributes:
        key: What `load` takes; also its name in links.
        title: What a page calls it.
        task: One of `TASKS`.
        family: The adapter that loads it, a key of `cnn_demo.models.LOADERS`.
        architecture: One line on what it is made of.
        input_size: (height, width) in pixels that the network takes.
        parameters: How many numbers it has learned.
        bytes: Size of its weights file.
        labels: Its classes, in the network's order.
        weights: File name of its weights.
        metric: The figure that it is judged by.
        paper: A lasting address.
        licence: Of the weights.
        knows: One sentence on what it knows, for the page.
        url: Where the weights can be downloaded; None where they cannot.
    """

    key: str
    title: str
    task: str
    family: str
    architecture: str
    input_size: tuple[int, int]
    parameters: int
    bytes: int
    labels: tuple[str, ...]
    weights: str
    metric: Metric
    paper: str
    licence: str
    knows: str
    url: str | None = None

    def availability(self) -> str:
        """Say where the weights are: "bundled", "at hand" (weights folder or cache), "download" or "unavailable"."""
        found = find_weights(self.weights)
        if found is None:
            return "download" if self.url else "unavailable"
        return "bundled" if found.place == "bundled" else "at hand"

    def card(self) -> str | None:
        """Return the model card's text (Markdown), for a bundled model."""
        path = BUNDLED / f"{self.key}.md"
        return path.read_text(encoding="utf-8") if path.is_file() else None


CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        key="cifar10_cnn",
        title="CIFAR-10 residual network",
        task="classification",
        family="cifar10",
        architecture="5 × 5 stem and five residual blocks of 32, 64 and 128 channels, in Keras",
        input_size=(32, 32),
        parameters=678_538,
        bytes=2_796_216,
        labels=CIFAR10_LABELS,
        weights="cifar10_cnn.weights.h5",
        metric=Metric("accuracy", 0.8948, "5,000 held-back training images of CIFAR-10", "training/evaluate.py"),
        paper="https://arxiv.org/abs/1512.03385",
        licence="AGPL-3.0; trained on CIFAR-10 (Krizhevsky 2009)",
        knows="It knows ten classes: " + ", ".join(CIFAR10_LABELS[:-1]) + " and truck.",
    ),
)
