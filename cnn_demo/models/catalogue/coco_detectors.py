"""Registry entries of the detectors trained on COCO: Ultralytics' YOLO models and torchvision's detectors.

The entries are in `coco_detectors.csv`: all YOLO detectors of the installed Ultralytics that are trained on COCO, and
all detectors of torchvision. The mean average precision is that on COCO val2017, averaged over IoU 0.5 to 0.95, as
published at `source`; for YOLO26 and YOLOv10 that of the end-to-end head, which is used here. For YOLOv3u none is
published. `side` is the image size of that evaluation. If no size in megabytes is published, it is two bytes per
parameter. File names and URLs are those used by the libraries themselves.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models.catalogue.specs import Family, Metric, ModelSpec, Task
from cnn_demo.project import ROOT

_ROWS = Path(__file__).with_suffix(".csv")
_LABELS = ROOT / "assets" / "coco_labels.txt"
COCO_LABELS = tuple(_LABELS.read_text(encoding="utf-8").splitlines())
_DATASET = "5,000 validation photos of COCO"
_TRAINING_DATA = (
    "Trained on COCO's 80 classes: people, vehicles, animals, food, and everyday indoor and outdoor objects."
)
_ULTRALYTICS = "AGPL-3.0"
_TORCHVISION = "BSD-3-Clause; trained on COCO"


@dataclass(frozen=True)
class _Family:
    """Common metadata of a family."""

    loader: Family
    architecture: str
    paper: str
    licence: str


def _yolo(architecture: str, paper: str) -> _Family:
    return _Family("yolo", architecture, paper, _ULTRALYTICS)


def _torchvision(architecture: str, arxiv: str) -> _Family:
    return _Family("torchvision_detector", architecture, f"https://arxiv.org/abs/{arxiv}", _TORCHVISION)


_FAMILIES = {
    "yolo26": _yolo("one stage, one box for each object: no NMS", "https://arxiv.org/abs/2606.03748"),
    "yolo12": _yolo("one stage, with area attention on the feature maps", "https://arxiv.org/abs/2502.12524"),
    "yolo11": _yolo("one stage, three grids, anchor-free", "https://docs.ultralytics.com/models/yolo11/"),
    "yolov10": _yolo("one stage, one box for each object: no NMS", "https://arxiv.org/abs/2405.14458"),
    "yolov9": _yolo(
        "one stage, with generalized efficient layer aggregation (GELAN)", "https://arxiv.org/abs/2402.13616"
    ),
    "yolov8": _yolo("one stage, three grids, anchor-free", "https://docs.ultralytics.com/models/yolov8/"),
    "yolov5u": _yolo("YOLOv5 with YOLOv8's anchor-free head", "https://docs.ultralytics.com/models/yolov5/"),
    "yolov3u": _yolo("YOLOv3 with YOLOv8's anchor-free head", "https://arxiv.org/abs/1804.02767"),
    "yolo26-seg": _yolo("YOLO26 with masks from 32 prototypes: no NMS", "https://arxiv.org/abs/2606.03748"),
    "yolo11-seg": _yolo("YOLO11 with masks from 32 prototypes", "https://docs.ultralytics.com/models/yolo11/"),
    "yolov9-seg": _yolo("YOLOv9 with masks from 32 prototypes", "https://arxiv.org/abs/2402.13616"),
    "yolov8-seg": _yolo("YOLOv8 with masks from 32 prototypes", "https://docs.ultralytics.com/models/yolov8/"),
    "faster_rcnn": _torchvision("two stages: region proposals, then a classifier for each region", "1506.01497"),
    "ssd": _torchvision("one stage, default boxes on feature maps of several sizes", "1512.02325"),
    "retinanet": _torchvision("one stage with anchors, trained with the focal loss", "1708.02002"),
    "mask_rcnn": _Family(
        "mask_rcnn",
        "Faster R-CNN with a mask head: a mask of 28 × 28 for each box",
        "https://arxiv.org/abs/1703.06870",
        _TORCHVISION,
    ),
    "fcos": _torchvision("one stage, anchor-free: each position predicts the distances to the sides", "1904.01355"),
}


def coco_spec(row: dict[str, str], task: Task = "detection", metric: str = "mAP50-95") -> ModelSpec:
    """Create a registry entry from a row of a CSV file.

    Args:
        row: The row, with the columns of `coco_detectors.csv`.
        task: "detection" or "instance-segmentation".
        metric: Name of the metric in the column `map`.
    """
    family = _FAMILIES[row["family"]]
    parameters = int(row["parameters"])
    side = int(row["side"])
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
        training_data=_TRAINING_DATA,
        builder=row["builder"],
        url=row["url"],
    )


with _ROWS.open(encoding="utf-8", newline="") as file:
    COCO_DETECTORS = tuple(coco_spec(row) for row in csv.DictReader(file))
