"""The models of the demonstration. `list_models`, `find` and `load` are the only door to them.

Listing and finding read a table and the disk; only `load` imports a framework.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from cachetools import LRUCache, cached

from cnn_demo.models.registry import MODELS, TASKS, Metric, ModelSpec
from cnn_demo.models.weights import weights_at_hand

if TYPE_CHECKING:
    from cnn_demo.models.classifiers import Classifier
    from cnn_demo.models.detectors import YoloDetector
    from cnn_demo.models.instance_segmenters import MaskRcnn
    from cnn_demo.models.localizers import Localizer
    from cnn_demo.models.segmenters import SemanticSegmenter
    from cnn_demo.models.torchvision_detectors import TorchvisionDetector

    Model = Classifier | Localizer | YoloDetector | TorchvisionDetector | MaskRcnn | SemanticSegmenter

__all__ = [
    "LOADERS",
    "MAX_MODELS",
    "Metric",
    "ModelSpec",
    "ModelUnavailable",
    "find",
    "list_models",
    "load",
    "preferred_model",
    "usable_models",
]

MAX_MODELS = 3  # loaded at the same time, for all visitors together
PREFERRED = (  # what a page begins with: of each task the first that is on this machine
    "mobilenet_v2",
    "efficientnet_lite0",
    "yolo11n",
    "everyday_detector",
    "deeplabv3_mobilenet_v3_large",
    "yolo11n-seg",
)
LOADERS = {  # family -> module and function that loads a row of it
    "cifar10": "classifiers:load_cifar10",
    "imagenet": "classifiers:load_imagenet",
    "efficientnet_lite": "classifiers:load_efficientnet_lite",
    "caltech": "localizers:load_caltech",
    "everyday_localizer": "localizers:load_everyday",
    "caltech_on_backbone": "localizers:load_caltech_on_backbone",
    "yolo": "detectors:load_yolo",
    "torchvision_detector": "torchvision_detectors:load_torchvision_detector",
    "smp": "segmenters:load_smp",
    "torchvision_segmenter": "segmenters:load_torchvision_segmenter",
    "mask_rcnn": "instance_segmenters:load_mask_rcnn",
}


class ModelUnavailable(Exception):
    """A model's weights are not to be had; the message is one sentence that can be shown as it is."""


def list_models(task: str | None = None) -> tuple[ModelSpec, ...]:
    """List the models of a task, or all of them, in the table's order.

    Args:
        task: "classification", "localization", "detection", "semantic-segmentation" or "instance-segmentation".

    Raises:
        ValueError: If there is no such task.
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"There is no task {task!r}: choose one of {', '.join(TASKS)}.")
    return tuple(spec for spec in MODELS if task in (None, spec.task))


def find(key: str) -> ModelSpec:
    """Return the row of this key.

    Raises:
        KeyError: If there is none; the message names the choices.
    """
    for spec in MODELS:
        if spec.key == key:
            return spec
    raise KeyError(f"There is no model {key!r}: choose one of {', '.join(spec.key for spec in MODELS)}.")


def usable_models(task: str) -> tuple[ModelSpec, ...]:
    """List the models of a task whose weights are on this machine, after one look at the disk.

    Raises:
        ModelUnavailable: If there is none.
        ValueError: If there is no such task.
    """
    here = {file.name for file in weights_at_hand()}
    usable = tuple(
        spec
        for spec in list_models(task)
        if spec.weights in here and (not spec.backbone or find(spec.backbone).weights in here)
    )
    if not usable:
        raise ModelUnavailable("No network for this is on this machine: the tab *Models* fetches one.")
    return usable


def preferred_model(task: str) -> ModelSpec:
    """Return the model of a task that a visitor begins with, of those whose weights are on this machine.

    Raises:
        ModelUnavailable: If there is none.
        ValueError: If there is no such task.
    """
    usable = usable_models(task)
    by_key = {spec.key: spec for spec in usable}
    return next((by_key[key] for key in PREFERRED if key in by_key), usable[0])


class _ModelCache(LRUCache):
    """The models that were used last. One that must go is really freed, once nobody is using it any more."""

    def popitem(self):
        item = super().popitem()
        gc.collect()  # Keras models hold themselves in cycles
        return item


_MODELS = _ModelCache(MAX_MODELS)


def load(key: str, device: str = "auto") -> Model:
    """Return a model that is ready to predict; loaded once for all visitors, and kept while it is among the last used.

    Several callers may ask at once: of one model, one loads it and the others wait; it is then shared, and guards
    itself with a lock. A new model is loaded before the one that was used longest ago is let go.

    Args:
        key: Of the model's row.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        KeyError: If there is no such model.
        ValueError: If the device is not to be had.
        ModelUnavailable: If its weights are not at hand, or cannot be read.
    """
    spec = find(key)
    return _load(spec, device)


@cached(_MODELS, condition=threading.Condition())
def _load(spec: ModelSpec, device: str) -> Model:
    return _loader(spec.family)(spec, device)


def _loader(family: str) -> Callable[[ModelSpec, str], Model]:
    module, _, function = LOADERS[family].partition(":")
    return getattr(import_module(f"cnn_demo.models.{module}"), function)


def release() -> None:
    """Let go of all models."""
    _MODELS.clear()
    gc.collect()
