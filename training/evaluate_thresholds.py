"""Measure confidence thresholds of the bundled detectors: how many boxes are right, how many objects are found.

`python -m training.evaluate_thresholds --data FOLDER --model KEY` prints precision, recall and F1 on the validation
photos at IoU 0.5, and the fraction of photos without any of the classes that still get a box. Model cards have this
table beside the reason for their default threshold.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import supervision as sv

from cnn_demo.detections import class_ids, confidences
from cnn_demo.models import load_detector
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.detection.metrics import Matches, match_counted, score_at
from training.data.assorted import Labelled, read_assorted
from training.data.datasets import argument_parser
from training.data.everyday import read_nothing, read_voc

THRESHOLDS = (0.15, 0.25, 0.35, 0.45, 0.55, 0.65)
NMS_IOU = 0.6
KEYS = ("everyday_detector", "assorted_yolo11n")


def main() -> None:
    """Read the arguments and print a table for each model."""
    parser = argument_parser(__doc__)
    parser.add_argument("--model", action="append", choices=KEYS, help="only this one; may be repeated")
    options = parser.parse_args()
    for key in options.model or KEYS:
        photos, nothing = read_parts(options.data, key)
        print(f"{key}: {len(photos)} validation photos, {len(nothing)} photos of nothing, NMS at {NMS_IOU}\n")
        last = " photos of nothing with a box |" if nothing else ""
        print(f"| threshold | precision | recall | F1 |{last}\n|---|---|---|---|{'---|' if nothing else ''}")
        detector = load_detector(key, device="cpu")
        for row in threshold_table(detector, photos, nothing):
            last = f" {row[4]:.1%} |" if nothing else ""
            print(f"| {row[0]} | {row[1]:.3f} | {row[2]:.3f} | {row[3]:.3f} |{last}", flush=True)
        print()


def read_parts(folder: Path, key: str) -> tuple[Sequence[Labelled], list[np.ndarray]]:
    """Return the validation photos of a detector, and photos without any of its classes, if there is such a set."""
    if key == "everyday_detector":
        return read_voc(folder)[1], read_nothing(folder)[1]
    return read_assorted(folder)[1], []


def threshold_table(
    detector: Detector, photos: Sequence[Labelled], nothing: Sequence[np.ndarray]
) -> list[tuple[float, float, float, float, float]]:
    """Return (threshold, precision, recall, F1, fraction of `nothing` with a box) for each threshold.

    Args:
        detector: A bundled detector.
        photos: Photos with their ground truth; boxes marked as difficult neither count nor are counted against.
        nothing: Photos (H, W, 3) uint8 without any of the classes.
    """
    detector.wait_for_export()
    matches: list[Matches] = []
    for photo in photos:
        found = _found(detector, photo.pixels)
        truth = photo.ground_truth
        difficult = truth[2] if len(truth) > 2 else np.zeros(len(truth[0]), bool)
        matches.append(match_counted(found.xyxy, confidences(found), class_ids(found), truth[0], truth[1], difficult))
    highest = np.array([confidences(_found(detector, pixels)).max(initial=0) for pixels in nothing])
    rows = []
    for threshold in THRESHOLDS:
        scores = [score_at(each, threshold) for each in matches]
        right, wrong, missed = (sum(getattr(score, name) for score in scores) for name in ("right", "wrong", "missed"))
        precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
        f1 = 2 * right / max(1, 2 * right + wrong + missed)
        rows.append((threshold, precision, recall, f1, float((highest >= threshold).mean()) if len(nothing) else 0.0))
    return rows


def _found(detector: Detector, pixels: np.ndarray) -> sv.Detections:
    return select(detector.candidates(pixels), confidence=THRESHOLDS[0], iou=NMS_IOU).detections()


if __name__ == "__main__":
    main()
