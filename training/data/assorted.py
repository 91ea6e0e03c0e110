"""The merged set that the bundled detector learns from: fifteen classes from five published sets.

Most of the photos show one object in their middle. A network trained on nothing else learns these positions; so each
such photo comes a second time, its object pasted at random scale and position onto a photo of clothes.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnn_demo.models.catalogue.registry import ASSORTED_LABELS
from training.data.datasets import (
    BACKGROUNDS,
    HELD_BACK,
    RACCOONS_WITH_PEOPLE,
    WITH_PEOPLE,
    BoxedPhoto,
    decode,
    read_archive,
    read_caltech3,
    read_distractors,
)
from training.data.placement import Backgrounds, object_picture

LABELS = ASSORTED_LABELS
RANKS, CELLS = LABELS[6:12], LABELS[12:]
_CALTECH = ("airplane", "face", "motorcycle")  # as `LOCALIZER_LABELS` has them
_OF_BLOOD = {"RBC": "red cell", "WBC": "white cell", "Platelets": "platelet"}
EVERY = 7  # of the pets, sorted by breed, each seventh is held back: the last ones would be of one breed
LONGEST = 640  # longer side in pixels of the kept photos
PASTED_SIDE = 320


@dataclass(frozen=True)
class Labelled:
    """A photo with all its objects: pixels (H, W, 3) uint8, boxes (N, 4) corners in pixels, class ids (N,), a name."""

    pixels: np.ndarray = field(repr=False)
    boxes: np.ndarray
    class_ids: np.ndarray
    name: str

    @property
    def ground_truth(self) -> tuple[np.ndarray, ...]:
        """Boxes and class ids, and whether each box is difficult if annotated, as `class_precisions` takes them."""
        return self.boxes, self.class_ids

    @property
    def may_be_mirrored(self) -> tuple[bool, bool]:
        """Whether it may be flipped horizontally (letters may not), and vertically (blood cells may)."""
        labels = {LABELS[class_id] for class_id in self.class_ids}
        return not labels & set(RANKS), bool(labels & set(CELLS))


def read_assorted(folder: Path) -> tuple[list[Labelled], list[Labelled]]:
    """Read all sources.

    Args:
        folder: Folder of the archives `caltech3`, `pets`, `raccoon`, `cards` and `bccd`, as `.tar.gz`.

    Returns:
        (training, validation). Held back are of caltech3, raccoon and cards the last 15% by file number, of the pets
        each seventh, and of bccd its own validation part.

    Raises:
        FileNotFoundError: If an archive is not there.
    """
    training: list[Labelled] = []
    validation: list[Labelled] = []
    for part, held_back in zip((training, validation), read_caltech3(folder), strict=True):
        part += [_from_caltech(photo) for photo in held_back]
    pet_files = read_archive(folder / "pets.tar.gz")
    pets = _tabled(pet_files, "pets/head_boxes.csv", "pets/images/", lambda species: f"{species} head")
    training += [photo for number, photo in enumerate(pets) if number % EVERY]
    validation += pets[::EVERY]
    raccoon_files = read_archive(folder / "raccoon.tar.gz")
    people = {f"raccoon-{number}.jpg" for number in RACCOONS_WITH_PEOPLE}  # their faces are not labelled
    raccoons = [p for p in _tabled(raccoon_files, "raccoon/boxes.csv", "raccoon/") if p.name not in people]
    cards = _tabled(read_archive(folder / "cards.tar.gz"), "cards/train/boxes.csv", "cards/train/")
    for photos in (raccoons, cards):
        cut = len(photos) - round(HELD_BACK * len(photos))
        training += photos[:cut]
        validation += photos[cut:]
    smears = read_archive(folder / "bccd.tar.gz")
    for part, name in ((training, "train"), (validation, "val")):
        part += _tabled(smears, f"bccd/{name}/boxes.csv", f"bccd/{name}/", _OF_BLOOD.__getitem__)
    return training, validation


def _from_caltech(photo: BoxedPhoto) -> Labelled:
    label = LABELS.index(_CALTECH[photo.label])
    return Labelled(photo.pixels, photo.box[None], np.array([label]), photo.name.replace("/", "_"))


def _tabled(
    files: dict[str, bytes], table: str, images: str, rename: Callable[[str], str] = lambda name: name
) -> list[Labelled]:
    """Read the photos that a table of `file, xmin, ymin, xmax, ymax, label` names, in the order of their names."""
    rows: dict[str, list[dict]] = {}
    for row in csv.DictReader(files[table].decode().splitlines()):
        rows.setdefault(row["file"], []).append(row)
    photos = []
    for name in sorted(rows):
        pixels, scale = decode(files[images + name], LONGEST)
        height, width = pixels.shape[:2]
        corners = [[float(row[side]) for side in ("xmin", "ymin", "xmax", "ymax")] for row in rows[name]]
        boxes = np.clip(np.array(corners) * scale, 0, (width, height, width, height)).astype(np.float32)
        class_ids = np.array([LABELS.index(rename(row["label"])) for row in rows[name]])
        there = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        photos.append(Labelled(pixels, boxes[there], class_ids[there], name))
    return photos


def pasted(photos: list[Labelled], folder: Path, seed: int = 0) -> list[Labelled]:
    """Paste the object of each photo that has one onto another photo.

    Args:
        photos: Training photos.
        folder: Folder of `clothing.tar.gz` and `cifar10.tar.gz`.
        seed: Random seed.
    """
    clothes = read_archive(folder / "clothing.tar.gz")
    names = sorted(name for name in clothes if name.startswith(BACKGROUNDS["clothing"]))
    names = [name for name in names if Path(name).suffix.lower() in (".jpg", ".jpeg", ".png")]
    backgrounds = [decode(clothes[name])[0] for name in names if Path(name).name not in WITH_PEOPLE]
    scenery = Backgrounds(backgrounds, read_distractors(folder), PASTED_SIDE)
    rng = np.random.default_rng(seed)
    made = []
    for photo in photos:
        if len(photo.boxes) == 1:
            boxed = BoxedPhoto(photo.pixels, photo.boxes[0], 0, photo.name)
            picture, box = object_picture(boxed, scenery, rng)
            made.append(Labelled(picture, box[None] * PASTED_SIDE, photo.class_ids, f"pasted_{photo.name}"))
    return made
