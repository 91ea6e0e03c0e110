"""Registry entries of Keras's ImageNet classifiers: all models of the installed `keras.applications`.

The entries are in `imagenet.csv`. Sizes and accuracies are those of https://keras.io/api/applications/ (top-1 and top-5
on ImageNet's 50,000 validation photos, one centre crop); those of MobileNetV3 are from the documentation of
`keras.applications.MobileNetV3Large`. If no size is given (MobileNetV3, which that table omits, and EfficientNetB0,
whose 29 MB there exceed the size of its weights), it is four bytes per parameter. File names, URLs and checksums are
those used by Keras itself.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from cnn_demo.models.catalogue.specs import Metric, ModelSpec
from cnn_demo.models.preprocessing import ScalingName
from cnn_demo.project import ROOT

_ROWS = Path(__file__).with_suffix(".csv")
_LABELS = ROOT / "assets" / "imagenet_labels.txt"
IMAGENET_LABELS = tuple(_LABELS.read_text(encoding="utf-8").splitlines())
_SOURCE = "https://keras.io/api/applications/"
DATASET = "50,000 validation photos of ImageNet"
_CROP = 0.875  # as for the published accuracies: 224 of 256 pixels
TRAINING_DATA = "Trained on ImageNet's 1,000 classes: 120 breeds of dogs, many other animals, objects and food."


@dataclass(frozen=True)
class _Family:
    """Common metadata of a family; `arxiv` is the paper's arXiv number, `licence` that of the weights."""

    architecture: str
    scaling: ScalingName
    arxiv: str
    licence: str


_FAMILIES = {
    "vgg": _Family("3 × 3 convolutions and pooling, then three dense layers", "caffe", "1409.1556", "CC BY 4.0"),
    "resnet": _Family("residual blocks with bottlenecks", "caffe", "1512.03385", "MIT"),
    "resnet_v2": _Family("residual blocks with pre-activation", "tf", "1603.05027", "MIT"),
    "inception_v3": _Family("branches of 1 × 1 to 7 × 7 convolutions", "tf", "1512.00567", "Apache-2.0"),
    "inception_resnet_v2": _Family("Inception's branches in residual blocks", "tf", "1602.07261", "Apache-2.0"),
    "xception": _Family("depthwise separable convolutions", "tf", "1610.02357", "MIT"),
    "mobilenet": _Family("depthwise separable convolutions, for mobile devices", "tf", "1704.04861", "Apache-2.0"),
    "mobilenet_v2": _Family("inverted residual blocks with linear bottlenecks", "tf", "1801.04381", "Apache-2.0"),
    "mobilenet_v3": _Family("MobileNetV2's blocks with squeeze and excitation", "none", "1905.02244", "Apache-2.0"),
    "densenet": _Family(
        "each layer of a block takes the outputs of all previous ones", "torch", "1608.06993", "BSD-3-Clause"
    ),
    "nasnet": _Family("cells found by neural architecture search", "tf", "1707.07012", "Apache-2.0"),
    "efficientnet": _Family("depth, width and resolution scaled together", "none", "1905.11946", "Apache-2.0"),
    "efficientnet_v2": _Family(
        "EfficientNet with fused blocks, from a new architecture search", "none", "2104.00298", "Apache-2.0"
    ),
    "convnext": _Family("7 × 7 depthwise convolutions in transformer-like blocks", "none", "2201.03545", "MIT"),
}


def _spec(row: dict[str, str]) -> ModelSpec:
    family = _FAMILIES[row["family"]]
    parameters = int(row["parameters"])
    return ModelSpec(
        key=row["key"],
        title=row["builder"],
        task="classification",
        family="imagenet",
        architecture=family.architecture,
        input_size=(int(row["side"]), int(row["side"])),
        parameters=parameters,
        bytes=round(float(row["megabytes"]) * 2**20) if row["megabytes"] else 4 * parameters,
        labels=IMAGENET_LABELS,
        weights=row["file"],
        metric=Metric("top-1 accuracy", float(row["top1"]), DATASET, _SOURCE),
        paper=f"https://arxiv.org/abs/{family.arxiv}",
        licence=family.licence,
        training_data=TRAINING_DATA,
        scaling=family.scaling,
        crop=_CROP,
        further=(Metric("top-5 accuracy", float(row["top5"]), DATASET, _SOURCE),) if row["top5"] else (),
        builder=row["builder"],
        url=row["url"],
        checksum=row["checksum"] or None,
    )


with _ROWS.open(encoding="utf-8", newline="") as file:
    IMAGENET_MODELS = tuple(_spec(row) for row in csv.DictReader(file))
