"""Heads: new last layers trained on a visitor's photos, and their file format.

The format is safetensors, which cannot contain code, unlike a pickle. The file contains neither photos nor the
backbone, nor a fine-tuned block: that is many times as large, and untrusted weights would then run inside the network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from cnn_demo.limits import HEAD_MB
from cnn_demo.models.calibration import softmax
from cnn_demo.models.catalogue.registry import MODELS
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.transfer.backbones import feature_size
from cnn_demo.models.transfer.photo_sets import MAX_CLASSES, MAX_LABEL, MIN_CLASSES, PhotoSetError, clean_label

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

VERSION = 1
MAX_HEAD_BYTES = HEAD_MB * 2**20
"""Maximum file size; the largest head, six classes on 4096 features, has 131 kB."""
_ENTRY = "cnn_demo_head"  # the single key of the header's metadata, JSON
_ARRAYS = ("weights", "bias", "mean", "scale")


class HeadError(ValueError):
    """The head is invalid or does not fit the model; the message is one sentence for the visitor."""


@dataclass(frozen=True, eq=False)
class Head:
    """Softmax regression on a network's features: probabilities = softmax((features − mean) / scale · weights + bias).

    Attributes:
        weights: (F, C) float32; all arrays are finite and read-only.
        bias: (C,) float32.
        mean: (F,) float32, mean of the training features.
        scale: (F,) float32, scale of the training features, above 0.
        labels: C class names, two to six.
        backbone: Key of the model that computes the features; "" if it is not in the registry.
        fit: Resizing of photos to the network's input size, see `Classifier.prepare`.

    Raises:
        HeadError: If the arrays do not fit each other or the labels, or contain invalid values.
    """

    weights: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)
    labels: tuple[str, ...]
    backbone: str = ""
    fit: str = "crop"

    def __post_init__(self) -> None:
        _check_labels(self.labels)
        if self.fit not in FITS:
            raise HeadError(f"This head was trained with an unknown fit; the options are {', '.join(FITS)}.")
        size = self.mean.shape[0] if self.mean.ndim == 1 else 0
        shapes = dict(zip(_ARRAYS, ((size, len(self.labels)), (len(self.labels),), (size,), (size,)), strict=True))
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.dtype != np.float32 or array.shape != shape or not size:
                raise HeadError(f"The weights of this head do not fit each other: please check its {name}.")
            if not np.isfinite(array).all():
                raise HeadError("Some weights of this head are not finite: please train it again.")
            array = np.ascontiguousarray(array).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not (self.scale > 0).all():
            raise HeadError("This head divides by zero: please train it again.")

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities (N, C) float32 for features (N, F) of the backbone.

        Raises:
            ValueError: If the features have another size.
        """
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"This head takes (N, {len(self.mean)}) features, not {features.shape}.")
        # In float64, so that no valid head can overflow: float32 values reach 3e38.
        standardized = (features.astype(np.float64) - self.mean) / self.scale
        return softmax(standardized @ self.weights + self.bias).astype(np.float32)


def save_head(head: Head) -> bytes:
    """Serialize the head as a safetensors file, deterministically.

    Raises:
        HeadError: If its backbone is not in the registry, as for a head on random features.
    """
    _check_backbone(head.backbone)
    about = {"version": VERSION, "backbone": head.backbone, "fit": head.fit, "labels": list(head.labels)}
    return save({name: getattr(head, name) for name in _ARRAYS}, {_ENTRY: json.dumps(about, ensure_ascii=False)})


def load_head(data: bytes) -> Head:
    """Load and validate a head; `check_fit` checks whether it fits a model.

    Args:
        data: File contents, possibly untrusted, at most `MAX_HEAD_BYTES`.

    Raises:
        HeadError: If it is not a valid file of `save_head`.
    """
    if len(data) > MAX_HEAD_BYTES:
        raise HeadError(f"This file is too large for a head: the maximum is {HEAD_MB} MB.")
    try:
        entries = dict(deserialize(bytes(data)))
    except SafetensorError as error:
        raise HeadError("This is not a valid safetensors file: please choose a head saved by this app.") from error
    about = _metadata(data)
    if set(entries) != set(_ARRAYS) or any(entry["dtype"] != "F32" for entry in entries.values()):
        raise HeadError("This file does not contain a head: please choose a head saved by this app.")
    arrays = {
        name: np.frombuffer(entry["data"], "<f4").astype(np.float32).reshape(entry["shape"])
        for name, entry in entries.items()
    }
    _check_backbone(about["backbone"])
    return Head(**arrays, labels=tuple(about["labels"]), backbone=about["backbone"], fit=about["fit"])


def check_fit(head: Head, model: Classifier) -> None:
    """Raise a `HeadError` if the head was trained on the features of another network."""
    if head.backbone != model.spec.key:
        titles = {spec.key: spec.title for spec in MODELS}
        title = titles.get(head.backbone, head.backbone)
        raise HeadError(
            f"This head was trained on {title}, not on {model.spec.title}: please choose {title}. If it is not in the "
            "list, the tab Models downloads it."
        )
    if (size := feature_size(model)) != len(head.mean):
        raise HeadError(f"This head takes {len(head.mean)} features, but {model.spec.title} gives {size}.")


def _metadata(data: bytes) -> dict:
    """Read the metadata, which `deserialize` validates but does not return."""
    length = int.from_bytes(data[:8], "little")
    other = "This file does not contain a head of this app: please choose one saved by this app."
    try:
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_ENTRY])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise HeadError(other) from error
    if not isinstance(about, dict):
        raise HeadError(other)
    if about.get("version") != VERSION:
        raise HeadError("This head was saved by another version of this app: please train it again.")
    labels = about.get("labels")
    texts = [about.get("backbone"), about.get("fit"), *(labels if isinstance(labels, list) else [None])]
    if not all(isinstance(text, str) for text in texts):
        raise HeadError(other)
    return about


def _check_backbone(key: str) -> None:
    if key not in {spec.key for spec in MODELS if spec.task == "classification"}:
        raise HeadError("This head belongs to a network that this app does not have.")


def _check_labels(labels: tuple[str, ...]) -> None:
    if not MIN_CLASSES <= len(labels) <= MAX_CLASSES:
        raise HeadError(f"A head has {MIN_CLASSES} to {MAX_CLASSES} classes, but this one has {len(labels)}.")
    try:
        unclean = any(clean_label(label) != label for label in labels)
    except PhotoSetError:
        unclean = True
    if unclean or len({label.casefold() for label in labels}) < len(labels):
        raise HeadError(f"The classes of a head need different names of 1 to {MAX_LABEL} ordinary characters.")
