"""Photos that a visitor has sorted into classes: read, checked, and kept small enough to learn from.

They come as bytes with a class each (`gather`), or as a zip whose folders are the classes (`from_zip`). Bytes and
names come from strangers: `read_photo` judges every photo, and a zip is read file by file, counting what comes out.
"""

from __future__ import annotations

import contextlib
import io
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.images.validation import EXTENSIONS, MAX_BYTES

MIN_CLASSES, MAX_CLASSES = 2, 6
MIN_PHOTOS, MAX_PHOTOS = 5, 50
"""Photos of a class: fewer than five leave too little to hold out. Of more than fifty the first fifty are looked at,
so that a small file cannot keep the server decoding for an hour."""
MAX_LABEL = 40
"""Characters of a label."""
MAX_SIDE = 320
"""Longer side of a photo that is kept, in pixels: networks take 224 to 331, and a phone's photo has a hundred times
as many pixels as they see."""
MAX_UNPACKED = 100 * 2**20
"""Bytes that may come out of a zip: five times what may be sent, though photos hardly shrink when they are zipped."""
MAX_ENTRIES = 2000
"""Files and folders in a zip. Reading a list of some hundred thousand takes seconds."""
MAX_SENTENCES = 8
"""Photos left out that are named one by one; of the others there is a number."""


_Read = Callable[[], bytes]


class PhotoSetError(ValueError):
    """These photos are no set to learn from; the message says why and what to do, in one sentence for the visitor."""


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """Photos and what is on them.

    Attributes:
        labels: Two to six names, which differ in more than case.
        photos: At least five of each class; no two are the same file.
        classes: (N,) int64, for each photo the number of its label; read-only.
    """

    labels: tuple[str, ...]
    photos: tuple[Photo, ...] = field(repr=False)
    classes: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        classes = np.array(self.classes, np.int64)
        if classes.shape != (len(self.photos),) or set(classes.tolist()) != set(range(len(self.labels))):
            raise ValueError(f"{len(self.photos)} photos of {len(self.labels)} classes need as many class numbers.")
        classes.flags.writeable = False
        object.__setattr__(self, "classes", classes)


def clean_label(text: str) -> str:
    """Drop control characters and white space at the ends and where it is double; composed characters (NFC).

    Raises:
        PhotoSetError: If nothing is left, or more than `MAX_LABEL` characters are.
    """
    label = _printable(unicodedata.normalize("NFC", text))
    if not label:
        raise PhotoSetError("A class has no name: please give each class one.")
    if len(label) > MAX_LABEL:
        raise PhotoSetError(f"The name “{label[:MAX_LABEL]}…” is too long: {MAX_LABEL} characters are the most.")
    return label


def gather(named: Mapping[str, Sequence[tuple[str, bytes]]]) -> tuple[PhotoSet, tuple[str, ...]]:
    """Make a set of photos in the order in which they are given.

    Args:
        named: For each class the (file name, bytes) of its photos.

    Returns:
        The set, of at most `MAX_PHOTOS` photos a class, and one sentence on each that was left out.

    Raises:
        PhotoSetError: If there are too few or too many classes, a class has too few readable photos, two names are the
            same but for case, or one photo is in two classes.
    """
    labels = [clean_label(label) for label in named]
    check_labels(labels)
    return _collect(
        {
            label: [(name, partial(bytes, data)) for name, data in files]
            for label, files in zip(labels, named.values(), strict=True)
        }
    )


def from_zip(data: bytes) -> tuple[PhotoSet, tuple[str, ...]]:
    """Make a set of a zip of folders: the last folder on a photo's way is its class, so `train/cat/1.jpg` is a cat.

    Classes come in alphabetical order and photos in that of their names. What macOS adds (`__MACOSX`) and names that
    begin with a dot are passed over; files whose name ends unlike a photo's are not read.

    Args:
        data: The zip's bytes; at most `MAX_ENTRIES` files, and `MAX_UNPACKED` bytes when unpacked.

    Returns:
        As `gather` does.

    Raises:
        PhotoSetError: As `gather` does, or if the zip is broken, encrypted or too large.
    """
    with _zip_faults():
        archive = _open(data)
        folders, passed_over = _folders(archive)
    check_labels(list(folders))
    unpacker = _Unpacker(archive)
    photos, sentences = _collect(
        {
            label: [(name, partial(unpacker.read, info)) for name, info in sorted(files, key=lambda file: file[0])]
            for label, files in folders.items()
        }
    )
    return photos, passed_over + sentences


# What is in a zip ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _zip_faults() -> Iterator[None]:
    """Turn whatever broken bytes make zipfile raise into one sentence."""
    try:
        yield
    except PhotoSetError:
        raise
    except NotImplementedError as error:
        raise PhotoSetError("This zip is packed in a rare way: please make an ordinary one and retry.") from error
    # BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, UnicodeDecodeError, IndexError and others.
    except Exception as error:
        raise PhotoSetError("This zip is cut off or damaged: please make it anew and retry.") from error


def _open(data: bytes) -> zipfile.ZipFile:
    """Read the list of files; its length is told by the signatures that its lines begin with, before it is read."""
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise PhotoSetError("This is not a zip: please put the folders of photos into a .zip file.")
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise PhotoSetError(f"This zip holds more than {MAX_ENTRIES} files: please leave some out.")
    return zipfile.ZipFile(io.BytesIO(data))


def _folders(archive: zipfile.ZipFile) -> tuple[dict[str, list[tuple[str, zipfile.ZipInfo]]], tuple[str, ...]]:
    """Find for each class the (file name, entry) of what may be a photo, and say how much more there is."""
    folders: dict[str, list[tuple[str, zipfile.ZipInfo]]] = {}
    homeless = others = 0
    for info in archive.infolist():
        parts = [part for part in info.filename.replace("\\", "/").split("/") if part]
        if info.is_dir() or not parts or any(part == "__MACOSX" or part.startswith(".") for part in parts):
            continue
        if parts[-1].rpartition(".")[2].lower() not in EXTENSIONS:
            others += 1
        elif len(parts) == 1:
            homeless += 1
        else:
            folders.setdefault(clean_label(parts[-2]), []).append((parts[-1], info))
    if not folders and homeless:
        raise PhotoSetError("The photos in this zip lie in no folder: please make one folder for each class.")
    sentences = []
    if homeless:
        sentences.append(f"Left out because they lie in no folder: {_counted(homeless, 'photo')}.")
    if others:
        sentences.append(f"Left out because their names do not end like a photo's: {_counted(others, 'file')}.")
    return dict(sorted(folders.items(), key=lambda folder: (folder[0].casefold(), folder[0]))), tuple(sentences)


class _Unpacker:
    """Unpacks one file after the other. What a zip says of sizes can be a lie, so what comes out is counted."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_UNPACKED

    def read(self, info: zipfile.ZipInfo) -> bytes:
        if info.flag_bits & 0x1:
            raise PhotoSetError("This zip is locked with a password: please make one without.")
        # LZMA may ask for gigabytes of memory before the first byte; file managers write none of the others.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PhotoSetError("This zip is packed in a rare way: please make an ordinary one and retry.")
        with _zip_faults(), self._archive.open(info) as file:
            data = file.read(MAX_BYTES + 1)  # one byte more is enough for `read_photo` to see that it is too long
        self._left -= len(data)
        if self._left < 0:
            raise PhotoSetError(f"This zip holds more than {MAX_UNPACKED // 2**20} MB: please leave some photos out.")
        return data


# Photos --------------------------------------------------------------------------------------------------------------


def check_labels(labels: Sequence[str]) -> None:
    """Raise a `PhotoSetError` unless these are two to six names that differ in more than case."""
    if not labels:
        raise PhotoSetError(f"There are no photos yet: please give at least {MIN_CLASSES} classes of {MIN_PHOTOS}.")
    if len(labels) < MIN_CLASSES:
        raise PhotoSetError(f"“{labels[0]}” is the only class: please add another one to tell it from.")
    if len(labels) > MAX_CLASSES:
        raise PhotoSetError(f"These are {len(labels)} classes: please take {MAX_CLASSES} at the most.")
    for number, label in enumerate(labels):
        for other in labels[:number]:
            if other.casefold() == label.casefold():
                raise PhotoSetError(f"Two classes are called “{other}” and “{label}”: please give them other names.")


def _collect(files: Mapping[str, Sequence[tuple[str, _Read]]]) -> tuple[PhotoSet, tuple[str, ...]]:
    """Read (name, bytes) of each class one by one; only the small photo of each is kept."""
    photos: dict[str, list[Photo]] = {label: [] for label in files}
    classes: dict[str, str] = {}  # digest of a photo -> its class
    unread: list[str] = []
    twice = 0
    for label, name, read in ((label, *file) for label, several in files.items() for file in several[:MAX_PHOTOS]):
        try:
            photo = read_photo(read(), name, MAX_SIDE)
        except ImageError as error:
            unread.append(unreadable(name, label, error))
            continue
        if photo.sha256 not in classes:
            classes[photo.sha256] = label
            photos[label].append(photo)
        elif classes[photo.sha256] == label:
            twice += 1
        else:
            raise PhotoSetError(
                f"The photo “{photo.name}” is in “{classes[photo.sha256]}” and in “{label}”: please keep it in one."
            )
    if not any(photos.values()):
        raise PhotoSetError("None of these files can be read as a photo: please choose others.")
    beyond = sum(max(0, len(several) - MAX_PHOTOS) for several in files.values())
    return photo_set(photos), left_out(unread, twice, beyond)


def photo_set(photos: Mapping[str, Sequence[Photo]]) -> PhotoSet:
    """Make a set of photos that have been read already.

    Args:
        photos: For each class its photos, no two of all the same; the labels have been checked.

    Raises:
        PhotoSetError: If a class has too few.
    """
    for label, readable in photos.items():
        if len(readable) < MIN_PHOTOS:
            raise PhotoSetError(
                f"“{label}” has {_counted(len(readable), 'photo')} that can be read, each counted once: "
                f"please give at least {MIN_PHOTOS}."
            )
    numbers = np.repeat(np.arange(len(photos)), [len(several) for several in photos.values()])
    return PhotoSet(tuple(photos), tuple(photo for several in photos.values() for photo in several), numbers)


def left_out(refused: Sequence[str], twice: int, beyond: int) -> tuple[str, ...]:
    """Say what was left out: a sentence for each photo that was refused, and how many are there twice or too many."""
    sentences = list(refused[:MAX_SENTENCES])
    if more := len(refused) - len(sentences):
        sentences.append(f"Left out because they cannot be read either: {_counted(more, 'file')}.")
    if twice:
        sentences.append(f"Left out because they are there twice: {_counted(twice, 'photo')}.")
    if beyond:
        sentences.append(f"Left out because a class has {MAX_PHOTOS} photos at the most: {_counted(beyond, 'photo')}.")
    return tuple(sentences)


def _printable(text: str) -> str:
    """Leave out control characters, and white space at the ends and where it is double."""
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(text.split())


def unreadable(name: str, label: str, error: ImageError) -> str:
    """Say in one sentence that a file of a class was left out, and why."""
    text = str(error)
    return f"“{_printable(name)[:80]}” in “{label}” was left out: {text[0].lower()}{text[1:]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
