"""Detectors that know COCO's 80 classes, one row each: YOLO as Ultralytics publishes it, and torchvision's.

The rows are in `coco_detectors.csv`: every YOLO detector of the installed Ultralytics that was trained on COCO, and
every detector of torchvision. The mean average precision is that on COCO val2017, averaged over IoU 0.5 to 0.95, as
published at `source`; of YOLO26 and YOLOv10 that of the end-to-end head, which is the one that runs here. Of YOLOv3u
none is published. `side` is the image size at which it was measured. Where no size in megabytes is published, it is two
bytes for each number. File names and addresses are those by which the libraries themselves download.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models.catalogue.specs import Metric, ModelSpec

_ROWS = Path(__file__).with_suffix(".csv")
_LABELS = Path(__file__).resolve().parents[3] / "assets" / "coco_labels.txt"
COCO_LABELS = tuple(_LABELS.read_text(encoding="utf-8").splitlines())
_DATASET = "5,000 validation photos of COCO"
_KNOWS = "It knows COCO's 80 classes: people, vehicles, animals, food, and what stands around in rooms and streets."
_ULTRALYTICS = "AGPL-3.0"
_TORCHVISION = "BSD-3-Clause; trained on COCO"


@dataclass(frozen=True)
class _Family:
    """What the members of a family have in common."""

    loader: str
    architecture: str
    paper: str
    licence: str


def _yolo(architecture: str, paper: str) -> _Family:
    return _Family("yolo", architecture, paper, _ULTRALYTICS)


def _torchvision(architecture: str, arxiv: str) -> _Family:
    return _Family("torchvision_detector", architecture, f"https://arxiv.org/abs/{arxiv}", _TORCHVISION)


_FAMILIES = {
    "yolo26": _yolo("one stage, one box for each object: no NMS", "https://arxiv.org/abs/2606.03748"),
    "yolo12": _yolo("one stage, with attention within areas of the feature maps", "https://arxiv.org/abs/2502.12524"),
    "yolo11": _yolo("one stage, three grids, no anchors", "https://docs.ultralytics.com/models/yolo11/"),
    "yolov10": _yolo("one stage, one box for each object: no NMS", "https://arxiv.org/abs/2405.14458"),
    "yolov9": _yolo("one stage, layers that aggregate gradients on several paths", "https://arxiv.org/abs/2402.13616"),
    "yolov8": _yolo("one stage, three grids, no anchors", "https://docs.ultralytics.com/models/yolov8/"),
    "yolov5u": _yolo("YOLOv5 with YOLOv8's head without anchors", "https://docs.ultralytics.com/models/yolov5/"),
    "yolov3u": _yolo("YOLOv3 with YOLOv8's head without anchors", "https://arxiv.org/abs/1804.02767"),
    "yolo26-seg": _yolo("YOLO26 with masks mixed of 32 prototypes: no NMS", "https://arxiv.org/abs/2606.03748"),
    "yolo11-seg": _yolo("YOLO11 with masks mixed of 32 prototypes", "https://docs.ultralytics.com/models/yolo11/"),
    "yolov9-seg": _yolo("YOLOv9 with masks mixed of 32 prototypes", "https://arxiv.org/abs/2402.13616"),
    "yolov8-seg": _yolo("YOLOv8 with masks mixed of 32 prototypes", "https://docs.ultralytics.com/models/yolov8/"),
    "faster_rcnn": _torchvision("two stages: proposes regions, then looks into each", "1506.01497"),
    "ssd": _torchvision("one stage, default boxes on maps of several sizes", "1512.02325"),
    "retinanet": _torchvision("one stage with anchors, learned with the focal loss", "1708.02002"),
    "mask_rcnn": _Family(
        "mask_rcnn",
        "Faster R-CNN with a third head: a mask of 28 × 28 for each box",
        "https://arxiv.org/abs/1703.06870",
        _TORCHVISION,
    ),
    "fcos": _torchvision("one stage, each place says how far the sides are", "1904.01355"),
}


def coco_spec(row: dict[str, str], task: str = "detection", metric: str = "mAP50-95") -> ModelSpec:
    """Make a row of the table of all models from a row of a file.

    Args:
        row: Columns as in `coco_detectors.csv`.
        task: "detection" or "instance-segmentation".
        metric: What the figure in the column `map` is called.
    """
    family, parameters, side = _FAMILIES[row["family"]], int(row["parameters"]), int(row["side"])
    published = Metric(metric, round(float(row["map"]) / 100, 4), _DATASET, row["source"]) if row["map"] else None
    return ModelSpec(
        key=row["key"],
        title=row["title"],
        task=task,
        family=family.loader,
        architecture=family.architecture,
        input_size=(side, side),
        parameters=parameters,
        bytes=round(float(row["megabytes"]) * 2**20) if row["megabytes"] else 2 * parameters,
        labels=COCO_LABELS,
        weights=row["file"],
        metric=published,
        paper=family.paper,
        licence=family.licence,
        knows=_KNOWS,
        builder=row["builder"],
        url=row["url"],
    )


with _ROWS.open(encoding="utf-8", newline="") as file:
    COCO_DETECTORS = tuple(coco_spec(row) for row in csv.DictReader(file))
