"""Locally available weights: bundled, in the operator's folder, or in a library's cache.

Only file names and sizes are read, so that any page can use it without loading a framework. Bundled files are compared
with their checksums before they are read: a flipped byte would otherwise make a network quietly wrong.
"""

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cnn_demo.environment import WEIGHTS
from cnn_demo.models.lite.weights import LITE_FILES
from cnn_demo.project import ROOT

BUNDLED = ROOT / "assets" / "weights"
HUB_FILE = "model.safetensors"  # file name of the weights in every repository of segmentation-models-pytorch
SUFFIXES = (".h5", ".keras", ".safetensors", ".pt", ".pth")
CHECKSUMS = "SHA256SUMS"  # file with the checksums of the bundled files, as `sha256sum` writes and checks it
_Version = tuple[Path, int, int]  # path, time of the last change in nanoseconds, and size
_SET_ASIDE: set[_Version] = set()  # files of libraries' caches that could not be read


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
    if own := os.environ.get(WEIGHTS, "").strip():  # not checked here, since a folder may go while the app runs
        folders.append(("weights folder", Path(own)))
    return (*folders, ("cache", keras_cache()), ("cache", torch_cache()))


def package_folders() -> tuple[Path, ...]:
    """Return the folders of installed packages that only contain weights."""
    return tuple(path.parent for file in LITE_FILES.values() if (path := file.path) is not None)


def user_cache() -> Path:
    """Return the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", _home() / ".cache"))


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container may run as a user that its system does not know
        return Path(tempfile.gettempdir())


def torch_cache() -> Path:
    """Return torch's download cache, which is also used for the weights of Ultralytics' networks."""
    return Path(os.environ.get("TORCH_HOME", user_cache() / "torch")) / "hub" / "checkpoints"


def keras_cache() -> Path:
    """Return Keras's download cache."""
    return Path(os.environ.get("KERAS_HOME", _home() / ".keras")) / "models"


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
            version = _version(path)
            if version not in _SET_ASIDE:
                file = WeightsFile(path, source, version[2])
                found.setdefault(file.name, file)


def find_weights(name: str) -> WeightsFile | None:
    """Return the weights file of this name that a model would be loaded from; None if it is not available locally."""
    return next((file for file in local_weights() if file.name == name), None)


def set_aside(file: WeightsFile) -> None:
    """Ignore a file that cannot be read, until it is replaced: it is not at hand, and can be downloaded again."""
    with contextlib.suppress(OSError):
        _SET_ASIDE.add(_version(file.path))


def is_intact(path: Path) -> bool:
    """Return whether a file has the checksum that `CHECKSUMS` in its folder gives; True if it gives none.

    Raises:
        OSError: If one of the two files cannot be read.
    """
    checksums = path.with_name(CHECKSUMS)
    expected = _listed(*_version(checksums)).get(path.name) if checksums.is_file() else None
    return expected is None or _sha256(*_version(path)) == expected


def _version(path: Path) -> _Version:
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


@lru_cache(4)
def _listed(path: Path, *_changed: int) -> dict[str, str]:
    lines = (line.partition(" ") for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {name.lstrip(" *"): digest for digest, _, name in lines}


@lru_cache(64)
def _sha256(path: Path, *_changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
