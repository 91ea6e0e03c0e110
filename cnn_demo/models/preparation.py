"""Files that networks are converted to once, in the user's cache: exports to OpenVINO, and EfficientNet-Lite for Keras.

With them, pages and commands need no torch for their predictions. `python -m cnn_demo prepare` makes them, so that no
visitor waits for them, and no server holds torch in memory.
"""

from __future__ import annotations

from pathlib import Path

from cnn_demo.models import ModelSpec, frameworks, list_models, load, openvino_export, preferred_model, release
from cnn_demo.models.catalogue.specs import TASKS, ModelUnavailable
from cnn_demo.models.files.weights import user_cache
from cnn_demo.models.lite.conversion import is_converted


def unprepared() -> tuple[ModelSpec, ...]:
    """Return the bundled networks, and the pages' default ones, whose converted files are missing or damaged."""
    defaults = {preferred_model(task).key for task in TASKS}
    used = [spec for spec in list_models() if spec.availability() == "bundled" or spec.key in defaults]
    return tuple(spec for spec in used if not _is_prepared(spec))


def can_be_kept() -> bool:
    """Return whether the user's cache can be written; without it, each server converts for itself, in memory."""
    folder = user_cache() / "cnn_demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def prepare(spec: ModelSpec) -> None:
    """Convert a network, and keep its files; it and all others of this process are freed.

    Raises:
        ModelUnavailable: If its weights cannot be read, or its files could not be made.
    """
    release()  # one that is loaded already would not be converted
    model = load(spec.key, "cpu")
    if isinstance(model, openvino_export.BackgroundOpenVinoExport):
        model.wait_for_export()
    release()
    if not _is_prepared(spec):
        raise ModelUnavailable(f"“{spec.title}” could not be converted, or its files could not be kept.")


def _is_prepared(spec: ModelSpec) -> bool:
    if spec.family == "efficientnet_lite":
        return is_converted(spec.key)
    exported = _exported_file(spec)
    return exported is None or openvino_export.is_intact(exported)


def _exported_file(spec: ModelSpec) -> Path | None:
    """Return the path of a network's OpenVINO export; None if it is not run by OpenVINO."""
    if frameworks.device() != "cpu":
        return None
    try:
        found = spec.weights_file()
        if spec.family == "yolo":
            from cnn_demo.models.detection.yolo_engines import openvino_file

            return openvino_file(spec, found.path)
        if spec.family == "smp" and found.source == "bundled":
            from cnn_demo.models.segmentation.segmenters import openvino_file

            return openvino_file(spec, found.path)
    except ModelUnavailable:  # a damaged file, which the pages report
        pass
    return None
