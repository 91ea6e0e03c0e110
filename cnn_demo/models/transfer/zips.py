"""Entries of a zip file as visitors mean them: their names, their first bytes, and which folder is the class."""

from __future__ import annotations

import contextlib
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence

STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK00PK\x03\x04", b"PK\x07\x08PK\x03\x04")
"""First bytes of zips: with files, empty, and in one of several possible pieces."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""LZMA may allocate gigabytes of memory before the first byte; file managers write none of the other methods."""
_UTF8, _ENCRYPTED = 0x800, 0x1
"""Flags of an entry."""
_OF_FILE_MANAGERS = ("thumbs.db", "desktop.ini", "icon\r")
_PARTS = frozenset(("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"))
"""Folders that are parts of a data set, not classes, if they have folders themselves."""


def path_of(info: zipfile.ZipInfo) -> list[str]:
    """Return folders and name of a file; nothing for folders and for files that the visitor does not know of.

    macOS writes UTF-8 without the flag that says so; Info-ZIP may add it as an extra field.
    """
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        raw = name.encode("cp437")  # as zipfile has decoded it
        with contextlib.suppress(UnicodeDecodeError):
            name = (_unicode_path(info.extra, raw) or raw).decode()
    name = unicodedata.normalize("NFC", name.partition("\0")[0]).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    is_ignored = any(part == "__MACOSX" or part.startswith(".") for part in parts)
    if name.endswith("/") or not parts or is_ignored or parts[-1].casefold() in _OF_FILE_MANAGERS:
        return []
    return parts


def _unicode_path(extra: bytes, raw: bytes) -> bytes | None:
    """Return the name in Info-ZIP's field for it, unless it belongs to another name than `raw`."""
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == 0x7075 and body[:1] == b"\1" and body[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
            return body[5:]
    return None


def is_encrypted(info: zipfile.ZipInfo) -> bool:
    """Return whether an entry needs a password."""
    return bool(info.flag_bits & _ENCRYPTED)


def first_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return the first bytes of an entry; none if it cannot be unpacked."""
    if info.compress_type not in METHODS or is_encrypted(info):
        return b""
    with contextlib.suppress(Exception), archive.open(info) as file:
        return file.read(256)
    return b""


def class_level(folders: Sequence[Sequence[str]]) -> int:
    """Return which folder of a path is the class: the first that differs, except for parts of a data set.

    So `pets/train/cat`, `pets/test/dog` and `pets/train/dog/100APPLE` are cats and dogs.
    """
    deepest = max(map(len, folders))
    for level in range(deepest):
        names = {names[level].casefold() for names in folders if len(names) > level}
        if len(names) > 1 and not (names <= _PARTS and level + 1 < deepest):
            return level
    return min(len(names) for names in folders) - 1
