"""Model registry and loading: `list_models`, `find` and `load`.

Listing and finding read only the registry and the disk; only `load` imports a framework.
"""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

from cachetools import LRUCache, cached

from cnn_demo.models.catalogue.registry import MODELS, TASKS, Metric, ModelSpec
from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.files.weights import local_weights

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier
    from cnn_demo.models.detection.torchvision_detectors import TorchvisionDetector
    from cnn_demo.models.detection.yolo_detector import YoloDetector
    from cnn_demo.models.localization.localizers import Localizer
    from cnn_demo.models.segmentation.mask_rcnn import MaskRcnn
    from cnn_demo.models.segmentation.segmenters import SemanticSegmenter

    Model = Classifier | Localizer | YoloDetector | TorchvisionDetector | MaskRcnn | SemanticSegmenter

__all__ = [
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

MAX_MODELS = 3  # maximum number of loaded models, shared by all visitors
PREFERRED = (  # default model of a page: for each task the first that is available locally
    "mobilenet_v2",
    "efficientnet_lite0",
    "yolo11n",
    "everyday_detector",
    "deeplabv3_mobilenet_v3_large",
    "everyday_unet",
    "yolo11n-seg",
)


def list_models(task: str | None = None) -> tuple[ModelSpec, ...]:
    """List the models of a task, or all models, in the order of the registry.

    Args:
        task: "classification", "localization", "detection", "semantic-segmentation" or "instance-segmentation".

    Raises:
        ValueError: If there is no such task.
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"There is no task {task!r}: choose one of {', '.join(TASKS)}.")
    return tuple(spec for spec in MODELS if task in (None, spec.task))


def find(key: str) -> ModelSpec:
    """Return the metadata of a model.

    Raises:
        KeyError: If there is no such model; the message lists the choices.
    """
    for spec in MODELS:
        if spec.key == key:
            return spec
    raise KeyError(f"There is no model {key!r}: choose one of {', '.join(spec.key for spec in MODELS)}.")


def usable_models(task: str) -> tuple[ModelSpec, ...]:
    """List the models of a task whose weights are available locally, scanning the disk once.

    Raises:
        ModelUnavailable: If there are none.
        ValueError: If there is no such task.
    """
    here = {file.name for file in local_weights()}
    usable = tuple(
        spec
        for spec in list_models(task)
        if spec.weights in here and (not spec.backbone or find(spec.backbone).weights in here)
    )
    if not usable:
        raise ModelUnavailable("No network for this task is on this machine: please download one on the tab *Models*.")
    return usable


def preferred_model(task: str) -> ModelSpec:
    """Return the default model of a task, among those whose weights are available locally.

    Raises:
        ModelUnavailable: If there is none.
        ValueError: If there is no such task.
    """
    usable = usable_models(task)
    by_key = {spec.key: spec for spec in usable}
    return next((by_key[key] for key in PREFERRED if key in by_key), usable[0])


class _ModelCache(LRUCache):
    """Cache of the most recently used models; an evicted model is freed once it is no longer in use."""

    def popitem(self):
        item = super().popitem()
        gc.collect()  # Keras models contain reference cycles
        return item


_MODELS = _ModelCache(MAX_MODELS)


def load(key: str, device: str = "auto") -> Model:
    """Return a model that is ready to predict; loaded once for all visitors and kept in a least-recently-used cache.

    Thread-safe: if several callers request the same model, one loads it and the others wait. The model is shared and
    protects itself with a lock. A new model is loaded before the least recently used one is evicted.

    Args:
        key: Key of the model in the registry.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        KeyError: If there is no such model.
        ValueError: If the device is not available.
        ModelUnavailable: If its weights are not available locally or cannot be read.
    """
    spec = find(key)
    return _load(spec, device)


@cached(_MODELS, condition=threading.Condition())
def _load(spec: ModelSpec, device: str) -> Model:
    return _load_row(spec, device)


def _load_row(spec: ModelSpec, device: str) -> Model:
    """Load a model with the loader of its family; loaders import frameworks, so they are imported lazily."""
    match spec.family:
        case "cifar10":
            from cnn_demo.models.classification.classifiers import load_cifar10

            return load_cifar10(spec, device)
        case "imagenet":
            from cnn_demo.models.classification.classifiers import load_imagenet

            return load_imagenet(spec, device)
        case "efficientnet_lite":
            from cnn_demo.models.classification.classifiers import load_efficientnet_lite

            return load_efficientnet_lite(spec, device)
        case "caltech":
            from cnn_demo.models.localization.localizers import load_caltech

            return load_caltech(spec, device)
        case "everyday_localizer":
            from cnn_demo.models.localization.localizers import load_everyday

            return load_everyday(spec, device)
        case "caltech_on_backbone":
            from cnn_demo.models.localization.localizers import load_caltech_on_backbone

            return load_caltech_on_backbone(spec, device)
        case "yolo":
            from cnn_demo.models.detection.yolo_detector import load_yolo

            return load_yolo(spec, device)
        case "torchvision_detector":
            from cnn_demo.models.detection.torchvision_detectors import load_torchvision_detector

            return load_torchvision_detector(spec, device)
        case "smp":
            from cnn_demo.models.segmentation.segmenters import load_smp

            return load_smp(spec, device)
        case "yolo_semantic":
            from cnn_demo.models.segmentation.segmenters import load_yolo_semantic

            return load_yolo_semantic(spec, device)
        case "torchvision_segmenter":
            from cnn_demo.models.segmentation.segmenters import load_torchvision_segmenter

            return load_torchvision_segmenter(spec, device)
        case "mask_rcnn":
            from cnn_demo.models.segmentation.mask_rcnn import load_mask_rcnn

            return load_mask_rcnn(spec, device)
    raise ValueError(f"Nothing loads the family {spec.family!r}.")


def release() -> None:
    """Evict all models from the cache."""
    _MODELS.clear()
    gc.collect()
