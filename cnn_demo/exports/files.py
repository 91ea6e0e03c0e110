"""All files of one segmented photo, written into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import supervision as sv

from cnn_demo.drawing.masks import cut_out, instance_map, overlay, overlay_instances
from cnn_demo.drawing.palette import class_colours, object_colours
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.masks import as_coco_masks, as_polygons, indexed_png
from cnn_demo.models.segmentation.classical_instances import classes_as_detections
from cnn_demo.results import Segmentation


def write_masks(
    folder: Path, photo: Path, pixels: np.ndarray, prediction: Segmentation | sv.Detections, labels: tuple[str, ...]
) -> tuple[Path, ...]:
    """Write all mask files of one photo.

    Args:
        folder: Output folder, created if missing; files of the same names are replaced.
        photo: Path of the photo, from which NAME is taken.
        pixels: (H, W, 3) uint8 RGB, the network's photo.
        prediction: The prediction: a class for each pixel, or objects with masks.
        labels: All classes of the network.

    Returns:
        NAME_mask.png (indexed: the class, or the number of the object from 1 on), NAME_overlay.png, NAME_cutout.png
        (without the background), NAME_coco.json and NAME_polygons.json.

    Raises:
        OSError: If they cannot be written.
    """
    if isinstance(prediction, Segmentation):
        colours = class_colours(labels)
        index_map = prediction.class_map
        foreground = prediction.foreground()
        overlaid = overlay(pixels, index_map, colours, shown=foreground)
        detections = classes_as_detections(prediction)
    else:
        index_map = instance_map(prediction, pixels.shape[:2])
        colours = object_colours(int(index_map.max()))
        foreground = index_map > 0
        overlaid = overlay_instances(pixels, prediction)
        detections = prediction
    contents = {
        "mask.png": indexed_png(index_map, colours),
        "overlay.png": png_bytes(overlaid),
        "cutout.png": png_bytes(cut_out(pixels, foreground)),
        "coco.json": _json(as_coco_masks(detections, photo.name, labels)),
        "polygons.json": _json(as_polygons(detections)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in contents.items():
        paths.append(folder / f"{photo.stem}_{name}")
        paths[-1].write_bytes(content)
    return tuple(paths)


def _json(facts: dict | list) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode("utf-8")
