"""Model registry and loading: `list_models`, `find` and `load`.

Listing and finding read only the registry and the disk; only `load` imports a framework.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from cachetools import LRUCache, cached

from cnn_demo.machine import describe_machine
from cnn_demo.models import frameworks, gpu_memory, half_precision
from cnn_demo.models.catalogue.registry import MODELS
from cnn_demo.models.catalogue.specs import TASKS, Metric, ModelSpec, ModelUnavailable, Task
from cnn_demo.models.cluster.settings import uses_cluster
from cnn_demo.models.files.weights import local_weights
from cnn_demo.models.model import Model

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier
    from cnn_demo.models.detection.detector import Detector
    from cnn_demo.models.localization.localizers import Localizer
    from cnn_demo.models.segmentation.segmenters import SemanticSegmenter

__all__ = [
    "MAX_MODELS",
    "Metric",
    "Model",
    "ModelSpec",
    "ModelUnavailable",
    "find",
    "list_models",
    "load",
    "load_classifier",
    "load_detector",
    "load_here",
    "load_localizer",
    "load_segmenter",
    "preferred_model",
    "usable_models",
]

MAX_MODELS = 3  # models that a visitor may compare; so many stay loaded, however large they are
MAX_LOADED = {"cpu": 8, "cuda": 24, "mps": 24}  # maximum number of loaded models, whose bytes are limited too
CPU_FRACTION = 1 / 16  # of the machine's memory for the weights of loaded models
KERAS_FAMILIES = ("cifar10", "imagenet", "efficientnet_lite", "caltech", "caltech_on_backbone", "everyday_localizer")
PREFERRED = (  # default model of a page: for each task the first that is available locally
    "mobilenet_v2",
    "efficientnet_lite0",
    "yolo11n",
    "everyday_detector",
    "deeplabv3_mobilenet_v3_large",
    "everyday_unet",
    "yolo11n-seg",
    "everyday_instances",
)


def list_models(task: Task | None = None) -> tuple[ModelSpec, ...]:
    """List the models of a task, or all models, in the order of the registry.

    Args:
        task: "classification", "localization", "detection", "semantic-segmentation" or "instance-segmentation".

    Raises:
        ValueError: If there is no such task.

    Example:
        >>> from cnn_demo.models import list_models
        >>> [spec.key for spec in list_models("localization")]
        ['everyday_localizer', 'caltech_localizer', 'caltech_localizer_mobilenet_v2']
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


def usable_models(task: Task) -> tuple[ModelSpec, ...]:
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
        raise ModelUnavailable("No network for this task is on this machine: please download one on the tab “Models”.")
    return usable


def preferred_model(task: Task) -> ModelSpec:
    """Return the default model of a task, among those whose weights are available locally.

    Raises:
        ModelUnavailable: If there is none.
        ValueError: If there is no such task.
    """
    usable = usable_models(task)
    by_key = {spec.key: spec for spec in usable}
    return next((by_key[key] for key in PREFERRED if key in by_key), usable[0])


class _ModelCache(LRUCache[Any, Model]):
    """Cache of the most recently used models of a device; an evicted model is freed once it is no longer in use.

    Keys are (spec, device).
    """

    def __init__(self, device: str) -> None:
        super().__init__(MAX_LOADED[device])
        self.device = device

    def __setitem__(self, key: Any, model: Model) -> None:
        super().__setitem__(key, model)
        on_cpu = self.device == "cpu"
        budget = describe_machine().memory * CPU_FRACTION if on_cpu else gpu_memory.budget()
        while budget is not None and len(self) > (MAX_MODELS if on_cpu else 1) and self._weights() > budget:
            self.popitem()

    def popitem(self) -> tuple[Any, Model]:
        key, model = super().popitem()
        if self.device == "cuda":
            gpu_memory.forget(key[0].key)
        gpu_memory.give_back()
        return key, model

    def _weights(self) -> int:
        """Return the bytes of the weights of all models."""
        return sum(spec.parameters for spec, _ in self) * gpu_memory.BYTES_PER_PARAMETER


_MODELS = {device: _ModelCache(device) for device in ("cpu", "cuda", "mps")}


def load(key: str, device: str = "auto") -> Model:
    """Return a model that is ready to predict; loaded once for each device and kept in a least-recently-used cache.

    Thread-safe: if several callers request the same model, one loads it and the others wait. The model is shared and
    protects itself with a lock. A new model is loaded before the least recently used one is evicted. If it does not fit
    on the GPU, it is loaded on the CPU. With `CNN_DEMO_BACKEND=ray` and the device "auto", the network runs on a Ray
    cluster (`cnn_demo.models.cluster`).

    Args:
        key: Key of the model in the registry.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        KeyError: If there is no such model.
        ValueError: If the device is not available.
        ModelUnavailable: If its weights are not available locally or cannot be read.
    """
    if device == "auto" and uses_cluster():
        from cnn_demo.models.cluster.remote_models import remote_model

        return remote_model(find(key))
    return load_here(key, device)


def load_here(key: str, device: str = "auto") -> Model:
    """Return a model in this process, as `load` does without a cluster.

    Raises:
        KeyError, ValueError, ModelUnavailable: As `load` does.
    """
    spec = find(key)
    chosen = _device_of(spec, device)
    try:
        return _LOADERS[chosen](spec, chosen)
    except RuntimeError as error:
        if not gpu_memory.is_full(error):
            raise
    gpu_memory.give_back()
    return _LOADERS["cpu"](spec, "cpu")


def load_classifier(key: str, device: str = "auto") -> Classifier:
    """Return a classifier, as `load` does.

    Raises:
        KeyError, ValueError, ModelUnavailable: As `load` does, and ValueError if it is a model for another task.
    """
    return cast("Classifier", _load_for(("classification",), key, device))


def load_localizer(key: str, device: str = "auto") -> Localizer:
    """Return a localizer, as `load` does.

    Raises:
        KeyError, ValueError, ModelUnavailable: As `load` does, and ValueError if it is a model for another task.
    """
    return cast("Localizer", _load_for(("localization",), key, device))


def load_detector(key: str, device: str = "auto") -> Detector:
    """Return a detector, which may also predict masks, as `load` does.

    Raises:
        KeyError, ValueError, ModelUnavailable: As `load` does, and ValueError if it is a model for another task.
    """
    return cast("Detector", _load_for(("detection", "instance-segmentation"), key, device))


def load_segmenter(key: str, device: str = "auto") -> SemanticSegmenter:
    """Return a semantic segmentation model, as `load` does.

    Raises:
        KeyError, ValueError, ModelUnavailable: As `load` does, and ValueError if it is a model for another task.
    """
    return cast("SemanticSegmenter", _load_for(("semantic-segmentation",), key, device))


def _load_for(tasks: tuple[Task, ...], key: str, device: str) -> Model:
    spec = find(key)
    if spec.task not in tasks:
        raise ValueError(f"“{spec.title}” is a model for {spec.task}, not for {' or '.join(tasks)}.")
    return load(key, device)


def _device_of(spec: ModelSpec, requested: str) -> str:
    """Return the device that a model runs on, which depends on its framework."""
    if spec.family in KERAS_FAMILIES:
        return frameworks.keras_device(requested)
    return frameworks.torch_device(requested)


def _load_row(spec: ModelSpec, device: str) -> Model:
    """Load a model with the loader of its family; loaders import frameworks, so they are imported lazily."""
    match spec.family:
        case "cifar10" | "imagenet" | "efficientnet_lite":
            from cnn_demo.models.classification.classifiers import load_keras_classifier

            return load_keras_classifier(spec, device)
        case "caltech" | "caltech_on_backbone" | "everyday_localizer":
            from cnn_demo.models.localization.localizers import load_keras_localizer

            return load_keras_localizer(spec, device)
        case "yolo":
            from cnn_demo.models.detection.yolo_detector import load_yolo

            return load_yolo(spec, device)
        case "torchvision_detector":
            from cnn_demo.models.detection.torchvision_detectors import load_torchvision_detector

            return load_torchvision_detector(spec, device)
        case "mask_rcnn":
            from cnn_demo.models.segmentation.mask_rcnn import load_mask_rcnn

            return load_mask_rcnn(spec, device)
        case "smp" | "torchvision_segmenter" | "yolo_semantic":
            from cnn_demo.models.segmentation.segmenters import load_torch_segmenter

            return load_torch_segmenter(spec, device)
    raise ValueError(f"Nothing loads the family {spec.family!r}.")


def _load(spec: ModelSpec, device: str) -> Model:
    """Load a model, measure its memory on the GPU, and decide in which precision it predicts."""
    if device == "cuda" and not spec.backbone:  # a backbone is a model of its own, loaded within
        model = gpu_memory.measured(spec.key, lambda: _load_row(spec, device))
    else:
        model = _load_row(spec, device)
    half_precision.decide(model)
    return model


_LOADERS = {
    device: cached(models, condition=threading.Condition())(lambda spec, device: _load(spec, device))
    for device, models in _MODELS.items()
}


def release() -> None:
    """Evict all models from the caches."""
    for models in _MODELS.values():
        models.clear()
    gpu_memory.forget()
    gpu_memory.give_back()
