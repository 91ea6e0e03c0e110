"""What models answer: one frozen type per task. Framework objects stop at the adapter that makes these."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Classification:
    """What a classifier says of a photo.

    Attributes:
        labels: The names of the classes, in the network's order.
        probabilities: (C,) float32, one for each label; they sum to 1.
        milliseconds: What the network took, preparation of the photo included.
        device: "cpu", "cuda" or "mps": where it ran.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray = field(repr=False)
    milliseconds: float = 0.0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.labels),):
            raise ValueError(f"{len(self.labels)} labels need as many probabilities, not {self.probabilities.shape}.")

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Return the `k` most probable (label, probability), the most probable first; all of them where k is larger."""
        best = np.argsort(-self.probabilities, kind="stable")[: max(k, 0)]
        return [(self.labels[i], float(self.probabilities[i])) for i in best]


@dataclass(frozen=True)
class Activations:
    """Every number that a network computed on its way to an answer.

    Attributes:
        seen: (H, W, 3) uint8, the picture that the network really saw.
        maps: Layer name to its output for this picture: (H, W, C) or (C,) float32; the network's input is the first.
        classification: The answer.
    """

    seen: np.ndarray = field(repr=False)
    maps: dict[str, np.ndarray] = field(repr=False)
    classification: Classification


@dataclass(frozen=True)
class Localization:
    """What a localizer says of a photo: the one object that it found, and where.

    Attributes:
        label: What it found; None where it found nothing that it knows.
        probability: Of that label; without one, that there is nothing.
        box_xyxy: (4,) float32: xmin, ymin, xmax, ymax in pixels of the photo; None without a label.
        labels: All classes in the network's order, and "nothing" last.
        probabilities: (len(labels),) float32; they sum to 1.
        milliseconds: What the network took, preparation of the photo included.
        device: "cpu" or "cuda": where it ran.
    """

    label: str | None
    probability: float
    box_xyxy: np.ndarray | None
    labels: tuple[str, ...] = field(default=(), repr=False)
    probabilities: np.ndarray | None = field(default=None, repr=False)
    milliseconds: float = 0.0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if (self.label is None) != (self.box_xyxy is None):
            raise ValueError("A label and a box come together, or neither does.")
        if self.box_xyxy is not None and np.shape(self.box_xyxy) != (4,):
            raise ValueError(f"A box has 4 numbers, not the shape {np.shape(self.box_xyxy)}.")

    def as_json(self) -> dict:
        """Return what stands in a JSON file: label, probability, box in pixels to a tenth, and all probabilities."""
        probabilities = [] if self.probabilities is None else self.probabilities.tolist()
        return {
            "label": self.label,
            "probability": round(self.probability, 6),
            "box_xyxy": None if self.box_xyxy is None else [round(value, 1) for value in self.box_xyxy.tolist()],
            "probabilities": {
                label: round(probability, 6) for label, probability in zip(self.labels, probabilities, strict=False)
            },
        }
