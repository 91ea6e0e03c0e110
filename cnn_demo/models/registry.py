"""The table of all models: one row of data each. A new model of a known family is one new row."""

from cnn_demo.models.coco_detectors import COCO_DETECTORS
from cnn_demo.models.imagenet import IMAGENET_MODELS
from cnn_demo.models.segmentation_models import INSTANCE_SEGMENTERS, SEMANTIC_SEGMENTERS
from cnn_demo.models.specs import AVAILABILITIES, TASKS, Metric, ModelSpec

__all__ = [
    "ASSORTED_LABELS",
    "AVAILABILITIES",
    "CIFAR10_LABELS",
    "LOCALIZER_LABELS",
    "MODELS",
    "TASKS",
    "Metric",
    "ModelSpec",
]

CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LOCALIZER_LABELS = ("airplane", "face", "motorcycle")
ASSORTED_LABELS = (
    "face", "airplane", "motorcycle", "cat head", "dog head", "raccoon", "nine", "ten", "jack", "queen", "king", "ace",
    "red cell", "white cell", "platelet",
)  # fmt: skip

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
        input_size=(160, 160),
        parameters=904_153,
        bytes=3_712_400,
        labels=LOCALIZER_LABELS,
        weights="caltech_localizer.weights.h5",
        metric=Metric("mean IoU", 0.8732, "244 held-back photos of Caltech-101", "training/evaluate.py"),
        paper="https://arxiv.org/abs/1904.01355",
        licence="AGPL-3.0; trained on Caltech-101 (Li et al. 2004, CC BY 4.0)",
        knows="It knows three classes: airplane, face and motorcycle.",
    ),
    ModelSpec(
        key="caltech_localizer_mobilenet_v2",
        title="Heads on MobileNetV2",
        task="localization",
        family="caltech_on_backbone",
        architecture="the same class head and box head on the feature maps of Keras's MobileNetV2, which stays frozen",
        input_size=(224, 224),
        parameters=2_469_609,
        bytes=873_168,
        labels=LOCALIZER_LABELS,
        weights="caltech_localizer_mobilenet_v2.weights.h5",
        metric=Metric("mean IoU", 0.8418, "244 held-back photos of Caltech-101", "training/evaluate.py"),
        paper="https://arxiv.org/abs/1801.04381",
        licence="AGPL-3.0 for the heads; trained on Caltech-101 (Li et al. 2004, CC BY 4.0)",
        knows="It knows three classes: airplane, face and motorcycle; its trunk learned to see from ImageNet.",
        backbone="mobilenet_v2",
    ),
    *COCO_DETECTORS,
    ModelSpec(
        key="assorted_yolo11n",
        title="Assorted YOLO11n",
        task="detection",
        family="yolo",
        architecture="YOLO11n, trained here from scratch: one stage, three grids, no anchors",
        input_size=(192, 192),
        parameters=2_592_765,
        bytes=5_263_442,
        labels=ASSORTED_LABELS,
        weights="assorted_yolo11n.safetensors",
        metric=Metric("mAP50-95", 0.6586, "441 held-back photos of five sets", "training/evaluate.py"),
        paper="https://docs.ultralytics.com/models/yolo11/",
        licence="AGPL-3.0; trained on Caltech-101, Oxford-IIIT Pet, BCCD and two more sets: see its card",
        knows="It knows fifteen classes: faces, airplanes, motorcycles, heads of cats and dogs, raccoons, playing "
        "cards from nine to ace, and three kinds of blood cells.",
        builder="yolo11n.yaml",
    ),
    *SEMANTIC_SEGMENTERS,
    *INSTANCE_SEGMENTERS,
)
