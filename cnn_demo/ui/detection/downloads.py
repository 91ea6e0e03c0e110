"""Page 6: detections as files to download."""

import json

import supervision as sv

from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.boxes import as_coco, as_csv, as_json, as_yolo
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.ui.widgets.file_buttons import File, file_buttons, stem_of


def downloads(photo: Photo, spec: ModelSpec, found: sv.Detections) -> None:
    """Offer the picture with its boxes, and the boxes as JSON, CSV, COCO's JSON and YOLO's text."""
    from cnn_demo.drawing.boxes import drawn

    stem = stem_of(photo)
    size = photo.size

    def text(value: dict) -> str:
        return json.dumps(value, indent=1)

    files: dict[str, File] = {
        "Picture": (lambda: png_bytes(drawn(photo.pixels, found)), f"{stem} boxed.png", "image/png"),
        "JSON": (
            lambda: text({"photo": photo.name, "model": spec.key, **as_json(found)}),
            f"{stem}.json",
            "application/json",
        ),
        "CSV": (lambda: as_csv(found), f"{stem}.csv", "text/csv"),
        "COCO": (
            lambda: text(as_coco(found, photo.name, size, spec.labels)),
            f"{stem} coco.json",
            "application/json",
        ),
        "YOLO": (lambda: as_yolo(found, size), f"{stem}.txt", "text/plain"),
    }
    file_buttons("detect_download", files, _HELP)


_HELP = {
    "COCO": "A COCO dataset of this one photo, for annotation tools and pycocotools.",
    "YOLO": "A label file in YOLO format: class, centre and size as fractions of the photo's sides.",
}
