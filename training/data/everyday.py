"""The photographs that the everyday networks learn from: twenty classes of Pascal VOC, and photos with pseudo-labels.

Pascal VOC's photos have a box for every object; those of COCO too, whose classes are renamed. Further photos have none:
a published detector, YOLO11n, labels them once (`training.pseudo_labels`), and the card names them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnn_demo.models.boxes import area
from cnn_demo.models.catalogue.class_names import common_name
from cnn_demo.models.catalogue.segmentation_models import VOC_LABELS
from training.data.assorted import EVERY, Labelled
from training.data.datasets import decode, read_archive, read_backgrounds, read_caltech3
from training.data.masks import decode_levels

LABELS = VOC_LABELS[1:]
NOTHING = len(LABELS)  # class of a photo without any of them, for the localizer
LONGEST = 352  # pixels of the longer side that photos are kept with
OTHER_OBJECTS = ("book", "flower", "sign", "label")  # MSRC's boxes that are of none of the twenty classes
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class EverydayPhoto(Labelled):
    """A photo with its boxes, and which of them are difficult: small, cut off or hidden objects.

    Attributes:
        difficult: (N,) bool.
        mask: (H, W) uint8, 0 background, class id + 1, 255 ignored; None if the photo has no mask.
    """

    difficult: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    mask: np.ndarray | None = field(default=None, repr=False)

    @property
    def ground_truth(self) -> tuple[np.ndarray, ...]:
        """Boxes, class ids, and whether each box is difficult."""
        return self.boxes, self.class_ids, self.difficult

    @property
    def may_be_mirrored(self) -> tuple[bool, bool]:
        """Whether it may be flipped horizontally, and vertically."""
        return True, False


def voc_label(name: str) -> str | None:
    """Return the common name of a class of VOC or COCO; None if VOC does not have it."""
    name = common_name(name)
    return name if name in LABELS else None


def read_voc(folder: Path) -> tuple[list[EverydayPhoto], list[EverydayPhoto]]:
    """Read `voc_train.tar.gz`.

    Args:
        folder: Folder with the archives.

    Returns:
        (training, validation), as the archive splits them: `train` and `trainval`, and `val`.

    Raises:
        FileNotFoundError: If the archive is missing.
    """
    return _read_boxes(folder / "voc_train.tar.gz", "voc", lambda mask: mask)


def read_coco(folder: Path) -> tuple[list[EverydayPhoto], list[EverydayPhoto]]:
    """Read `coco_small.tar.gz`: the boxes and pixels of the classes that Pascal VOC has too.

    Args:
        folder: Folder with the archives.

    Returns:
        (training, validation), as the archive splits them.

    Raises:
        FileNotFoundError: If the archive is missing.
    """
    names = read_archive(folder / "coco_small.tar.gz")["coco_small/classes.txt"].decode().splitlines()
    table = np.zeros(256, np.uint8)
    for line in names:
        number, _, name = line.partition(" ")
        table[int(number)] = LABELS.index(label) + 1 if (label := voc_label(name)) else 0
    table[255] = 255
    return _read_boxes(folder / "coco_small.tar.gz", "coco_small", lambda mask: table[mask])


def _read_boxes(
    archive: Path, root: str, to_classes: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[EverydayPhoto], list[EverydayPhoto]]:
    files = read_archive(archive)
    rows: dict[str, list[dict]] = {}
    for row in csv.DictReader(files[f"{root}/boxes.csv"].decode().splitlines()):
        if voc_label(row["label"]):
            rows.setdefault(row["file"], []).append(row)
    training: list[EverydayPhoto] = []
    validation: list[EverydayPhoto] = []
    for photo in csv.DictReader(files[f"{root}/photos.csv"].decode().splitlines()):
        name = photo["file"]
        own = rows.get(name, [])
        pixels, scale = decode(files[f"{root}/images/{name}"], LONGEST)
        height, width = pixels.shape[:2]
        boxes = np.array([[float(row[side]) for side in SIDES] for row in own], np.float32).reshape(-1, 4) * scale
        data = files.get(f"{root}/masks/{Path(name).stem}.png")
        read = EverydayPhoto(
            pixels,
            np.clip(boxes, 0, (width, height, width, height)).astype(np.float32),
            np.array([LABELS.index(voc_label(row["label"])) for row in own], np.int64),
            name,
            np.array([row["difficult"] == "1" for row in own], bool),
            None if data is None else to_classes(decode_levels(data)),
        )
        (validation if photo["split"] == "val" else training).append(read)
    return training, validation


def read_unlabelled(folder: Path) -> dict[str, np.ndarray]:
    """Read the photos that get pseudo-labels: pets, Caltech's objects, landscapes and street photos of people.

    The held-back photos of `masks.read_pets` and `read_caltech3` are not among them.

    Args:
        folder: Folder with the archives.

    Returns:
        Name to pixels (H, W, 3) uint8, longer side at most `LONGEST`.

    Raises:
        FileNotFoundError: If an archive is missing.
    """
    photos = {photo.name: photo.pixels for photo in read_caltech3(folder)[0]}
    files = read_archive(folder / "pets.tar.gz")
    names = sorted(name for name in files if name.startswith("pets/images/"))
    names = [name for number, name in enumerate(names) if number % EVERY]
    names += sorted(name for name in files if name.startswith("pets/more_cats/") and name.endswith(".jpg"))
    photos |= {name: decode(files[name], LONGEST)[0] for name in names}
    for archive, limit in (("scenes_msrc", None), ("people_clothes", 400)):
        files = read_archive(folder / f"{archive}.tar.gz")
        table = csv.DictReader(files[_table_of(files)].decode().splitlines())
        names = [row["file"] for row in table if row["split"] == "train"][:limit]
        photos |= {name: decode(files[_image_of(files, name)], LONGEST)[0] for name in names}
    return photos


def _table_of(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.endswith("/photos.csv"))


def _image_of(files: dict[str, bytes], name: str) -> str:
    return next(path for path in files if path.endswith(f"/images/{name}"))


def main_object(boxes: np.ndarray, class_ids: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the class and the box (4,) of the object with the largest box, of (N, 4) boxes and (N,) classes."""
    largest = area(boxes).argmax()
    return int(class_ids[largest]), boxes[largest]


def read_nothing(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read photos that show none of the twenty classes.

    Clothes, playing cards and blood cells, and photos of COCO and landscapes without an annotated box of these.

    Args:
        folder: Folder with the archives.

    Returns:
        (training, validation): pixels (H, W, 3) uint8, longer side at most `LONGEST`.

    Raises:
        FileNotFoundError: If an archive is missing.
    """
    training, validation = read_backgrounds(folder, ("clothing", "cards", "bccd"))
    for part, photos in zip((training, validation), read_coco(folder), strict=True):
        part += [photo.pixels for photo in photos if not len(photo.boxes)]
    files = read_archive(folder / "scenes_msrc.tar.gz")
    boxes = csv.DictReader(files["scenes_msrc/boxes.csv"].decode().splitlines())
    labelled = {row["file"] for row in boxes if row["label"] not in OTHER_OBJECTS}
    for row in csv.DictReader(files["scenes_msrc/photos.csv"].decode().splitlines()):
        if row["file"] not in labelled:
            pixels = decode(files[f"scenes_msrc/images/{row['file']}"], LONGEST)[0]
            (training if row["split"] == "train" else validation).append(pixels)
    return training, validation
