"""Where weights are: bundled, in the operator's own folder, or in a library's cache.

Only file names and sizes are read here, so that any page may ask without loading a framework.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models.lite.weights import LITE_FILES

BUNDLED = Path(__file__).resolve().parents[3] / "assets" / "weights"
HUB_FILE = "model.safetensors"  # what every repository of segmentation-models-pytorch calls its weights
SUFFIXES = (".h5", ".keras", ".safetensors", ".pt", ".pth")


@dataclass(frozen=True)
class WeightsFile:
    """A weights file that is on this machine.

    Attributes:
        path: Where it is.
        place: "bundled" (with the app, or with a package that it requires), "weights folder" or "cache".
        bytes: Its size.
    """

    path: Path
    place: str
    bytes: int

    @property
    def name(self) -> str:
        """What models know it by: its file name; in the hub's cache, where all are named alike, its repository's."""
        folder = self.path.parent.parent
        if folder.name == "snapshots" and self.path.name == HUB_FILE:
            return folder.parent.name.rpartition("--")[2] + self.path.suffix
        return self.path.name


def weight_folders() -> tuple[tuple[str, Path], ...]:
    """The folders that are searched, as (place, folder), in order of preference; they need not exist."""
    folders = [("bundled", BUNDLED), *(("bundled", folder) for folder in package_folders())]
    if own := os.environ.get("CNN_DEMO_WEIGHTS"):
        folders.append(("weights folder", Path(own)))
    return (*folders, ("cache", keras_cache()), ("cache", torch_cache()))


def package_folders() -> tuple[Path, ...]:
    """The folders of installed packages that carry weights and nothing else."""
    return tuple(path.parent for file in LITE_FILES.values() if (path := file.path) is not None)


def user_cache() -> Path:
    """Where this user's programs keep what can be made or fetched again."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


def torch_cache() -> Path:
    """Where torch keeps what it has downloaded; the weights of Ultralytics' networks are kept there too."""
    return Path(os.environ.get("TORCH_HOME", user_cache() / "torch")) / "hub" / "checkpoints"


def keras_cache() -> Path:
    """Where Keras keeps what it has downloaded."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def hub_cache() -> Path:
    """Where the Hugging Face hub's library keeps what it has downloaded."""
    return Path(os.environ.get("HF_HUB_CACHE", Path(os.environ.get("HF_HOME", user_cache() / "huggingface")) / "hub"))


def local_weights() -> tuple[WeightsFile, ...]:
    """All weights files on this machine; the first of each file name wins, as it would when a model is loaded."""
    found: dict[str, WeightsFile] = {}
    for place, folder in weight_folders():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix in SUFFIXES and path.is_file():
                file = WeightsFile(path, place, path.stat().st_size)
                found.setdefault(file.name, file)
    for path in sorted(hub_cache().glob(f"models--smp-hub--*/snapshots/*/{HUB_FILE}")):
        if path.is_file():
            file = WeightsFile(path, "cache", path.stat().st_size)
            found.setdefault(file.name, file)
    return tuple(found.values())


def find_weights(name: str) -> WeightsFile | None:
    """Return the file of this name that a model would be loaded from; None where it is not on this machine."""
    return next((file for file in local_weights() if file.name == name), None)
