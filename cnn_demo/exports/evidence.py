"""An explanation as a zip: the photo, the maps, the figures, the settings, and the versions that computed them."""

from __future__ import annotations

import io
import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from cnn_demo.drawing.heatmaps import heat_colours
from cnn_demo.drawing.pictures import png_bytes, signed_colours
from cnn_demo.exports.boxes import zipped
from cnn_demo.exports.names import safe_name
from cnn_demo.images import Photo
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.engines import engine_name
from cnn_demo.project import about

PACKAGES = {"TensorFlow": ("keras", "tensorflow"), "torch": ("keras", "torch")}


def evidence_zip(
    photo: Photo,
    spec: ModelSpec,
    pictures: Mapping[str, np.ndarray],
    maps: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    figures: Mapping[str, Any],
) -> bytes:
    """Return a zip that keeps an explanation.

    Args:
        photo: The photo.
        spec: The network.
        pictures: Title to (h, w, 3) uint8, such as the network's input; saved without loss.
        maps: Title to a map (h, w) in 0...1, or in −1...1 if it has negative values.
        settings: Everything that was chosen; texts, numbers, and lists of them.
        figures: Everything that was measured; texts, numbers, arrays, and lists and dictionaries of them.

    Returns:
        A zip with `photo.png`, `pictures/TITLE.png`, `maps/TITLE.png` in colours, the values of all maps as arrays in
        `maps.npz` (keys are the titles of the PNG files), and `evidence.json`.
    """
    files = {"photo.png": png_bytes(photo.pixels)}
    files |= {f"pictures/{_name(title)}.png": png_bytes(pixels) for title, pixels in pictures.items()}
    files |= {
        f"maps/{_name(title)}.png": png_bytes(signed_colours(values) if values.min() < 0 else heat_colours(values))
        for title, values in maps.items()
    }
    facts = {
        "photo": {"name": photo.file_name, "sha256": photo.sha256},
        "model": {"key": spec.key, "title": spec.title},
        "settings": dict(settings),
        "figures": dict(figures),
        "versions": versions(),
    }
    files["evidence.json"] = json.dumps(facts, ensure_ascii=False, indent=1, default=_plain).encode()
    if maps:
        files["maps.npz"] = _npz({_name(title): values.astype(np.float32) for title, values in maps.items()})
    return zipped(files)


def versions(framework: tuple[str, ...] | None = None) -> dict[str, str]:
    """Return the versions of the app, of Python, and of the packages that compute an explanation.

    Args:
        framework: Packages that ran the network; None for those of Keras's networks.
    """
    packages = (*(framework or PACKAGES[engine_name()]), "numpy", "opencv-python-headless")
    return {
        "cnn-demo": about().version,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _name(title: str) -> str:
    """Write a title as part of a file name, such as "grad-cam-of-egyptian-cat"."""
    return safe_name(re.sub(r"[^\w]+", "-", title.lower()).strip("-"))


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _plain(value: Any) -> Any:
    """Convert what NumPy computed to JSON, with six significant digits."""
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value]
    if isinstance(value, np.floating):
        return float(f"{value:.6g}")
    if isinstance(value, np.integer):
        return int(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON.")
