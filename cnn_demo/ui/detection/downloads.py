"""Page 6: detections as files to download, in pixels of the photo's file."""

import json
from functools import cache

import numpy as np
import supervision as sv

from cnn_demo.exports.boxes import as_coco, as_crops, as_csv, as_json, as_yolo_dataset, jpeg_file
from cnn_demo.exports.full_size import file_detections, file_facts, file_pixels, file_size
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.ui.widgets.file_buttons import File, file_buttons, stem_of


def downloads(photo: Photo, spec: ModelSpec, found: sv.Detections) -> None:
    """Offer the picture with its boxes, the boxes in four formats, YOLO's with its `data.yaml`, and the crops."""
    from cnn_demo.drawing.boxes import drawn

    stem, name, size = stem_of(photo), photo.file_name, file_size(photo)

    @cache
    def boxes() -> sv.Detections:
        return file_detections(photo, found)

    def pixels() -> np.ndarray:
        return file_pixels(photo)

    def text(value: dict) -> str:
        return json.dumps(value, indent=1, ensure_ascii=False)

    files: dict[str, File] = {
        "Picture": (lambda: jpeg_file(drawn(pixels(), boxes())), f"{stem} boxed.jpg", "image/jpeg"),
        "JSON": (
            lambda: text({**file_facts(photo), "model": spec.key, **as_json(boxes())}),
            f"{stem}.json",
            "application/json",
        ),
        "CSV": (lambda: as_csv(boxes(), name, size), f"{stem}.csv", "text/csv"),
        "COCO": (
            lambda: text(as_coco(boxes(), name, size, spec.labels)),
            f"{stem} coco.json",
            "application/json",
        ),
        "YOLO": (
            lambda: as_yolo_dataset(boxes(), name, pixels(), spec.labels),
            f"{stem} yolo.zip",
            "application/zip",
        ),
        "Crops": (lambda: as_crops(boxes(), name, pixels()), f"{stem} crops.zip", "application/zip"),
    }
    file_buttons("detect_download", files, _HELP)


_HELP = {
    "COCO": "A COCO dataset of this one photo, for annotation tools and pycocotools.",
    "YOLO": "A dataset for Ultralytics: the photo, its label file, and data.yaml with the names of the classes.",
    "Crops": "Each object as a JPEG, cut out of the photo in full resolution.",
}
