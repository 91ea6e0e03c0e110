"""Photos with a class for every pixel, and the views of them that networks learn from."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from cnn_demo.models.catalogue.registry import PET_LABELS, STREET_LABELS
from cnn_demo.models.detection.letterbox import GREY
from cnn_demo.models.segmentation.metrics import IGNORED
from training.data.assorted import EVERY
from training.data.datasets import decode, read_archive
from training.data.placement import in_window, recolour

STRETCH = 0.1  # logarithm of how much wider or higher a photo may become
FOCUSED = 0.3  # fraction of views that show a pixel of a random class, so that rare ones are seen
_TRIMAP = {1: "pet", 2: "background"}  # 3 is the trimap's undefined border


@dataclass(frozen=True)
class MaskedPhoto:
    """A photo and the class of every pixel.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 class ids, `IGNORED` for unlabelled pixels.
        name: Name of its file.
    """

    pixels: np.ndarray = field(repr=False)
    mask: np.ndarray = field(repr=False)
    name: str


def read_camvid(folder: Path) -> tuple[list[MaskedPhoto], list[MaskedPhoto]]:
    """Read the street scenes of `camvid.tar.gz`, whose classes are `STREET_LABELS`.

    Args:
        folder: Folder of the archive.

    Returns:
        (training, validation), as the set itself has them; its unlabelled pixels are ignored.

    Raises:
        FileNotFoundError: If the archive is not there.
    """
    files = read_archive(folder / "camvid.tar.gz")
    return _street_part(files, "train"), _street_part(files, "val")


def _street_part(files: dict[str, bytes], part: str) -> list[MaskedPhoto]:
    photos = []
    for path in sorted(name for name in files if name.startswith(f"camvid/{part}/")):
        name = Path(path).stem
        mask = decode_levels(files[f"camvid/{part}annot/{name}.png"])
        mask[mask >= len(STREET_LABELS)] = IGNORED
        photos.append(MaskedPhoto(decode_photo(files[path]), mask, name))
    return photos


def read_pets(folder: Path) -> tuple[list[MaskedPhoto], list[MaskedPhoto]]:
    """Read the pets of `pets.tar.gz`, whose classes are `PET_LABELS`.

    Args:
        folder: Folder of the archive.

    Returns:
        (training, validation): sorted by breed, each seventh is validation; the border around a pet is ignored.

    Raises:
        FileNotFoundError: If the archive is not there.
    """
    files = read_archive(folder / "pets.tar.gz")
    table = csv.DictReader(files["pets/species.csv"].decode().splitlines())
    species = {row["name"]: row["species"] for row in table}
    photos = []
    for name in sorted(species):
        trimap = decode_levels(files[f"pets/trimaps/{name}.png"])
        mask = np.full(trimap.shape, IGNORED, np.uint8)
        for level, meaning in _TRIMAP.items():
            mask[trimap == level] = PET_LABELS.index(species[name] if meaning == "pet" else meaning)
        photos.append(MaskedPhoto(decode_photo(files[f"pets/images/{name}.jpg"]), mask, name))
    return [photo for number, photo in enumerate(photos) if number % EVERY], photos[::EVERY]


def decode_levels(data: bytes) -> np.ndarray:
    """Decode a picture of class ids, (H, W) uint8."""
    return np.array(Image.open(io.BytesIO(data)))


def decode_photo(data: bytes) -> np.ndarray:
    """Decode a photo as large as it is, and as its mask: (H, W, 3) uint8."""
    return decode(data, longest=10_000)[0]


def foreground(mask: np.ndarray) -> np.ndarray:
    """Return the foreground mask of a pet, (H, W) bool: ignored pixels join the nearest of pet and background.

    Args:
        mask: (H, W) class ids of `PET_LABELS`, with ignored pixels.
    """
    pet = (mask != IGNORED) & (mask > 0)
    background = mask == 0
    if not pet.any() or not background.any():
        return pet
    to_pet, to_background = (
        cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for inside in (pet, background)
    )
    return to_pet < to_background


def view(
    photo: MaskedPhoto,
    size: tuple[int, int],
    zooms: tuple[float, float],
    rng: np.random.Generator,
    outside: int = IGNORED,
) -> tuple[np.ndarray, np.ndarray]:
    """Show a photo in a window at random scale and position, mirrored or not, in changed light.

    Args:
        photo: The photo.
        size: (height, width) of the window.
        zooms: Range of the scale factor of the photo's size.
        rng: Random generator.
        outside: Class of the grey beside a photo that is smaller than the window.

    Returns:
        pixels (height, width, 3) uint8 and classes (height, width) uint8.
    """
    pixels, mask = photo.pixels, photo.mask
    if rng.random() < 0.5:
        pixels, mask = cv2.flip(pixels, 1), cv2.flip(mask, 1)
    zoom = np.exp(rng.uniform(*np.log(zooms)) + rng.uniform(-STRETCH, STRETCH, 2))
    scaled = np.maximum(1, np.round(np.array(mask.shape) * zoom)).astype(int)
    padding = np.array(size) - scaled
    corner = rng.random(2) * padding  # negative where the photo is larger than the window
    if rng.random() < FOCUSED:
        corner = rng.random(2) * size - focus(mask, rng) * scaled
        corner = np.clip(corner, np.minimum(padding, 0), np.maximum(padding, 0))
    corner = np.round(corner).astype(int)
    shrinks = scaled[0] <= mask.shape[0]
    pixels = cv2.resize(pixels, scaled[::-1].tolist(), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    mask = cv2.resize(mask, scaled[::-1].tolist(), interpolation=cv2.INTER_NEAREST_EXACT)
    return recolour(in_window(pixels, corner, size, GREY), rng), in_window(mask, corner, size, outside)


def focus(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one of the classes of a mask, then one of its pixels; return its row and column as fractions of the size."""
    labels = np.setdiff1d(np.unique(mask), [IGNORED])
    if not len(labels):
        return rng.random(2)
    pixels = np.flatnonzero(mask == labels[rng.integers(len(labels))])
    return np.array(np.unravel_index(pixels[rng.integers(len(pixels))], mask.shape)) / mask.shape
