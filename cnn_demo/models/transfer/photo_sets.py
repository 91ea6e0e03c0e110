"""Photo sets: a visitor's photos sorted into classes, validated and downscaled for training.

They are read from bytes with class names (`gather`), or from a zip with one folder per class (`from_zip`). Both are
untrusted input: `read_photo` validates every photo, and a zip is unpacked file by file with a limit on its total size.
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
from cnn_demo.images.reading import printable
from cnn_demo.images.validation import EXTENSIONS, MAX_BYTES, is_photo
from cnn_demo.limits import ARCHIVE_MB
from cnn_demo.models.transfer.zips import METHODS, STARTS, classes_of, first_bytes, is_encrypted, path_of

MIN_CLASSES, MAX_CLASSES = 2, 6
MIN_PHOTOS, MAX_PHOTOS = 5, 50
"""Photos per class: fewer than five leave too few for validation. Only the first fifty are read, so that a small file
cannot keep the server decoding for an hour."""
MAX_LABEL = 40
"""Maximum number of characters of a label."""
MAX_SIDE = 320
"""Maximum longer side of a stored photo, in pixels: networks take 224 to 331, and a phone's photo has a hundred times
as many pixels."""
MAX_UNPACKED = 2 * ARCHIVE_MB * 2**20
"""Maximum unpacked size of a zip in bytes: twice the upload limit, though photos hardly shrink in a zip."""
MAX_ENTRIES = 2000
"""Maximum number of files and folders in a zip; listing some hundred thousand takes seconds."""
MAX_SENTENCES = 8
"""Maximum number of rejected photos named one by one; the others are counted."""
_UNSUPPORTED = "This zip uses an unsupported compression: please create a standard one and retry."
_Read = Callable[[], bytes]


class PhotoSetError(ValueError):
    """The photos are not a valid set; the message is one sentence for the visitor with the reason and the remedy."""


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """A set of labelled photos.

    Attributes:
        labels: Two to six class names, distinct ignoring case.
        photos: Photos, at least five per class and without duplicates.
        classes: (N,) int64, class index of each photo; read-only.
    """

    labels: tuple[str, ...]
    photos: tuple[Photo, ...] = field(repr=False)
    classes: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        classes = np.array(self.classes, np.int64)
        if classes.shape != (len(self.photos),) or set(classes.tolist()) != set(range(len(self.labels))):
            raise ValueError(f"{len(self.photos)} photos of {len(self.labels)} classes need as many class indices.")
        classes.flags.writeable = False
        object.__setattr__(self, "classes", classes)


def clean_label(text: str) -> str:
    """Normalize a label: NFC, without control characters, with collapsed white space.

    Raises:
        PhotoSetError: If the result is empty or longer than `MAX_LABEL`.
    """
    label = printable(unicodedata.normalize("NFC", text))
    if not label:
        raise PhotoSetError("A class has no name: please give each class one.")
    if len(label) > MAX_LABEL:
        raise PhotoSetError(f"The name “{label[:MAX_LABEL]}…” is too long: please use at most {MAX_LABEL} characters.")
    return label


def gather(named: Mapping[str, Sequence[tuple[str, bytes]]]) -> tuple[PhotoSet, tuple[str, ...]]:
    """Create a photo set from files, in the given order.

    Args:
        named: (file name, bytes) of the photos of each class.

    Returns:
        The set, with at most `MAX_PHOTOS` photos per class, and sentences on the photos that were left out.

    Raises:
        PhotoSetError: If there are too few or too many classes, a class has too few readable photos, two names differ
            only in case, or one photo is in two classes.
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
    """Create a photo set from a zip; the folder that differs is the class, so `train/cat/100APPLE/1.jpg` is a cat.

    Classes and photos are sorted by name. Photos are recognized by their content, or by their extension. `__MACOSX`,
    hidden files and those of file managers are ignored; other files are skipped.

    Args:
        data: Contents of the zip, at most `MAX_ENTRIES` files and `MAX_UNPACKED` bytes unpacked.

    Returns:
        As `gather` does.

    Raises:
        PhotoSetError: As `gather` does, or if the zip is broken, encrypted or too large.
    """
    with _zip_faults():
        archive = _open(data)
        folders, passed_over = _folders(archive)
    check_labels(list(folders))
    read = _Unpacker(archive).read
    entries = {label: sorted(files, key=lambda file: file[0]) for label, files in folders.items()}
    photos, sentences = _collect(
        {label: [(name, partial(read, info)) for name, info in files] for label, files in entries.items()}
    )
    return photos, passed_over + sentences


# Zip files -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _zip_faults() -> Iterator[None]:
    """Convert the exceptions that zipfile raises for broken files to `PhotoSetError`."""
    try:
        yield
    except PhotoSetError:
        raise
    except NotImplementedError as error:
        raise PhotoSetError(_UNSUPPORTED) from error
    # BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, UnicodeDecodeError, IndexError and others.
    except Exception as error:
        raise PhotoSetError("This zip is cut off or damaged: please create it again and retry.") from error


def _open(data: bytes) -> zipfile.ZipFile:
    """Open a zip; the number of files is checked beforehand by counting the signatures of its entries."""
    if not data.startswith(STARTS):
        raise PhotoSetError("This is not a zip file: please put the folders of photos into a .zip file.")
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise PhotoSetError(f"This zip holds more than {MAX_ENTRIES} files: please leave some out.")
    return zipfile.ZipFile(io.BytesIO(data))


def _candidates(archive: zipfile.ZipFile) -> tuple[list[tuple[list[str], zipfile.ZipInfo]], int, int]:
    """Return (folders and file name, entry) of the possible photos, and how many zips and other files there are."""
    found = []
    zips = others = 0
    for info in archive.infolist():
        if not (parts := path_of(info)):
            continue
        if is_encrypted(info):
            raise PhotoSetError("This zip is encrypted: please create one without a password.")
        start = first_bytes(archive, info)
        if parts[-1].rpartition(".")[2].lower() in EXTENSIONS or is_photo(start):
            found.append((parts, info))
        elif start.startswith(b"PK\x03\x04"):
            zips += 1
        else:
            others += 1
    return found, zips, others


def _folders(archive: zipfile.ZipFile) -> tuple[dict[str, list[tuple[str, zipfile.ZipInfo]]], tuple[str, ...]]:
    """Return (file name, entry) of the possible photos of each class, and sentences on the skipped files."""
    candidates, zips, others = _candidates(archive)
    if zips and not candidates:
        raise PhotoSetError("This zip holds other zips: please unpack them and zip the folders of photos.")
    if candidates and all(len(parts) == 1 for parts, _ in candidates):
        raise PhotoSetError("The photos in this zip are not in folders: please make one folder for each class.")
    classes = classes_of([parts[:-1] for parts, _ in candidates], MIN_PHOTOS)
    folders: dict[str, list[tuple[str, zipfile.ZipInfo]]] = {}
    for name, (parts, info) in zip(classes, candidates, strict=True):
        if name:
            folders.setdefault(clean_label(name), []).append(("/".join(parts[parts.index(name) + 1 :]), info))
    sentences = []
    if homeless := classes.count(""):
        sentences.append(f"Left out because they are in no folder of a class: {_counted(homeless, 'photo')}.")
    if zips or others:
        sentences.append(f"Left out because they are not photos: {_counted(zips + others, 'file')}.")
    return dict(sorted(folders.items(), key=lambda folder: (folder[0].casefold(), folder[0]))), tuple(sentences)


class _Unpacker:
    """Unpacks files one by one and counts the unpacked bytes, because declared sizes cannot be trusted."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_UNPACKED

    def read(self, info: zipfile.ZipInfo) -> bytes:
        if info.compress_type not in METHODS:
            raise PhotoSetError(_UNSUPPORTED)
        with _zip_faults(), self._archive.open(info) as file:
            data = file.read(MAX_BYTES + 1)  # one extra byte lets `read_photo` detect that it is too long
        self._left -= len(data)
        if self._left < 0:
            raise PhotoSetError(f"This zip holds more than {MAX_UNPACKED // 2**20} MB: please leave some photos out.")
        return data


# Photos --------------------------------------------------------------------------------------------------------------


def check_labels(labels: Sequence[str]) -> None:
    """Raise a `PhotoSetError` unless there are two to six names that are distinct ignoring case."""
    if not labels:
        raise PhotoSetError(f"No photos were found: please add at least {MIN_PHOTOS} to each of {MIN_CLASSES} classes.")
    if len(labels) < MIN_CLASSES:
        raise PhotoSetError(f"“{labels[0]}” is the only class: please add a second one.")
    if len(labels) > MAX_CLASSES:
        raise PhotoSetError(f"These are {len(labels)} classes: please use at most {MAX_CLASSES}.")
    for number, label in enumerate(labels):
        for other in labels[:number]:
            if other.casefold() == label.casefold():
                raise PhotoSetError(f"Two classes are called “{other}” and “{label}”: please give them other names.")


def _collect(files: Mapping[str, Sequence[tuple[str, _Read]]]) -> tuple[PhotoSet, tuple[str, ...]]:
    """Read the files of each class one by one; only the downscaled photos are kept."""
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
    """Create a photo set from photos that have been read.

    Args:
        photos: Photos by class, without duplicates and with validated labels.

    Raises:
        PhotoSetError: If a class has too few photos.
    """
    for label, readable in photos.items():
        if len(readable) < MIN_PHOTOS:
            raise PhotoSetError(
                f"“{label}” has {_counted(len(readable), 'photo')} that can be read, without duplicates: "
                f"please add at least {MIN_PHOTOS}."
            )
    numbers = np.repeat(np.arange(len(photos)), [len(several) for several in photos.values()])
    return PhotoSet(tuple(photos), tuple(photo for several in photos.values() for photo in several), numbers)


def left_out(refused: Sequence[str], twice: int, beyond: int) -> tuple[str, ...]:
    """Return the messages on skipped photos: one per rejected photo, and counts of duplicates and surplus photos."""
    sentences = list(refused[:MAX_SENTENCES])
    if more := len(refused) - len(sentences):
        sentences.append(f"Left out because they cannot be read: {_counted(more, 'more file')}.")
    if twice:
        sentences.append(f"Left out because they are duplicates: {_counted(twice, 'photo')}.")
    if beyond:
        sentences.append(f"Left out because a class has at most {MAX_PHOTOS} photos: {_counted(beyond, 'photo')}.")
    return tuple(sentences)


def unreadable(name: str, label: str, error: ImageError) -> str:
    """Return the message for a skipped file."""
    text = str(error)
    return f"“{printable(name.rpartition('/')[2])[:80]}” in “{label}” was left out: {text[0].lower()}{text[1:]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
