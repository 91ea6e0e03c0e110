"""The table of all models: one row of data each. A new model of a known family is one new row."""

from cnn_demo.models.coco_detectors import COCO_DETECTORS
from cnn_demo.models.imagenet import IMAGENET_MODELS
from cnn_demo.models.specs import AVAILABILITIES, TASKS, Metric, ModelSpec

__all__ = ["AVAILABILITIES", "CIFAR10_LABELS", "LOCALIZER_LABELS", "MODELS", "TASKS", "Metric", "ModelSpec"]

CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LOCALIZER_LABELS = ("airplane", "face", "motorcycle")

MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        key="cifar10_cnn",
        title="CIFAR-10 residual network",
        task="classification",
        family="cifar10",
        architecture="5 × 5 stem and five residual blocks of 32, 64 and 128 channels, in Keras",
        input_size=(32, 32),
        parameters=678_538,
        bytes=2_796_216,
        labels=CIFAR10_LABELS,
        weights="cifar10_cnn.weights.h5",
        metric=Metric("accuracy", 0.8948, "5,000 held-back training images of CIFAR-10", "training/evaluate.py"),
        paper="https://arxiv.org/abs/1512.03385",
        licence="AGPL-3.0; trained on CIFAR-10 (Krizhevsky 2009)",
        knows="It knows ten classes: " + ", ".join(CIFAR10_LABELS[:-1]) + " and truck.",
    ),
    *IMAGENET_MODELS,
    ModelSpec(
        key="caltech_localizer",
        title="Caltech localizer",
        task="localization",
        family="caltech",
        architecture="a residual trunk of 32, 64 and 144 channels with a class head and a box head, in Keras",
        input_size=(128, 128),
        parameters=904_153,
        bytes=3_712_400,
        labels=LOCALIZER_LABELS,
        weights="caltech_localizer.weights.h5",
        metric=Metric("mean IoU", 0.8432, "244 held-back photos of Caltech-101", "training/evaluate.py"),
        paper="https://arxiv.org/abs/1904.01355",
        licence="AGPL-3.0; trained on Caltech-101 (Li et al. 2004, CC BY 4.0)",
        knows="It knows three classes: airplane, face and motorcycle.",
    ),
    *COCO_DETECTORS,
)
