"""Locally available weights: bundled, in the operator's folder, or in a library's cache.

Only file names and sizes are read, so that any page can use it without loading a framework.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models.lite.weights import LITE_FILES
from cnn_demo.project import ROOT

BUNDLED = ROOT / "assets" / "weights"
HUB_FILE = "model.safetensors"  # file name of the weights in every repository of segmentation-models-pytorch
SUFFIXES = (".h5", ".keras", ".safetensors", ".pt", ".pth")


@dataclass(frozen=True)
class WeightsFile:
    """A locally available weights file.

    Attributes:
        path: Path of the file.
        source: "bundled" (with the app, or with a package that it requires), "weights folder" or "cache".
        bytes: Size of the file.
    """

    path: Path
    source: str
    bytes: int

    @property
    def name(self) -> str:
        """Name used in `ModelSpec.weights`: the file name, or the repository's name for files in the hub's cache."""
        folder = self.path.parent.parent
        if folder.name == "snapshots" and self.path.name == HUB_FILE:
            return folder.parent.name.rpartition("--")[2] + self.path.suffix
        return self.path.name


def weight_folders() -> tuple[tuple[str, Path], ...]:
    """Return the folders to search as (source, folder), in order of preference; they need not exist."""
    folders = [("bundled", BUNDLED), *(("bundled", folder) for folder in package_folders())]
    if own := os.environ.get("CNN_DEMO_WEIGHTS"):
        folders.append(("weights folder", Path(own)))
    return (*folders, ("cache", keras_cache()), ("cache", torch_cache()))


def package_folders() -> tuple[Path, ...]:
    """Return the folders of installed packages that only contain weights."""
    return tuple(path.parent for file in LITE_FILES.values() if (path := file.path) is not None)


def user_cache() -> Path:
    """Return the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


def torch_cache() -> Path:
    """Return torch's download cache, which is also used for the weights of Ultralytics' networks."""
    return Path(os.environ.get("TORCH_HOME", user_cache() / "torch")) / "hub" / "checkpoints"


def keras_cache() -> Path:
    """Return Keras's download cache."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def hub_cache() -> Path:
    """Return the Hugging Face hub's download cache."""
    return Path(os.environ.get("HF_HUB_CACHE", Path(os.environ.get("HF_HOME", user_cache() / "huggingface")) / "hub"))


def local_weights() -> tuple[WeightsFile, ...]:
    """Return all locally available weights files; the first one with a name takes precedence, as in loading."""
    found: dict[str, WeightsFile] = {}
    for source, folder in weight_folders():
        for path in _files_below(folder):
            if path.suffix in SUFFIXES:
                _add(found, path, source)
    with contextlib.suppress(PermissionError):
        for path in sorted(hub_cache().glob(f"models--smp-hub--*/snapshots/*/{HUB_FILE}")):
            _add(found, path, "cache")
    return tuple(found.values())


def _files_below(folder: Path) -> list[Path]:
    """Return the paths below a folder; `os.walk` passes over folders that may not be entered."""
    return sorted(Path(parent, name) for parent, _, names in os.walk(folder) for name in names)


def _add(found: dict[str, WeightsFile], path: Path, source: str) -> None:
    with contextlib.suppress(OSError):  # such as a link to a folder that may not be entered
        if path.is_file():
            file = WeightsFile(path, source, path.stat().st_size)
            found.setdefault(file.name, file)


def find_weights(name: str) -> WeightsFile | None:
    """Return the weights file of this name that a model would be loaded from; None if it is not available locally."""
    return next((file for file in local_weights() if file.name == name), None)
