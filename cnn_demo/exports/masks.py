"""Export of masks: indexed PNG, COCO JSON and polygons."""

from __future__ import annotations

import io
from collections.abc import Iterable

import cv2
import numpy as np
import supervision as sv
from PIL import Image

from cnn_demo.detections import class_names, confidences
from cnn_demo.drawing.masks import BLANK
from cnn_demo.exports.boxes import as_coco
from cnn_demo.results import BACKGROUND


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

    encoded = encode(cv2.transpose(mask.astype(np.uint8)).T)  # in column order, as `np.asfortranarray` but faster
    return {"size": [int(length) for length in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def as_coco_masks(
    detections: sv.Detections, masks: Iterable[np.ndarray], name: str, size: tuple[int, int], labels: tuple[str, ...]
) -> dict:
    """Return a COCO data set of one photo: as `as_coco`, and each annotation with its mask, run-length encoded.

    The background, which is no object, is neither an annotation nor a category; the others keep their ids.

    Args:
        detections: Detections; those of `classical_instances.classes_as_detections` are a class each.
        masks: The mask of each detection, (H, W) bool.
        name: File name of the photo.
        size: (height, width) of the photo, and of the masks.
        labels: All classes of the network; COCO counts them from 1.
    """
    dataset = as_coco(detections, name, size, labels)
    kept: list[dict] = []
    for annotation, mask, label in zip(dataset["annotations"], masks, class_names(detections), strict=True):
        if label != BACKGROUND:
            annotation |= {"segmentation": run_lengths(mask), "area": float(mask.sum()), "iscrowd": 0}
            kept.append(annotation)
    dataset["annotations"] = kept
    dataset["categories"] = [each for each in dataset["categories"] if each["name"] != BACKGROUND]
    return dataset


def as_polygons(detections: sv.Detections, masks: Iterable[np.ndarray]) -> list[dict]:
    """Return the outlines of the masks: for each object but the background `class`, `confidence` and `polygons`.

    Args:
        detections: Detections.
        masks: The mask of each detection, (H, W) bool.

    Returns:
        An object has a polygon for each piece: `exterior`, a list of [x, y], and `holes`, a list of such lists. They
        are in pixels of the mask, through the middles of its outermost pixels. Pieces of one or two pixels are left
        out.
    """
    return [
        {"class": name, "confidence": round(float(confidence), 4), "polygons": rings(mask)}
        for name, confidence, mask in zip(class_names(detections), confidences(detections), masks, strict=True)
        if name != BACKGROUND
    ]


def rings(mask: np.ndarray) -> list[dict]:
    """Return the pieces of a mask (H, W) bool, each with its `exterior` and its `holes`."""
    outlines, hierarchy = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    pieces: dict[int, dict] = {}
    for index, (_, _, _, parent) in enumerate(hierarchy[0]):
        if parent < 0 and len(outlines[index]) > 2:
            pieces[index] = {"exterior": outlines[index][:, 0].tolist(), "holes": []}
    for index, (_, _, _, parent) in enumerate(hierarchy[0]):
        if parent in pieces and len(outlines[index]) > 2:
            pieces[parent]["holes"].append(outlines[index][:, 0].tolist())
    return list(pieces.values())
