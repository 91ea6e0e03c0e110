"""All files of one segmented photo, written into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv

from cnn_demo.detections import class_ids
from cnn_demo.drawing.masks import cut_out, numbered, overlay
from cnn_demo.drawing.palette import class_colours, object_colours
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.full_size import (
    file_class_map,
    file_detections,
    file_facts,
    file_masks,
    file_pixels,
    file_size,
)
from cnn_demo.exports.masks import as_coco_masks, as_polygons, indexed_png
from cnn_demo.exports.names import safe_stem
from cnn_demo.images import Photo
from cnn_demo.models.segmentation.classical_instances import classes_as_detections
from cnn_demo.results import BACKGROUND, Segmentation


def write_masks(
    folder: Path, stem: str, photo: Photo, prediction: Segmentation | sv.Detections, labels: tuple[str, ...]
) -> tuple[Path, ...]:
    """Write all mask files of one photo, in the pixels of its file.

    Args:
        folder: Output folder, created if missing; files of the same names are replaced.
        stem: NAME, with which the names of the files begin.
        photo: The photo.
        prediction: The prediction: a class for each pixel, or objects with masks.
        labels: All classes of the network.

    Returns:
        NAME_mask.png (indexed: the class, or the number of the object from 1 on), NAME_overlay.png, NAME_cutout.png
        (without the background), NAME_coco.json and NAME_polygons.json.

    Raises:
        OSError: If they cannot be written.
    """
    pixels, size = file_pixels(photo), file_size(photo)
    found = mask_files(photo, prediction)
    if isinstance(prediction, Segmentation):
        colours = class_colours(labels)
        foreground = np.isin(found.index_map, [i for i, label in enumerate(labels) if label != BACKGROUND])
    else:
        colours = object_colours(int(found.index_map.max()))
        foreground = found.index_map > 0
    contents = {
        "mask.png": indexed_png(found.index_map, colours),
        "overlay.png": png_bytes(overlay(pixels, found.index_map, colours, shown=foreground)),
        "cutout.png": png_bytes(cut_out(pixels, foreground)),
        "coco.json": _json(as_coco_masks(found.detections, found.masks(), photo.file_name, size, labels)),
        "polygons.json": _json(file_facts(photo) | {"objects": as_polygons(found.detections, found.masks())}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in contents.items():
        paths.append(folder / f"{stem}_{name}")
        paths[-1].write_bytes(content)
    return tuple(paths)


@dataclass(frozen=True)
class MaskFiles:
    """A prediction in pixels of the photo's file, as the exports need it.

    Attributes:
        index_map: (height, width) uint8: the class of each pixel, or the number of its object from 1 on.
        detections: Detections with boxes in pixels of the file: a class each, or the objects.
        masks: Function that yields their masks, (height, width) bool, one at a time.
    """

    index_map: np.ndarray
    detections: sv.Detections
    masks: Callable[[], Iterator[np.ndarray]]


def mask_files(photo: Photo, prediction: Segmentation | sv.Detections) -> MaskFiles:
    """Enlarge a prediction on `photo.pixels` to the size of the photo's file."""
    if isinstance(prediction, Segmentation):
        index_map = file_class_map(photo, prediction.class_map)
        detections = file_detections(photo, classes_as_detections(prediction))
        return MaskFiles(index_map, detections, lambda: (index_map == i for i in class_ids(detections)))
    index_map = numbered(file_masks(photo, prediction), file_size(photo))
    return MaskFiles(index_map, file_detections(photo, prediction), lambda: file_masks(photo, prediction))


def unique_stems(paths: Sequence[Path]) -> list[str]:
    """Return a name for the files of each photo: its stem, with a number if photos in several folders have the same.

    Example:
        >>> unique_stems([Path("a/IMG_1.jpg"), Path("b/img_1.png"), Path("IMG_1_2.jpg")])
        ['IMG_1', 'img_1_3', 'IMG_1_2']
    """
    owners: dict[str, int] = {}  # the first photo with a name keeps it
    wanted = [safe_stem(path.name) for path in paths]
    for index, stem in enumerate(wanted):
        owners.setdefault(stem.casefold(), index)
    stems = []
    for index, own in enumerate(wanted):
        stem, number = own, 1
        while owners.setdefault(stem.casefold(), index) != index:
            number += 1
            stem = f"{own}_{number}"
        stems.append(stem)
    return stems


def _json(facts: dict | list) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode("utf-8")
