"""Options, settings and lines of the commands that run detectors: `detect`, and `segment` with instances."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import supervision as sv

from cnn_demo.exports.boxes import rows
from cnn_demo.models import Model
from cnn_demo.models.detection.candidates import IOU, MAX_DETECTIONS
from cnn_demo.option_types import count, fraction
from cnn_demo.unused_options import refuse

DETECTOR_SETTINGS = ("confidence", "iou", "classes", "max_detections")


def refuse_iou_without_nms(options: argparse.Namespace, model: Model) -> None:
    """Refuse `--iou` with a detector whose boxes need no NMS.

    Raises:
        ValueError: If it is given.
    """
    if not getattr(model, "needs_nms", True):
        refuse(options, ["iou"], f"with {options.model}, whose boxes need no NMS")


def detector_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of a detector, with the defaults of those that were not given."""
    defaults = {"iou": IOU, "max_detections": MAX_DETECTIONS}
    given = {name: getattr(options, name) for name in (*DETECTOR_SETTINGS, "side")}
    return {name: defaults.get(name) if value is None else value for name, value in given.items()}


def add_detector_settings(parser: argparse.ArgumentParser, prefix: str = "") -> None:
    """Add the options of detectors.

    Args:
        parser: The parser.
        prefix: Beginning of each help text.
    """
    parser.add_argument(
        "--confidence", type=fraction, help=f"{prefix}confidence threshold, 0 to 1; default: the model's own"
    )
    parser.add_argument("--iou", type=fraction, help=f"{prefix}IoU threshold of NMS, 0 to 1; default: {IOU}")
    parser.add_argument(
        "--classes", nargs="+", metavar="CLASS", help=f"{prefix}only these classes; list them after the photos"
    )
    parser.add_argument(
        "--max-detections",
        type=count,
        metavar="N",
        help=f"{prefix}maximum number of detections; default: {MAX_DETECTIONS}",
    )


def detection_lines(detections: sv.Detections) -> Iterator[str]:
    """Yield one line for each detection."""
    if not len(detections):
        yield "  no object found"
    for row in rows(detections):
        left, top, right, bottom = (round(row[side]) for side in ("xmin", "ymin", "xmax", "ymax"))
        yield f"  {row['confidence']:6.1%}  {row['class']}, from ({left}, {top}) to ({right}, {bottom})"
