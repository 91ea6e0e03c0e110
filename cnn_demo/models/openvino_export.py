"""Export to OpenVINO, which is faster on the CPU (`benchmarks/segment.py` and `detect.py`).

A network is exported once, in the background, to the user's cache; until then torch runs it, with equal predictions.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.specs import unreadable_weights
from cnn_demo.models.files.weights import user_cache
from cnn_demo.models.idle_memory import IDLE_NETWORKS

if TYPE_CHECKING:
    import openvino
    import torch

    from cnn_demo.models.catalogue.specs import ModelSpec
    from cnn_demo.models.half_precision import Half


_TEMPORARY = "exporting-"  # prefix of the folders in which exports are written
_LEFT_OVER = 3600  # seconds after which such a folder belongs to no running export
_CONVERTING = threading.Lock()  # tracing in torch uses global state and fails if run concurrently


class HasName(Protocol):
    """An inference engine; its name is "torch" or "OpenVINO"."""

    @property
    def name(self) -> str:
        """Name of the engine."""
        ...


Engine = TypeVar("Engine", bound=HasName)
Made = TypeVar("Made")


class BackgroundOpenVinoExport(Generic[Engine]):
    """A model that starts in torch and can switch to OpenVINO.

    Attributes:
        spec: Its registry entry.
        lock: Held while the network runs.
    """

    spec: ModelSpec
    lock: threading.Lock
    _engine: Engine
    _export: threading.Thread | None = None

    @property
    def engine(self) -> str:
        """Name of the current inference engine: "torch" or "OpenVINO"."""
        return self._engine.name

    @property
    def half(self) -> Half | None:
        """Switch to half precision; None with OpenVINO."""
        return getattr(self._engine, "half", None)

    def export_in_background(self, export: Callable[[], Engine]) -> None:
        """Call `export` in the background and then switch to the engine that it returns."""

        def work() -> None:
            try:
                engine = export()
            except Exception:  # whatever the reason, torch predicts the same
                logging.getLogger(__name__).exception("%s stays in torch", self.spec.key)
                return
            with self.lock:
                self._engine = engine

        # Not a daemon, as the threads of pages are: a process that exits during an export would abort.
        self._export = threading.Thread(target=work, name=f"export {self.spec.key}", daemon=False)
        self._export.start()

    def wait_for_export(self) -> None:
        """Wait until the export has finished or failed."""
        if self._export is not None:
            self._export.join()


def exported_file(spec: ModelSpec, weights: Path, library: str) -> Path:
    """Return the path of the OpenVINO export of these weights, whether or not it exists.

    Args:
        spec: Metadata of the model.
        weights: Path of the weights.
        library: The name and version of the library that built the network, such as "ultralytics8.4.190".

    Raises:
        ModelUnavailable: If the weights cannot be read.
    """
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise unreadable_weights(spec) from error
    made_by = f"openvino{version('openvino')}-{library}"
    return user_cache() / "cnn_demo" / made_by / f"{spec.key}-{digest}.xml"


def converted(network: torch.nn.Module) -> openvino.Model:
    """Convert a network with input (1, 3, H, W) of dynamic size; conversions are serialized."""
    torch = frameworks.torch()
    with _CONVERTING, torch.inference_mode():
        model = frameworks.openvino().convert_model(network, example_input=torch.zeros(1, 3, 320, 320))
    model.reshape([1, 3, -1, -1])
    return model


def write(model: openvino.Model, path: Path) -> None:
    """Write OpenVINO's two files and their checksum atomically.

    Raises:
        OSError: If the files cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=path.parent) as folder:
        new = Path(folder) / path.name
        frameworks.openvino().save_model(model, new, compress_to_fp16=False)
        new.with_suffix(".sha256").write_text(_checksum(new), encoding="ascii")
        for suffix in (".bin", ".sha256", ".xml"):  # the .xml file is looked up, so it comes last
            new.with_suffix(suffix).replace(path.with_suffix(suffix))


def existing(path: Path, engine: Callable[[Path], Made]) -> Made | None:
    """Return the engine of an export, or None if there is none that works; a damaged one is removed, to be made anew.

    Args:
        path: Path of the .xml file.
        engine: Class of the engine.
    """
    try:
        if not path.is_file():
            return None
        if not _has_its_checksum(path):
            raise ValueError("its checksum is another one")
        return engine(path)
    except (OSError, RuntimeError, ValueError) as error:
        logging.getLogger(__name__).warning("The export %s is made anew: %s", path.name, error)
    for suffix in (".xml", ".bin", ".sha256"):
        with contextlib.suppress(OSError):
            path.with_suffix(suffix).unlink(missing_ok=True)
    return None


def is_intact(path: Path) -> bool:
    """Return whether there is an export, and it is as it was written."""
    try:
        return path.is_file() and _has_its_checksum(path)
    except OSError:
        return False


def _has_its_checksum(path: Path) -> bool:
    return path.with_suffix(".sha256").read_text(encoding="ascii", errors="replace") == _checksum(path)


def _checksum(path: Path) -> str:
    """Return the SHA-256 of an export's two files."""
    digest = hashlib.sha256()
    for suffix in (".xml", ".bin"):
        digest.update(path.with_suffix(suffix).read_bytes())
    return digest.hexdigest()


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary folders of exports that were killed."""
    for left in folder.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_OVER:
                shutil.rmtree(left)


def read(path: Path) -> openvino.Model:
    """Read a model written by `write`."""
    return frameworks.openvino().Core().read_model(path)


class Compiled:
    """A model compiled for the CPU in float32, as a function of one array; one thread at a time runs it."""

    def __init__(self, model: openvino.Model) -> None:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": frameworks.thread_count(),
            "INFERENCE_PRECISION_HINT": "f32",  # some CPUs would use bfloat16, which changes scores
        }
        self._model = frameworks.openvino().Core().compile_model(model, "CPU", settings)
        self._request = self._model.create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the model's outputs for an array.

        Raises:
            RuntimeError: If the array does not fit, or the memory is full.
        """
        with self._lock:
            try:
                outputs = self._request.infer([array])
            except Exception:
                self._request = self._model.create_infer_request()  # the old one may keep other shapes
                raise
            finally:
                IDLE_NETWORKS.has_run(self)
            return tuple(np.array(outputs[i]) for i in range(len(self._model.outputs)))  # copies: buffers are reused

    def release(self) -> None:
        """Release the feature maps of the last run, unless the model is running."""
        if self._lock.acquire(blocking=False):
            try:
                self._model.release_memory()
            finally:
                self._lock.release()
