"""Whether a downloaded file is the one that was published.

Checksums come, in this order, from the library that downloads the file itself (Keras has them for most of its
classifiers), from the file's name (torchvision's end in the first digits of their SHA-256, as `torch.hub` wants it),
and from the server's reply. Ultralytics, segmentation-models-pytorch and Keras's MobileNets publish none: their files
must also have about the size of their row, and be a sound archive. A checkpoint of torch is a zip file with a checksum
for every tensor, all of which are verified; HDF5 and safetensors files know how long they have to be.
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

if TYPE_CHECKING:
    from cnn_demo.models.catalogue.specs import ModelSpec

NAMED = re.compile(r"-([0-9a-f]{8,64})\.pth$")  # as `torch.hub.HASH_REGEX`
SIZE_FACTOR = 2  # by which a file may be larger or smaller than its row has it: some rows only estimate


class BrokenFile(Exception):
    """The file is not the published one, or not all of it."""


def published_checksum(spec: ModelSpec) -> tuple[str, str] | None:
    """Return the algorithm and the first or all digits of a model's published checksum; None where there is none."""
    if spec.checksum:
        algorithm, _, digits = spec.checksum.rpartition(":")
        return algorithm or "sha256", digits
    named = NAMED.search(spec.weights)
    return ("sha256", named[1]) if named else None


def announced_checksum(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the algorithm and the digits of the checksum in a server's reply; None where it sends none.

    Args:
        headers: Of the reply, by names in any case. `Content-MD5` is sent by GitHub's storage, `x-goog-hash` by
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
        spec: The model's row.
        announced: Checksum that its server sent; used where none is published.

    Raises:
        BrokenFile: If it is another file, or damaged.
        OSError: If it cannot be read.
    """
    published = published_checksum(spec)
    if expected := published or announced:
        algorithm, digits = expected
        with path.open("rb") as file:
            if not hashlib.file_digest(file, algorithm).hexdigest().startswith(digits.lower()):
                raise BrokenFile(f"its {algorithm} is another one")
    if published is None:
        size = path.stat().st_size
        if not spec.bytes / SIZE_FACTOR <= size <= spec.bytes * SIZE_FACTOR:
            raise BrokenFile(f"it has {size} bytes, and about {spec.bytes} were expected")
        _check_structure(path, Path(spec.weights).suffix)


def _check_structure(path: Path, suffix: str) -> None:
    """Raise `BrokenFile` unless the file is a whole one of its kind."""
    check = {".h5": _check_hdf5, ".safetensors": _check_safetensors}.get(suffix, _check_zip)
    try:
        check(path)
    except BrokenFile:
        raise
    except Exception as error:
        raise BrokenFile(f"it is no sound {suffix} file") from error


def _check_hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "r") as file:  # refuses another signature, and a file that ends too early
        if not len(file):
            raise BrokenFile("it is empty")


def _check_safetensors(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:  # the header must fit the file's length to the byte
        if not file.keys():
            raise BrokenFile("it is empty")


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None or not any(name.endswith("/data.pkl") for name in archive.namelist()):
            raise BrokenFile("a part of it is damaged or missing")
