"""Integrity checks of downloaded weights.

Checksums come, in this order, from the table of recorded ones, from the library (Keras has them for most of its
classifiers), from the file name (torchvision's contain the first digits of their SHA-256, as in `torch.hub`), and from
the server's response headers. Ultralytics, segmentation-models-pytorch and Keras's MobileNets publish none: until
theirs are recorded, their files must have about the expected size and be valid archives. A torch checkpoint is a zip
file with a checksum for every tensor, all of which are verified; the expected length of HDF5 and safetensors files
follows from their headers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_demo.models.catalogue.recorded import record, recorded

if TYPE_CHECKING:
    from cnn_demo.models.catalogue.specs import ModelSpec

NAMED = re.compile(r"-([0-9a-f]{8,64})\.pth$")  # like `torch.hub.HASH_REGEX`
SIZE_FACTOR = 2  # maximum ratio of actual and expected size, since some expected sizes are estimates


class BrokenFile(Exception):
    """The file is not the published one, or is incomplete."""


def known_checksum(spec: ModelSpec) -> tuple[str, str] | None:
    """Return the algorithm and the digits, possibly truncated, of a model's checksum; None if it is not known.

    It is the recorded one, or else the published one.
    """
    if row := recorded(spec.weights):
        return "sha256", row.sha256
    if spec.checksum:
        algorithm, _, digits = spec.checksum.rpartition(":")
        return algorithm or "sha256", digits
    named = NAMED.search(spec.weights)
    return ("sha256", named[1]) if named else None


def record_checksum(path: Path, spec: ModelSpec) -> str:
    """Put the SHA-256 and the size of a good file into the table of recorded ones, and return the SHA-256.

    Raises:
        BrokenFile: If the file is not as `check_file` wants it.
        OSError: If it cannot be read, or the table cannot be written.
    """
    check_file(path, spec)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    record(spec.weights, digest, path.stat().st_size)
    return digest


def announced_checksum(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the algorithm and the digits of the checksum in a server's response headers; None if there is none.

    Args:
        headers: Case-insensitive response headers. `Content-MD5` is sent by GitHub's storage, `x-goog-hash` by
            Google's, and `X-Linked-ETag` by the Hugging Face hub.
    """
    linked = headers.get("X-Linked-ETag", "").strip('"')
    if re.fullmatch("[0-9a-f]{64}", linked):
        return "sha256", linked
    coded = headers.get("Content-MD5", "")
    if headers.get("x-goog-stored-content-encoding", "identity") == "identity":
        google = re.search(r"md5=([A-Za-z0-9+/]+=*)", headers.get("x-goog-hash", ""))
        coded = google[1] if google else coded
    try:
        digest = base64.b64decode(coded, validate=True)
    except binascii.Error:
        return None
    return ("md5", digest.hex()) if len(digest) == 16 else None


def check_file(path: Path, spec: ModelSpec, announced: tuple[str, str] | None = None) -> None:
    """Verify a downloaded file.

    Args:
        path: The complete file, under any name.
        spec: Metadata of the model.
        announced: Checksum sent by the server, used if none is known.

    Raises:
        BrokenFile: If it is another file or damaged.
        OSError: If it cannot be read.
    """
    known = known_checksum(spec)
    if expected := known or announced:
        algorithm, digits = expected
        with path.open("rb") as file:
            if not hashlib.file_digest(file, algorithm).hexdigest().startswith(digits.lower()):
                raise BrokenFile(f"its {algorithm} does not match")
    if (row := recorded(spec.weights)) and path.stat().st_size != row.bytes:
        raise BrokenFile(f"it has {path.stat().st_size} bytes, not {row.bytes}")
    if known is None:
        size = path.stat().st_size
        if not spec.bytes / SIZE_FACTOR <= size <= spec.bytes * SIZE_FACTOR:
            raise BrokenFile(f"it has {size} bytes, but about {spec.bytes} were expected")
        _check_structure(path, Path(spec.weights).suffix)


def _check_structure(path: Path, suffix: str) -> None:
    """Raise `BrokenFile` unless the file is complete and valid for its suffix."""
    check = {".h5": _check_hdf5, ".safetensors": _check_safetensors}.get(suffix, _check_zip)
    try:
        check(path)
    except BrokenFile:
        raise
    except Exception as error:
        raise BrokenFile(f"it is not a valid {suffix} file") from error


def _check_hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "r") as file:  # fails for a wrong signature or a truncated file
        if not len(file):
            raise BrokenFile("it is empty")


def _check_safetensors(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:  # fails unless the header matches the file's length
        if not file.keys():
            raise BrokenFile("it is empty")


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None or not any(name.endswith("/data.pkl") for name in archive.namelist()):
            raise BrokenFile("a part of it is damaged or missing")
