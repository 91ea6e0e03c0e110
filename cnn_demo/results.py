"""Prediction types, one frozen type per task, free of framework objects."""

from dataclasses import dataclass, field

import numpy as np

BACKGROUND = "background"  # label of pixels that belong to no other class, if the segmenter has one


@dataclass(frozen=True)
class Classification:
    """Prediction of a classifier for a photo.

    Attributes:
        labels: The names of the classes, in the network's order.
        probabilities: (C,) float32, one for each label; they sum to 1.
        milliseconds: Prediction time, preprocessing included.
        device: "cpu", "cuda" or "mps": the device that ran the network.
        engine: "TensorFlow", "torch", `machine.IN_HALF` or "OpenVINO": the library that ran it; "" if unknown.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray = field(repr=False)
    milliseconds: float = 0.0
    device: str = "cpu"
    engine: str = ""

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.labels),):
            raise ValueError(f"{len(self.labels)} labels need as many probabilities, not {self.probabilities.shape}.")

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Return the `k` most probable (label, probability), the most probable first; all if k is larger.

        Example:
            >>> import numpy as np
            >>> from cnn_demo.results import Classification
            >>> prediction = Classification(("cat", "dog", "bird"), np.array([0.5, 0.125, 0.375], np.float32))
            >>> prediction.top(2)
            [('cat', 0.5), ('bird', 0.375)]
        """
        best = np.argsort(-self.probabilities, kind="stable")[: max(k, 0)]
        return [(self.labels[i], float(self.probabilities[i])) for i in best]


@dataclass(frozen=True)
class Activations:
    """Activations of all layers of a network for one image.

    Attributes:
        seen: (H, W, 3) uint8, the preprocessed photo, as an image.
        maps: Layer name to its output for this picture: (H, W, C) or (C,) float32; the network's input is the first.
        classification: The prediction.
    """

    seen: np.ndarray = field(repr=False)
    maps: dict[str, np.ndarray] = field(repr=False)
    classification: Classification


@dataclass(frozen=True)
class Localization:
    """Prediction of a localizer for a photo: the class and box of one object.

    Attributes:
        label: Predicted class; None if it predicts nothing.
        probability: Probability of that label, or of "nothing".
        box_xyxy: (4,) float32: xmin, ymin, xmax, ymax in pixels of the photo; None without a label.
        labels: All classes in the network's order, and "nothing" last.
        probabilities: (len(labels),) float32; they sum to 1.
        milliseconds: Prediction time, preprocessing included.
        device: "cpu", "cuda" or "mps": the device that ran the network.
        engine: "TensorFlow", "torch" or `machine.IN_HALF`: the library that ran it; "" if unknown.
    """

    label: str | None
    probability: float
    box_xyxy: np.ndarray | None
    labels: tuple[str, ...] = field(default=(), repr=False)
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)
    milliseconds: float = 0.0
    device: str = "cpu"
    engine: str = ""

    def __post_init__(self) -> None:
        if (self.label is None) != (self.box_xyxy is None):
            raise ValueError("A label and a box come together, or neither does.")
        if self.box_xyxy is not None and np.shape(self.box_xyxy) != (4,):
            raise ValueError(f"A box has 4 coordinates, not the shape {np.shape(self.box_xyxy)}.")

    def as_json(self) -> dict:
        """Return the contents of a JSON file: label, probability, box in pixels to a tenth, and all probabilities."""
        return {
            "label": self.label,
            "probability": round(self.probability, 6),
            "box_xyxy": None if self.box_xyxy is None else [round(value, 1) for value in self.box_xyxy.tolist()],
            "probabilities": {
                label: round(probability, 6)
                for label, probability in zip(self.labels, self.probabilities.tolist(), strict=False)
            },
        }


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Prediction of a semantic segmenter for a photo: a class for every pixel, but not which object a pixel belongs to.

    Attributes:
        class_map: (H, W) integers, the class of each pixel of the photo, an index into `labels`.
        labels: The names of the classes, in the network's order.
        confidence: (H, W) float32 from 0 to 1, the probability of that class.
        entropies: (H, W) float32 from 0 to 1, as returned by `entropy`; None to compute it.
        probabilities: (C, H, W) float16 or float32, of all classes, which sum to 1; None if they were not kept.
        milliseconds: Prediction time, preprocessing included.
        device: "cpu", "cuda" or "mps": the device that ran the network.
        engine: "TensorFlow", "torch", `machine.IN_HALF` or "OpenVINO": the library that ran it; "" if unknown.
    """

    class_map: np.ndarray = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    confidence: np.ndarray = field(repr=False)
    entropies: np.ndarray | None = field(default=None, repr=False)
    probabilities: np.ndarray | None = field(default=None, repr=False)
    milliseconds: float = 0.0
    device: str = "cpu"
    engine: str = ""

    def __post_init__(self) -> None:
        size = self.class_map.shape
        if len(size) != 2 or 0 in size or not np.issubdtype(self.class_map.dtype, np.integer):
            raise ValueError(f"A class map is (H, W) integers, not {size} {self.class_map.dtype}.")
        if self.class_map.min() < 0 or self.class_map.max() >= len(self.labels):
            raise ValueError(f"The class map must hold indices of {len(self.labels)} labels and nothing else.")
        for name, values in {"confidence": self.confidence, "entropies": self.entropies}.items():
            if values is not None and values.shape != size:
                raise ValueError(f"The {name} must have the class map's shape {size}, not {values.shape}.")
        if self.probabilities is not None and self.probabilities.shape != (len(self.labels), *size):
            raise ValueError(
                f"The probabilities must be {(len(self.labels), *size)}, one for each label and pixel, "
                f"not {self.probabilities.shape}."
            )

    def coverage(self) -> dict[str, float]:
        """Return the fraction of the photo that each class covers, the largest first, without absent classes."""
        counts = np.bincount(self.class_map.ravel(), minlength=len(self.labels))
        order = np.argsort(-counts, kind="stable")
        return {self.labels[i]: float(counts[i] / self.class_map.size) for i in order if counts[i]}

    def foreground(self) -> np.ndarray:
        """Return the foreground, (H, W) bool: all pixels but the background."""
        if BACKGROUND not in self.labels:
            return np.ones(self.class_map.shape, bool)
        return self.class_map != self.labels.index(BACKGROUND)

    def entropy(self) -> np.ndarray:
        """Return the normalized entropy of the class probabilities, (H, W) float32: 0 is certain, 1 is uniform.

        It is the entropy of the probabilities, Σ −p log p, divided by the largest that so many classes can have.

        Raises:
            ValueError: If neither it nor the probabilities were kept.
        """
        if self.entropies is not None:
            return self.entropies
        if self.probabilities is None:
            raise ValueError("The entropy needs the probabilities of all classes, which were not kept.")
        probabilities = self.probabilities.astype(np.float32)
        terms = -probabilities * np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
        return np.clip(terms.sum(0) / np.log(max(len(self.labels), 2)), 0, 1).astype(np.float32)

    def doubtful(self, threshold: float) -> np.ndarray:
        """Return which pixels are less confident than a threshold from 0 to 1, (H, W) bool: to be left blank.

        Raises:
            ValueError: If the threshold is out of its range.
        """
        if not 0 <= threshold <= 1:
            raise ValueError(f"The threshold must be from 0 to 1, not {threshold}.")
        return self.confidence < threshold

    def as_json(self) -> dict:
        """Return the contents of a JSON file: size, mean confidence, and each class's fraction and pixels."""
        names, counts = np.unique(self.class_map, return_counts=True)
        pixels = {self.labels[i]: int(count) for i, count in zip(names, counts, strict=True)}
        return {
            "height": self.class_map.shape[0],
            "width": self.class_map.shape[1],
            "confidence": round(float(self.confidence.mean()), 4),
            "coverage": {
                label: {"share": round(fraction, 6), "pixels": pixels[label]}
                for label, fraction in self.coverage().items()
            },
        }


def duration(milliseconds: float) -> str:
    """Format a time in three digits, as milliseconds, seconds or, from two minutes on, minutes.

    >>> duration(8.25), duration(31.2), duration(470.4), duration(4432), duration(60_000), duration(1_164_000)
    ('8.2 ms', '31 ms', '470 ms', '4.4 s', '60 s', '19 min')
    """
    if milliseconds < 9.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def percent(fraction: float) -> str:
    """Format a fraction as a percentage; never rounds to 100% or 0% unless it is exact."""
    if 0.9995 <= fraction < 1:
        return "> 99.9%"
    if 0 < fraction < 0.0005:
        return "< 0.1%"
    return f"{fraction:.1%}"
