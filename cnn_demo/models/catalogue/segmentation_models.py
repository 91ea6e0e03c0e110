"""Registry entries of published segmentation models: torchvision, segmentation-models-pytorch and YOLO.

Semantic segmentation models are in `segmentation_models.csv`: all of torchvision's, YOLO26 of the installed
Ultralytics, and the complete networks that segmentation-models-pytorch publishes on the Hugging Face hub. Their files
all have the same name on the hub; here each is named after its repository. `side` is the shorter side of a photo in the
evaluation, `miou` the mean IoU in percent and `accuracy` the pixel accuracy in percent, both single-scale, as published
at `source`; for networks on the hub as reported by their authors. YOLO26 is evaluated on ADE20K with a longer side of
640 pixels, so 480 is the shorter side of a 4:3 photo. If no size in megabytes is published, it is four bytes per
parameter, for YOLO26 two.

Instance segmentation models are in `coco_instances.csv`, with the columns of `coco_detectors.csv`: all YOLO
segmentation models of the installed Ultralytics that are trained on COCO, and torchvision's Mask R-CNN. Their metric is
the mask mAP on COCO val2017, averaged over IoU 0.5 to 0.95.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models.catalogue.coco_detectors import coco_spec
from cnn_demo.models.catalogue.specs import Family, Metric, ModelSpec
from cnn_demo.models.preprocessing import ScalingName
from cnn_demo.project import ROOT

_ROWS = Path(__file__).with_suffix(".csv")
_INSTANCES = Path(__file__).with_name("coco_instances.csv")
_ADE20K = ROOT / "assets" / "ade20k_labels.txt"
ADE20K_LABELS = tuple(_ADE20K.read_text(encoding="utf-8").splitlines())
CITYSCAPES_LABELS = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
VOC_LABELS = (  # Pascal VOC's order, and COCO's names: see class_names.py
    "background", "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorcycle", "person", "potted plant", "sheep", "couch", "train", "tv",
)  # fmt: skip
MASK_METRIC = "mask mAP50-95"


@dataclass(frozen=True)
class _DataSet:
    """Common metadata of networks trained on the same dataset."""

    labels: tuple[str, ...]
    measured_on: str
    trained_on: str
    training_data: str


@dataclass(frozen=True)
class _Family:
    """Common metadata of a family; `options` are arguments of the builder, `bytes_each` the bytes per parameter."""

    loader: Family
    architecture: str
    paper: str
    licence: str
    scaling: ScalingName = "torch"
    options: tuple[tuple[str, object], ...] = ()
    bytes_each: int = 4


_DATA_SETS = {
    "voc": _DataSet(
        VOC_LABELS,
        "photos of COCO val2017 with Pascal VOC's classes",
        "COCO, with Pascal VOC's classes",
        "Trained on Pascal VOC's 20 classes: people, animals, vehicles and indoor objects; the rest is background.",
    ),
    "ade20k": _DataSet(
        ADE20K_LABELS,
        "2,000 validation photos of ADE20K",
        "ADE20K",
        "Trained on ADE20K's 150 classes: stuff and objects of indoor scenes, streets and landscapes.",
    ),
    "cityscapes": _DataSet(
        CITYSCAPES_LABELS,
        "500 validation photos of Cityscapes",
        "Cityscapes",
        "Trained on Cityscapes' 19 classes of street scenes, seen from a car.",
    ),
}


def _torchvision(architecture: str, arxiv: str) -> _Family:
    return _Family("torchvision_segmenter", architecture, f"https://arxiv.org/abs/{arxiv}", "BSD-3-Clause")


def _upernet(encoder: str, **options: object) -> _Family:
    architecture = f"{encoder} with a feature pyramid and pyramid pooling at four scales"
    return _Family(
        "smp", architecture, "https://arxiv.org/abs/1807.10221", "MIT", "torch",
        (("decoder_channels", 512), *options.items()),
    )  # fmt: skip


def _segformer(channels: int) -> _Family:
    return _Family(
        "smp",
        "a hierarchical transformer with a light MLP decoder",
        "https://arxiv.org/abs/2105.15203",
        "NVIDIA Source Code License, for research and evaluation only",
        options=(("decoder_segmentation_channels", channels),),
    )


_FAMILIES = {
    "yolo26-sem": _Family(
        "yolo_semantic",
        "YOLO26's backbone, its feature maps at strides 32, 16 and 8 fused, and a convolutional classifier at stride 8",
        "https://arxiv.org/abs/2606.03748",
        "AGPL-3.0",
        "unit",
        bytes_each=2,
    ),
    "fcn": _torchvision("a dilated ResNet with a fully convolutional classifier", "1411.4038"),
    "deeplabv3": _torchvision("parallel dilated convolutions at several rates (ASPP)", "1706.05587"),
    "lraspp": _torchvision("MobileNetV3 with a light head that weights channels", "1905.02244"),
    "segformer-small": _segformer(256),
    "segformer": _segformer(768),
    "upernet-convnext": _upernet("ConvNeXt"),
    # Weights are per window and independent of the image size; timm needs a flag that it may vary.
    "upernet-swin": _upernet("Swin transformer", img_size=512, strict_img_size=False),
    "dpt": _Family(
        "smp",
        "a vision transformer whose tokens are reassembled into feature maps of four resolutions",
        "https://arxiv.org/abs/2103.13413",
        "MIT",
        "tf",
        (("dynamic_img_size", True),),
    ),
}


def _spec(row: dict[str, str]) -> ModelSpec:
    family, data_set = _FAMILIES[row["family"]], _DATA_SETS[row["dataset"]]
    parameters, side = int(row["parameters"]), int(row["side"])
    figures = [
        Metric(name, round(float(row[column]) / 100, 4), data_set.measured_on, row["source"])
        for name, column in (("mean IoU", "miou"), ("pixel accuracy", "accuracy"))
        if row[column]
    ]
    encoder = (("encoder", row["encoder"]),) if row["encoder"] else ()
    return ModelSpec(
        key=row["key"],
        title=row["title"],
        task="semantic-segmentation",
        family=family.loader,
        architecture=family.architecture,
        input_size=(side, side),
        parameters=parameters,
        bytes=round(float(row["megabytes"]) * 2**20) if row["megabytes"] else family.bytes_each * parameters,
        labels=data_set.labels,
        weights=row["file"],
        metric=figures[0],
        paper=family.paper,
        licence=f"{family.licence}; trained on {data_set.trained_on}",
        training_data=data_set.training_data,
        scaling=family.scaling,
        further=tuple(figures[1:]),
        builder=row["builder"],
        options=encoder + family.options,
        url=row["url"],
    )


with _ROWS.open(encoding="utf-8", newline="") as file:
    SEMANTIC_SEGMENTERS = tuple(_spec(row) for row in csv.DictReader(file))
with _INSTANCES.open(encoding="utf-8", newline="") as file:
    INSTANCE_SEGMENTERS = tuple(coco_spec(row, "instance-segmentation", MASK_METRIC) for row in csv.DictReader(file))
