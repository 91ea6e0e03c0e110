"""The published data sets that the bundled networks were trained on, read from one archive each.

The archives are not part of the project: the cards under `assets/weights` name the source of each set. Every split is
made here, by file number, so that training and evaluation cannot disagree about it.
"""

import argparse
import csv
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from cnn_demo.models.catalogue.registry import CIFAR10_LABELS, LOCALIZER_LABELS

DATA = Path("data")
CIFAR10_VALIDATION = 500  # validation images of each class, the last ones by file number
HELD_BACK = 0.15  # of each class or archive, the last ones by file number
SMALL_THINGS = 150  # of each class of CIFAR-10
LONGEST = 320  # longer side in pixels of the localizer's photos
BACKGROUNDS = {  # archive -> its photos without airplane, face or motorcycle
    "pets": "pets/more_cats/",
    "clothing": "clothing/",
    "cards": "cards/train/",
    "raccoon": "raccoon/",
    "bccd": "bccd/train/",
}
RACCOONS_WITH_PEOPLE = (100, 104, 105, 136, 160, 19, 25, 26)
WITH_PEOPLE = {f"raccoon-{number}.jpg" for number in RACCOONS_WITH_PEOPLE} | {"Sphynx_110.jpg"}  # faces to be seen


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Return a program's parser, with the folder of the archives as its first argument.

    Args:
        description: The program's docstring, whose first line is its help.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the archives")
    return parser


@dataclass(frozen=True)
class LabelledImages:
    """Images (N, H, W, 3) uint8 RGB and their labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray


def read_cifar10(folder: Path = DATA) -> tuple[LabelledImages, LabelledImages]:
    """Read the training images of CIFAR-10 from `cifar10.tar.gz`, which holds `train/LABEL/NUMBER.jpg`.

    Args:
        folder: Folder of the archive.

    Returns:
        (training, validation): 45,000 and 5,000 images; of each class the last 500 by file number are validation.

    Raises:
        FileNotFoundError: If the archive is not there.
    """
    training: tuple[list, list] = ([], [])
    validation: tuple[list, list] = ([], [])
    archive = read_archive(folder / "cifar10.tar.gz")
    files = sorted((Path(name), data) for name, data in archive.items() if name.endswith(".jpg"))
    of_class = {label: [path for path, _ in files if path.parent.name == label] for label in CIFAR10_LABELS}
    held_back = {path for paths in of_class.values() for path in paths[-CIFAR10_VALIDATION:]}
    for path, data in files:
        images, labels = validation if path in held_back else training
        images.append(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        labels.append(CIFAR10_LABELS.index(path.parent.name))
    return _stacked(*training), _stacked(*validation)


def _stacked(images: list[np.ndarray], labels: list[int]) -> LabelledImages:
    return LabelledImages(np.stack(images), np.array(labels))


@dataclass(frozen=True)
class BoxedPhoto:
    """A photo of one object.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, its longer side at most `LONGEST`.
        box: (4,) float32: xmin, ymin, xmax, ymax in these pixels.
        label: Index into `LOCALIZER_LABELS`.
        name: Class and file number, "face/0341".
    """

    pixels: np.ndarray
    box: np.ndarray
    label: int
    name: str = ""


def read_caltech3(folder: Path = DATA) -> tuple[list[BoxedPhoto], list[BoxedPhoto]]:
    """Read `caltech3.tar.gz`, which holds `CLASS/image_NUMBER.jpg` and `CLASS.csv` with a box for each.

    Args:
        folder: Folder of the archive.

    Returns:
        (training, validation): of each class the last 15% by file number are validation.

    Raises:
        FileNotFoundError: If the archive is not there.
    """
    files = read_archive(folder / "caltech3.tar.gz")
    training: list[BoxedPhoto] = []
    validation: list[BoxedPhoto] = []
    for label, name in enumerate(LOCALIZER_LABELS):
        table = files[f"caltech3/{name}.csv"].decode().splitlines()
        rows = sorted(csv.DictReader(table), key=lambda row: row["file"])
        held_back = len(rows) - round(HELD_BACK * len(rows))
        for number, row in enumerate(rows):
            pixels, scale = decode(files[f"caltech3/{name}/{row['file']}"])
            corners = np.array([float(row[side]) for side in ("xmin", "ymin", "xmax", "ymax")]) * scale
            height, width = pixels.shape[:2]
            box = np.clip(corners, 0, (width, height, width, height)).astype(np.float32)
            photo = BoxedPhoto(pixels, box, label, f"{name}/{Path(row['file']).stem.rpartition('_')[2]}")
            (training if number < held_back else validation).append(photo)
    return training, validation


def read_backgrounds(
    folder: Path = DATA, archives: tuple[str, ...] = tuple(BACKGROUNDS)
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read photos that show no airplane, face or motorcycle: cats, clothes, playing cards, raccoons, blood cells.

    Photos that show a face are left out (`WITH_PEOPLE`).

    Args:
        folder: Folder of `pets.tar.gz`, `clothing.tar.gz`, `cards.tar.gz`, `raccoon.tar.gz` and `bccd.tar.gz`.
        archives: Keys of `BACKGROUNDS`, which to read of these.

    Returns:
        (training, validation): pixels, longer side at most `LONGEST`; of each archive the last 15% by file name are
        validation.

    Raises:
        FileNotFoundError: If an archive is not there.
    """
    training, validation = [], []
    for archive in archives:
        part = BACKGROUNDS[archive]
        files = read_archive(folder / f"{archive}.tar.gz")
        names = sorted(name for name in files if name.startswith(part) and name.endswith((".jpg", ".JPG", ".jpeg")))
        names = [name for name in names if Path(name).name not in WITH_PEOPLE]
        pixels = [decode(files[name])[0] for name in names]
        held_back = len(pixels) - round(HELD_BACK * len(pixels))
        training += pixels[:held_back]
        validation += pixels[held_back:]
    return training, validation


def read_streets(folder: Path = DATA) -> list[np.ndarray]:
    """Read the validation part of `camvid.tar.gz`, street scenes that nothing of the localizer's training resembles.

    CamVid is for non-commercial use: it is measured with, never trained on, so that the weights stay free of that.
    """
    files = read_archive(folder / "camvid.tar.gz")
    return [decode(files[name])[0] for name in sorted(files) if name.startswith("camvid/val/")]


def read_distractors(folder: Path = DATA) -> list[np.ndarray]:
    """Read pictures of 32 × 32 of animals, cars, ships and trucks, to be pasted where no object is meant.

    Args:
        folder: Folder of `cifar10.tar.gz`.

    Returns:
        (32, 32, 3) uint8: the first `SMALL_THINGS` by file number of each class but airplane.
    """
    found: dict[str, int] = {}
    pictures = []
    with tarfile.open(folder / "cifar10.tar.gz") as archive:
        for member in archive:
            label = Path(member.name).parent.name
            if label in CIFAR10_LABELS[1:] and found.get(label, 0) < SMALL_THINGS:
                found[label] = found.get(label, 0) + 1
                pictures.append(np.asarray(Image.open(_contents(archive, member)).convert("RGB")))
    return pictures


def read_archive(path: Path) -> dict[str, bytes]:
    """Read all files of an archive into memory, by their names."""
    with tarfile.open(path) as archive:
        return {member.name: _contents(archive, member).read() for member in archive if member.isfile()}


def _contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    if file is None:
        raise ValueError(f"{member.name} is no file of the archive.")
    return file


def decode(data: bytes, longest: int = LONGEST) -> tuple[np.ndarray, float]:
    """Return the pixels, their longer side at most `longest`, and the scale factor of their coordinates."""
    picture = Image.open(io.BytesIO(data))
    scale = min(1.0, longest / max(picture.size))
    width = max(1, round(picture.width * scale))
    height = max(1, round(picture.height * scale))
    picture.draft("RGB", (2 * width, 2 * height))  # large JPEGs are decoded at half or a quarter of their size
    return np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BOX)), scale
