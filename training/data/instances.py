"""Photographs with a mask for every object, of the twenty classes of Pascal VOC."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from cnn_demo.models.segmentation.metrics import IGNORED
from training.data.composites import boxes_around
from training.data.datasets import decode, read_archive
from training.data.everyday import LABELS, LONGEST, voc_label
from training.data.masks import MaskedPhoto, decode_levels, foreground, read_pets, view
from training.everyday_unet import everyday_pets

ZOOMS = (0.5, 1.8)  # times the size at which the photo just fits
MIN_PIXELS = 60  # visible pixels of an object for it to count


@dataclass(frozen=True)
class InstancePhoto:
    """A photo with the masks of N objects.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        instances: (H, W) uint8: k for a pixel of the k-th object, 0 for none, `IGNORED` where it is not known.
        class_ids: (N,) int64, of `LABELS`.
        name: Name of its file.
    """

    pixels: np.ndarray = field(repr=False)
    instances: np.ndarray = field(repr=False)
    class_ids: np.ndarray
    name: str


def read_voc_instances(folder: Path, pseudo: Path | None = None) -> tuple[list[InstancePhoto], list[InstancePhoto]]:
    """Read the photos of `voc_train.tar.gz` whose objects have masks.

    Args:
        folder: Folder with the archives.
        pseudo: Folder with the files of `training.pseudo_masks` for training photos without masks; None for none.

    Returns:
        (training, validation), as the archive splits them; pseudo-masks are in the training part only.

    Raises:
        FileNotFoundError: If the archive is missing.
    """
    files = read_archive(folder / "voc_train.tar.gz")
    class_ids: dict[str, list[int]] = {}
    for row in csv.DictReader(files["voc/boxes.csv"].decode().splitlines()):
        class_ids.setdefault(row["file"], []).append(LABELS.index(voc_label(row["label"]) or ""))
    training: list[InstancePhoto] = []
    validation: list[InstancePhoto] = []
    for photo in csv.DictReader(files["voc/photos.csv"].decode().splitlines()):
        name = photo["file"]
        held_back = photo["split"] == "val"
        data = files.get(f"voc/instances/{Path(name).stem}.png")
        path = None if pseudo is None or held_back else pseudo / f"{Path(name).stem}.png"
        if data is not None:
            instances = decode_levels(data)
        elif path is not None and path.is_file():
            instances = np.array(Image.open(path))
        else:
            continue
        pixels = decode(files[f"voc/images/{name}"], LONGEST)[0]
        read = InstancePhoto(pixels, instances, np.array(class_ids.get(name, []), np.int64), name)
        (validation if held_back else training).append(read)
    return training, validation


def read_coco_instances(folder: Path) -> list[InstancePhoto]:
    """Read the training photos of `coco_small.tar.gz`: objects of the twenty classes, drawn from their polygons.

    Raises:
        FileNotFoundError: If the archive is missing.
    """
    files = read_archive(folder / "coco_small.tar.gz")
    polygons = json.loads(files["coco_small/polygons.json"])
    photos = []
    for row in csv.DictReader(files["coco_small/photos.csv"].decode().splitlines()):
        name = row["file"]
        if row["split"] == "val" or name not in polygons:
            continue
        pixels, scale = decode(files[f"coco_small/images/{name}"], LONGEST)
        photos.append(drawn(pixels, polygons[name], scale, name))
    return [photo for photo in photos if len(photo.class_ids)]


def drawn(pixels: np.ndarray, objects: list[Mapping], scale: float, name: str) -> InstancePhoto:
    """Draw polygons into a map of instances; the largest first, so that small objects in front of it stay visible.

    Args:
        pixels: (H, W, 3) uint8.
        objects: `label`, a name of COCO, and `polygons`, [x, y, x, y, ...] in pixels of the file.
        scale: Pixels of `pixels` for each pixel of the file.
        name: Name of the file.
    """
    class_ids: list[int] = []
    masks: list[np.ndarray] = []
    for each in objects:
        label = voc_label(each["label"])
        if label is None or len(class_ids) + 1 == IGNORED:
            continue
        mask = np.zeros(pixels.shape[:2], np.uint8)
        corners = [np.round(np.reshape(points, (-1, 2)) * scale).astype(np.int32) for points in each["polygons"]]
        cv2.fillPoly(mask, corners, 1)
        class_ids.append(LABELS.index(label))
        masks.append(mask)
    instances = np.zeros(pixels.shape[:2], np.uint8)
    for index in sorted(range(len(masks)), key=lambda i: -int(masks[i].sum())):
        instances[masks[index] > 0] = index + 1
    return InstancePhoto(pixels, instances, np.array(class_ids, np.int64), name)


def read_pet_instances(folder: Path) -> list[InstancePhoto]:
    """Read the training pets of `pets.tar.gz`, one in each photo; half of the trimap's border belongs to the pet.

    Raises:
        FileNotFoundError: If the archive is missing.
    """
    photos = []
    for photo in everyday_pets(read_pets(folder)[0]):
        labels = np.setdiff1d(np.unique(photo.mask), [0, IGNORED]).astype(np.int64)[:1]
        if len(labels):
            photos.append(InstancePhoto(photo.pixels, foreground(photo.mask).astype(np.uint8), labels - 1, photo.name))
    return photos


def instance_view(
    photo: InstancePhoto, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Show a photo in a square window at random scale and position, mirrored or not, in changed light.

    Returns:
        pixels (side, side, 3) uint8, instances (side, side) uint8 numbered from 1 or `IGNORED`, the boxes (N, 4)
        float32 around the visible pixels of each, and their class ids (N,) int64.
    """
    fits = side / max(photo.instances.shape)
    masked = MaskedPhoto(photo.pixels, photo.instances, photo.name)
    pixels, instances = view(masked, (side, side), (ZOOMS[0] * fits, ZOOMS[1] * fits), rng, outside=0)
    visible = np.bincount(instances.ravel(), minlength=256)
    kept = [number for number in range(1, len(photo.class_ids) + 1) if visible[number] >= MIN_PIXELS]
    table = np.zeros(256, np.uint8)
    table[kept] = np.arange(1, len(kept) + 1)
    table[IGNORED] = IGNORED
    numbered = table[instances]
    boxes = boxes_around([numbered == number + 1 for number in range(len(kept))])
    return pixels, numbered, boxes, photo.class_ids[np.array(kept, int) - 1]


def truth_of(photo: InstancePhoto) -> tuple[np.ndarray, np.ndarray]:
    """Return the ground-truth masks (T, H, W) bool of the objects with pixels, and their class ids (T,)."""
    numbers = [k for k in range(1, len(photo.class_ids) + 1) if (photo.instances == k).any()]
    masks = np.array([photo.instances == k for k in numbers], bool).reshape(-1, *photo.instances.shape)
    return masks, photo.class_ids[np.array(numbers, int) - 1]
