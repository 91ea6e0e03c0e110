"""An explanation as files in the size of the photo's file: the heatmap over the photo, the map, and the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cnn_demo.drawing.boxes import draw_boxes
from cnn_demo.drawing.heatmaps import overlay
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.full_size import file_pixels, file_size
from cnn_demo.images import Photo

OPACITY = 0.6  # of the heatmap
WHITE = "#ffffff"


def write_explanation(
    folder: Path,
    stem: str,
    photo: Photo,
    values: np.ndarray,
    facts: Mapping[str, Any],
    boxes_xyxy: np.ndarray | None = None,
) -> tuple[Path, ...]:
    """Write the files of one explanation, in the pixels of the photo's file.

    Args:
        folder: Output folder, created if missing; files of the same names are replaced.
        stem: NAME, with which the names of the files begin.
        photo: The photo.
        values: (H, W) map on `photo.pixels`, 0 to 1.
        facts: Contents of the JSON file.
        boxes_xyxy: (N, 4) boxes to draw, in pixels of the file.

    Returns:
        NAME_heatmap.png (the map over the photo), NAME_map.png (its values in 16-bit grey, 0 to 65,535) and
        NAME_explanation.json.

    Raises:
        OSError: If they cannot be written.
    """
    height, width = file_size(photo)
    large = np.clip(cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)
    heatmap = overlay(file_pixels(photo), large, OPACITY)
    if boxes_xyxy is not None:
        heatmap = draw_boxes(heatmap, boxes_xyxy, [""] * len(boxes_xyxy), [WHITE] * len(boxes_xyxy))
    contents = {
        "heatmap.png": png_bytes(heatmap),
        "map.png": png_bytes(np.rint(large * 65535).astype(np.uint16)),
        "explanation.json": json.dumps(facts, ensure_ascii=False, indent=1).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in contents.items():
        paths.append(folder / f"{stem}_{name}")
        paths[-1].write_bytes(content)
    return tuple(paths)
