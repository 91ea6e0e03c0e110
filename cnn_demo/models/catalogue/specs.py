"""What is known of a model before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from cnn_demo.models.files.weights import BUNDLED, find_weights

TASKS = ("classification", "localization", "detection", "semantic-segmentation", "instance-segmentation")
AVAILABILITIES = ("bundled", "at hand", "download", "unavailable")


@dataclass(frozen=True)
class Metric:
    """A published or measured figure: its name ("accuracy"), value, what it was measured on, and where that stands."""

    name: str
    value: float
    dataset: str
    source: str


class ModelUnavailable(Exception):
    """A model's weights are not available; the message is one sentence that can be shown as it is."""


@dataclass(frozen=True)
class ModelSpec:
    """One row: everything that is known of a model before it is loaded.

    Attributes:
        key: What `load` takes; also its name in links.
        title: What a page calls it.
        task: One of `TASKS`.
        family: The adapter that loads it, a case of `cnn_demo.models._load_row`.
        architecture: One line on what it is made of.
        input_size: (height, width) in pixels that the network takes.
        parameters: How many numbers it has learned.
        bytes: Size of its weights file.
        labels: Its classes, in the network's order.
        weights: File name of its weights.
        metric: The figure that it is judged by; None where none is published.
        paper: A lasting address.
        licence: Of the weights.
        knows: One sentence on what it knows, for the page.
        scaling: How it wants its pixels, a key of `cnn_demo.models.preprocessing.SCALINGS`.
        resampling: How photos are brought to `input_size`: "area" or "bilinear", see `classifiers.resized`.
        crop: Share of the photo's shorter side that the square in its middle takes, which the network is shown.
        further: More figures, such as the top-5 accuracy.
        builder: Name of the library's own function that builds the architecture.
        options: More arguments of that function, as (name, value).
        url: Where the weights can be downloaded; None where they cannot.
        checksum: Of that file, as "md5:..." or "sha256:...".
        backbone: Key of the classifier whose feature maps it reads; its own weights are then those of the heads alone.
        threshold: Of a localizer: the least probability at which it answers with a box, unless another one is asked
            for.
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
    metric: Metric | None
    paper: str
    licence: str
    knows: str
    scaling: str = "tf"
    resampling: str = "area"
    crop: float = 1.0
    further: tuple[Metric, ...] = ()
    builder: str = ""
    options: tuple[tuple[str, object], ...] = ()
    url: str | None = None
    checksum: str | None = None
    backbone: str | None = None
    threshold: float = 0.5

    def availability(self) -> str:
        """Say where the weights are: "bundled", "at hand" (weights folder or cache), "download" or "unavailable"."""
        found = find_weights(self.weights)
        if found is None:
            return "download" if self.url else "unavailable"
        if self.backbone:
            from cnn_demo.models import find

            return find(self.backbone).availability()
        return "bundled" if found.place == "bundled" else "at hand"

    def card(self) -> str | None:
        """Return the model card's text (Markdown), for a bundled model."""
        path = BUNDLED / f"{self.key}.md"
        return path.read_text(encoding="utf-8") if path.is_file() else None
