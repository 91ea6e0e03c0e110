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


def classes_of(folders: Sequence[Sequence[str]], least: int) -> list[str]:
    """Return the class of each photo: the first folder of its path that differs; "" if it belongs to no class.

    So `pets/train/cat`, `pets/test/dog` and `pets/train/dog/100APPLE` are cats and dogs: folders that all photos share
    are no classes, nor are parts of a data set. If only one folder has enough photos for a class, or others are less
    deep, its own folders are classes: cats and dogs in `pets/cat`, `pets/dog` and `docs`. Not so if they are numbered,
    as those of cameras and of days are.

    Args:
        folders: Folders of each photo, from the outermost; none for a photo that is not in a folder.
        least: Number of photos that a class needs.
    """
    classes = [""] * len(folders)
    waiting: list[_Photos] = [dict(enumerate(folders))]
    while waiting:
        inside = _by_folder(_without_parts(waiting.pop()))
        below = {name: _below(group) for name, group in inside.items()}
        large = [name for name, group in inside.items() if len(group) >= least]
        if len(inside) == 1:
            (only,) = below.values()
            if _by_folder(only) and _is_empty(only, least):
                waiting.append(only)
                continue
        is_uneven = len(large) == 1 or any(not path for group in below.values() for path in group.values())
        parents = [name for name in large if is_uneven and _has_classes(below[name], least)]
        waiting += [below[name] for name in parents]
        for name in inside.keys() - set(parents):
            if len(large) > 1 or not parents:
                for index, path in inside[name].items():
                    classes[index] = path[0]
    return classes


_Photos = dict[int, Sequence[str]]
"""Photos by their index: the folders of each, from a common folder on."""


def _by_folder(photos: _Photos) -> dict[str, _Photos]:
    """Group photos by the first folder of their paths."""
    groups: dict[str, _Photos] = {}
    for index, path in photos.items():
        if path:
            groups.setdefault(path[0].casefold(), {})[index] = path
    return groups


def _below(photos: _Photos) -> _Photos:
    """Leave out the first folder of each path."""
    return {index: path[1:] for index, path in photos.items()}


def _without_parts(photos: _Photos) -> _Photos:
    """Leave out folders that are all parts of a data set and have folders."""
    inside, below = _by_folder(photos), _below({index: path for index, path in photos.items() if path})
    return below if inside and inside.keys() <= _PARTS and _by_folder(below) else photos


def _is_empty(photos: _Photos, least: int) -> bool:
    """Return whether fewer photos than a class needs are in a folder itself."""
    return sum(not path for path in photos.values()) < least


def _has_classes(photos: _Photos, least: int) -> bool:
    """Return whether the folders inside a folder look like classes."""
    large = [name for name, group in _by_folder(_without_parts(photos)).items() if len(group) >= least]
    is_numbered = any(name in _PARTS or any(map(str.isdigit, name)) for name in large)
    return len(large) > 1 and not is_numbered and _is_empty(photos, least)
