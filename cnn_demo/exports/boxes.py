"""Export of detections: JSON, CSV, COCO JSON and YOLO text."""

from __future__ import annotations

import csv
import io

import supervision as sv
from supervision.dataset.formats.coco import classes_to_coco_categories, detections_to_coco_annotations
from supervision.dataset.formats.yolo import detections_to_yolo_annotations

from cnn_demo.detections import class_names, confidences

COLUMNS = ("number", "class", "confidence", "xmin", "ymin", "xmax", "ymax", "width", "height")


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


def as_csv(detections: sv.Detections) -> str:
    """Return a table with a header, `COLUMNS`."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(detections))
    return file.getvalue()


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
