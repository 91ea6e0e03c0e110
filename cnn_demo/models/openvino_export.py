"""Networks that run in OpenVINO on a processor, where it is faster (`benchmarks/segment.py` and `detect.py`).

A network is exported once, in the background, into the user's cache; until then torch runs it, with the same answers.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cnn_demo.models import frameworks
from cnn_demo.models.files.weights import user_cache

if TYPE_CHECKING:
    import openvino
    import torch

    from cnn_demo.models.catalogue.specs import ModelSpec


_CONVERTING = threading.Lock()  # torch traces networks through global state: two at once, and both fail


class HasName(Protocol):
    """What runs a network; its name is "torch" or "OpenVINO"."""

    name: str


class BackgroundOpenVinoExport:
    """A model that begins in torch and may go on in OpenVINO.

    Attributes:
        spec: Its row.
        lock: Held while the network runs.
    """

    spec: ModelSpec
    lock: threading.Lock
    _engine: HasName
    _export: threading.Thread | None = None

    @property
    def engine(self) -> str:
        """What runs it at present: "torch" or "OpenVINO"."""
        return self._engine.name

    def export_in_background(self, export: Callable[[], HasName]) -> None:
        """Call `export` in the background; once that is done, what it returns runs the network."""

        def work() -> None:
            try:
                engine = export()
            except Exception:  # whatever the reason, torch gives the same answers
                logging.getLogger(__name__).exception("%s stays in torch", self.spec.key)
                return
            with self.lock:
                self._engine = engine

        # No daemon: a process that ends in the middle of an export would be aborted.
        self._export = threading.Thread(target=work, name=f"export {self.spec.key}")
        self._export.start()

    def wait_for_export(self) -> None:
        """Wait until it runs in what it will stay in."""
        if self._export is not None:
            self._export.join()


def exported_file(spec: ModelSpec, weights: Path, library: str) -> Path:
    """Return where the OpenVINO version of these weights is kept, whether or not it is there yet.

    Args:
        spec: The model's row.
        weights: Its file.
        library: The name and version of the library that built the network, such as "ultralytics8.4.190".
    """
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    made_by = f"openvino{version('openvino')}-{library}"
    return user_cache() / "cnn_demo" / made_by / f"{spec.key}-{digest}.xml"


def converted(network: torch.nn.Module) -> openvino.Model:
    """Convert a network that takes (1, 3, H, W), of any size that its strides allow; one after the other."""
    torch = frameworks.torch()
    with _CONVERTING, torch.inference_mode():
        model = frameworks.openvino().convert_model(network, example_input=torch.zeros(1, 3, 320, 320))
    model.reshape([1, 3, -1, -1])
    return model


def write(model: openvino.Model, path: Path) -> None:
    """Write OpenVINO's two files; never half of them.

    Raises:
        OSError: If they cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        frameworks.openvino().save_model(model, Path(folder) / path.name, compress_to_fp16=False)
        for suffix in (".bin", ".xml"):  # the one that is looked for comes last
            (Path(folder) / path.name).with_suffix(suffix).replace(path.with_suffix(suffix))


def read(path: Path) -> openvino.Model:
    """Read what `write` has written."""
    return frameworks.openvino().Core().read_model(path)


def infer_request(model: openvino.Model) -> openvino.InferRequest:
    """Compile a model for this processor, in full precision, and return what runs it, one call after the other."""
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": frameworks.thread_count(),
        "INFERENCE_PRECISION_HINT": "f32",  # some processors would take bfloat16, and scores would differ
    }
    return frameworks.openvino().Core().compile_model(model, "CPU", settings).create_infer_request()
