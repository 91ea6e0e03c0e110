"""Export of detections: JSON, CSV, COCO JSON, a YOLO data set and crops.

Boxes are in pixels of the photo's file: callers pass the result of `full_size.file_detections`.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import supervision as sv
from PIL import Image
from supervision.dataset.formats.coco import classes_to_coco_categories, detections_to_coco_annotations
from supervision.dataset.formats.yolo import detections_to_yolo_annotations

from cnn_demo.detections import class_names, confidences
from cnn_demo.exports.names import safe_name, safe_stem

COLUMNS = ("number", "class", "confidence", "xmin", "ymin", "xmax", "ymax", "width", "height")
PHOTO_COLUMNS = ("photo", "photo_width", "photo_height")
QUALITY = 95  # of the JPEG files
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # as OWASP lists them, with their wide forms


def rows(detections: sv.Detections) -> list[dict]:
    """Return one row for each detection: `COLUMNS`, boxes in pixels of the photo to a tenth; numbers begin at 1."""
    table = []
    columns = zip(detections.xyxy.tolist(), confidences(detections).tolist(), class_names(detections), strict=True)
    for number, (box, confidence, name) in enumerate(columns, 1):
        left, top, right, bottom = (round(value, 1) for value in box)
        size = (round(right - left, 1), round(bottom - top, 1))
        values = (number, name, round(confidence, 4), left, top, right, bottom, *size)
        table.append(dict(zip(COLUMNS, values, strict=True)))
    return table


def as_json(detections: sv.Detections) -> dict:
    """Return the contents of a JSON file: `detections`, each with class, confidence and corners, and `counts`."""
    found = [
        {
            "class": row["class"],
            "confidence": row["confidence"],
            "box_xyxy": [row[side] for side in ("xmin", "ymin", "xmax", "ymax")],
        }
        for row in rows(detections)
    ]
    return {"counts": counts(detections), "detections": found}


def counts(detections: sv.Detections) -> dict[str, int]:
    """Return how many there are of each class, the most frequent first, then by name."""
    names = class_names(detections)
    return dict(sorted(((name, names.count(name)) for name in set(names)), key=lambda item: (-item[1], item[0])))


def as_csv(detections: sv.Detections, name: str, size: tuple[int, int]) -> str:
    """Return a table with a header: `COLUMNS` and `PHOTO_COLUMNS`.

    Args:
        detections: Detections on the photo.
        name: File name of the photo.
        size: (height, width) of the photo.
    """
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, (*COLUMNS, *PHOTO_COLUMNS), lineterminator="\n")
    writer.writeheader()
    photo = dict(zip(PHOTO_COLUMNS, (name, size[1], size[0]), strict=True))
    writer.writerows({column: _as_cell(value) for column, value in (row | photo).items()} for row in rows(detections))
    return file.getvalue()


def _as_cell(value: str | float) -> str | float:
    """Put an apostrophe before a text that a spreadsheet would run as a formula; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def as_coco(detections: sv.Detections, name: str, size: tuple[int, int], labels: tuple[str, ...]) -> dict:
    """Return a COCO data set of one photo; each annotation has its `score` as well.

    Args:
        detections: Detections on the photo.
        name: File name of the photo.
        size: (height, width) of the photo.
        labels: All classes of the detector; COCO counts them from 1.
    """
    plain = sv.Detections(detections.xyxy, confidence=detections.confidence, class_id=detections.class_id)
    annotations, _ = detections_to_coco_annotations(plain, image_id=1, annotation_id=1)
    for annotation, confidence in zip(annotations, confidences(detections).tolist(), strict=True):
        annotation |= {
            "bbox": [round(float(value), 2) for value in annotation["bbox"]],
            "area": round(float(annotation["area"]), 2),
            "score": round(confidence, 4),
        }
    return {
        "info": {},
        "licenses": [],
        "images": [{"id": 1, "file_name": name, "height": size[0], "width": size[1]}],
        "categories": classes_to_coco_categories(list(labels)),
        "annotations": annotations,
    }


def as_yolo(detections: sv.Detections, size: tuple[int, int]) -> str:
    """Return YOLO's label file: a line for each detection, class index, centre and size as fractions of the sides.

    Args:
        detections: Detections on the photo.
        size: (height, width) of the photo.
    """
    plain = sv.Detections(detections.xyxy, class_id=detections.class_id)
    return "".join(f"{line}\n" for line in detections_to_yolo_annotations(plain, (*size, 3)))


def yolo_names(labels: tuple[str, ...]) -> str:
    """Return the text of a `data.yaml` for a data set with one folder of images, `images/train`.

    Names are quoted as in JSON, which YAML includes: a class may be called "no" or "1".
    """
    lines = ["path: .", "train: images/train", "val: images/train", "names:"]
    lines += [f"  {index}: {json.dumps(label, ensure_ascii=False)}" for index, label in enumerate(labels)]
    return "\n".join(lines) + "\n"


def as_yolo_dataset(detections: sv.Detections, name: str, pixels: np.ndarray, labels: tuple[str, ...]) -> bytes:
    """Return a zip that Ultralytics trains on as it is: `data.yaml`, the photo as JPEG, and its label file.

    Args:
        detections: Detections on the photo.
        name: File name of the photo.
        pixels: (H, W, 3) uint8 RGB, the photo in the size that the boxes refer to.
        labels: All classes of the detector.
    """
    stem = safe_stem(name)
    size = (pixels.shape[0], pixels.shape[1])
    return zipped(
        {
            "data.yaml": yolo_names(labels).encode(),
            f"images/train/{stem}.jpg": jpeg_file(pixels),
            f"labels/train/{stem}.txt": as_yolo(detections, size).encode(),
        }
    )


def as_crops(detections: sv.Detections, name: str, pixels: np.ndarray) -> bytes:
    """Return a zip with one JPEG for each detection, `NAME 1 cat.jpg` and so on, cut out of the photo's pixels.

    Args:
        detections: Detections on the photo.
        name: File name of the photo.
        pixels: (H, W, 3) uint8 RGB, the photo in the size that the boxes refer to.
    """
    stem = safe_stem(name)
    names = class_names(detections)
    return zipped(
        {
            f"{stem} {number} {safe_name(label)}.jpg": jpeg_file(crop(pixels, box))
            for number, (label, box) in enumerate(zip(names, detections.xyxy, strict=True), 1)
        }
    )


def crop(pixels: np.ndarray, box_xyxy: np.ndarray) -> np.ndarray:
    """Return the pixels (h, w, 3) that a box (4,) touches, at least one."""
    height, width = pixels.shape[:2]
    left, top = np.clip(np.floor(box_xyxy[:2]), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(box_xyxy[2:]), 1, (width, height)).astype(int)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


def jpeg_file(pixels: np.ndarray) -> bytes:
    """Encode pixels (H, W, 3) uint8 RGB as JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files, by their names in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as output:
        for name, content in files.items():
            output.writestr(name, content)
    return archive.getvalue()
