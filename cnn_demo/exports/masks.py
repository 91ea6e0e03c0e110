"""Export of masks: indexed PNG, COCO JSON and polygons."""

from __future__ import annotations

import io

import numpy as np
import supervision as sv
from PIL import Image

from cnn_demo.detections import class_names, confidences, masks
from cnn_demo.drawing.masks import BLANK
from cnn_demo.exports.boxes import as_coco


def indexed_png(class_map: np.ndarray, colours: np.ndarray, blank: np.ndarray | None = None) -> bytes:
    """Write a class map as a PNG with a palette: programs read class ids, and people see colours.

    Args:
        class_map: (H, W) integers from 0 to below the number of colours.
        colours: (C, 3) uint8 RGB; `BLANK` is kept for pixels without a class.
        blank: (H, W) bool, pixels that get the index `BLANK`, shown white; None for none.

    Raises:
        ValueError: If there are more than 255 colours, or fewer than classes.
    """
    if len(colours) > BLANK:
        raise ValueError(f"An indexed PNG holds {BLANK} classes, not {len(colours)}.")
    if class_map.max() >= len(colours):
        raise ValueError(f"{class_map.max() + 1} classes need as many colours, not {len(colours)}.")
    indices = class_map.astype(np.uint8)
    if blank is not None:
        indices[blank] = BLANK
    table = np.full((256, 3), 255, np.uint8)
    table[: len(colours)] = colours
    picture = Image.fromarray(indices)
    picture.putpalette(table.tobytes())  # makes it one of mode "P"
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def run_lengths(mask: np.ndarray) -> dict:
    """Return a mask (H, W) bool in COCO's run-length encoding: `size`, and `counts` as text."""
    from pycocotools.mask import encode

    encoded = encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(length) for length in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def as_coco_masks(detections: sv.Detections, name: str, labels: tuple[str, ...]) -> dict:
    """Return a COCO data set of one photo: as `as_coco`, and each annotation with its mask, run-length encoded.

    Args:
        detections: Detections with masks; those of `classical_instances.classes_as_detections` are a class each.
        name: File name of the photo.
        labels: All classes of the network; COCO counts them from 1.

    Raises:
        ValueError: If the detections have no masks.
    """
    pixels = masks(detections)
    dataset = as_coco(detections, name, pixels.shape[1:], labels)
    for annotation, mask in zip(dataset["annotations"], pixels, strict=True):
        annotation |= {"segmentation": run_lengths(mask), "area": float(mask.sum()), "iscrowd": 0}
    return dataset


def as_polygons(detections: sv.Detections) -> list[dict]:
    """Return the outlines of the masks: for each object `class`, `confidence` and `polygons`.

    Returns:
        Polygons are lists of [x, y] in pixels of the photo, through the middles of the outermost pixels; an object has
        several if it is in several pieces. Holes are filled, and pieces of one or two pixels have no outline.

    Raises:
        ValueError: If the detections have no masks.
    """
    return [
        {
            "class": name,
            "confidence": round(float(confidence), 4),
            "polygons": [polygon.tolist() for polygon in sv.mask_to_polygons(mask)],
        }
        for mask, name, confidence in zip(
            masks(detections), class_names(detections), confidences(detections), strict=True
        )
    ]
