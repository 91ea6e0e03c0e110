"""A head: the new last layer that a visitor's photos taught, and the file in which it goes home and comes back.

The file is safetensors, numbers behind a header of text: it cannot hold code, as a pickle could. It holds neither
photos nor the network before the head. Nor does it hold a block that was fine-tuned: that is many times as large, and
a stranger's numbers would then run inside the network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from cnn_demo.models.calibration import softmax
from cnn_demo.models.catalogue.registry import MODELS
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.transfer.backbones import feature_size
from cnn_demo.models.transfer.photo_sets import MAX_CLASSES, MAX_LABEL, MIN_CLASSES, PhotoSetError, clean_label

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

VERSION = 1
MAX_HEAD_BYTES = 2**20
"""The largest head, of six classes on 4096 features, has 131 kB."""
_ENTRY = "cnn_demo_head"  # the one line of the header's metadata, JSON
_ARRAYS = ("weights", "bias", "mean", "scale")


class HeadError(ValueError):
    """This is no head that can be used; the message is one sentence for the visitor."""


@dataclass(frozen=True, eq=False)
class Head:
    """Softmax regression on a network's features: probabilities = softmax((features − mean) / scale · weights + bias).

    Attributes:
        weights: (F, C) float32, like all arrays here finite and read-only.
        bias: (C,) float32.
        mean: (F,) float32, of the features that it learned from.
        scale: (F,) float32, above 0.
        labels: C names, two to six.
        backbone: Key of the model that the features come from; "" where that is none of the table.
        fit: How photos were brought to the network's size, see `Classifier.prepare`.

    Raises:
        HeadError: If the arrays do not fit each other or the labels, or hold what cannot be used.
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
            raise HeadError(f"This head was trained on photos fitted in an unknown way: {', '.join(FITS)} are known.")
        size = self.mean.shape[0] if self.mean.ndim == 1 else 0
        shapes = dict(zip(_ARRAYS, ((size, len(self.labels)), (len(self.labels),), (size,), (size,)), strict=True))
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.dtype != np.float32 or array.shape != shape or not size:
                raise HeadError(f"The numbers of this head do not fit each other: please look at its {name}.")
            if not np.isfinite(array).all():
                raise HeadError("Some numbers of this head are not finite: please train it anew.")
            array = np.ascontiguousarray(array).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not (self.scale > 0).all():
            raise HeadError("This head divides by zero: please train it anew.")

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return (N, C) float32 probabilities of the labels, of (N, F) features of the backbone.

        Raises:
            ValueError: If the features are of another size.
        """
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"This head takes (N, {len(self.mean)}) features, not {features.shape}.")
        # In float64, so that no head that was checked can overflow: float32 numbers reach 3e38.
        standardised = (features.astype(np.float64) - self.mean) / self.scale
        return softmax(standardised @ self.weights + self.bias).astype(np.float32)


def save_head(head: Head) -> bytes:
    """Return the head as a safetensors file; the same head always gives the same bytes.

    Raises:
        HeadError: If its backbone is no model of the table, as of a head on random features: it could not be used.
    """
    _check_backbone(head.backbone)
    about = {"version": VERSION, "backbone": head.backbone, "fit": head.fit, "labels": list(head.labels)}
    return save({name: getattr(head, name) for name in _ARRAYS}, {_ENTRY: json.dumps(about, ensure_ascii=False)})


def load_head(data: bytes) -> Head:
    """Read a head, checking everything before it is used; `check_fit` tells whether it fits a model.

    Args:
        data: From `save_head`, or from a stranger; at most `MAX_HEAD_BYTES`.

    Raises:
        HeadError: If it is not what `save_head` writes, in one sentence.
    """
    if len(data) > MAX_HEAD_BYTES:
        raise HeadError(f"This file is too large for a head: {MAX_HEAD_BYTES // 2**20} MB are the most.")
    try:
        entries = dict(deserialize(bytes(data)))
    except SafetensorError as error:
        raise HeadError("This is no safetensors file, or a damaged one: please choose a head saved here.") from error
    about = _about(data)
    if set(entries) != set(_ARRAYS) or any(entry["dtype"] != "F32" for entry in entries.values()):
        raise HeadError("This file holds other numbers than a head: please choose a head saved here.")
    arrays = {
        name: np.frombuffer(entry["data"], "<f4").astype(np.float32).reshape(entry["shape"])
        for name, entry in entries.items()
    }
    _check_backbone(about["backbone"])
    return Head(**arrays, labels=tuple(about["labels"]), backbone=about["backbone"], fit=about["fit"])


def check_fit(head: Head, model: Classifier) -> None:
    """Raise a `HeadError` if the head was trained on another network's features than this model's."""
    if head.backbone != model.spec.key:
        titles = {spec.key: spec.title for spec in MODELS}
        title = titles.get(head.backbone, head.backbone)
        raise HeadError(f"This head was trained on {title}, not on {model.spec.title}: please choose that model.")
    if (size := feature_size(model)) != len(head.mean):
        raise HeadError(f"This head takes {len(head.mean)} features, but {model.spec.title} gives {size}.")


def _about(data: bytes) -> dict:
    """Read the metadata, which `deserialize` has checked to be there whole but does not hand out."""
    length = int.from_bytes(data[:8], "little")
    other = "This file holds no head of this app: please choose one that was saved here."
    try:
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_ENTRY])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise HeadError(other) from error
    if not isinstance(about, dict):
        raise HeadError(other)
    if about.get("version") != VERSION:
        raise HeadError("This head was saved by another version of this app: please train it anew.")
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
        raise HeadError(f"A head has {MIN_CLASSES} to {MAX_CLASSES} classes, and this one has {len(labels)}.")
    try:
        unclean = [label for label in labels if clean_label(label) != label]
    except PhotoSetError:
        unclean = True
    if unclean or len({label.casefold() for label in labels}) < len(labels):
        raise HeadError(f"The classes of a head need different names of 1 to {MAX_LABEL} ordinary characters.")
