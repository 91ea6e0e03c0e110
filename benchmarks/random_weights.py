"""Random weights under the official file name, for networks that are not here: the arithmetic is the same."""

from pathlib import Path

from cnn_demo.models import find, frameworks
from cnn_demo.models.classification.classifiers import build_imagenet
from cnn_demo.models.detection import torchvision_detectors
from cnn_demo.models.segmentation import segmenters


def draw_weights(key: str, folder: Path) -> None:
    """Save random weights of a published network into a folder.

    Raises:
        ValueError: If it is of another family than those here.
    """
    spec = find(key)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / spec.weights
    match spec.family:
        case "yolo":
            model = frameworks.ultralytics().YOLO(spec.builder)
            model.model.names = dict(enumerate(spec.labels))
            model.save(file)
        case "imagenet":
            build_imagenet(spec).save(file)
        case "torchvision_detector" | "mask_rcnn":
            frameworks.torch().save(torchvision_detectors.build(spec).state_dict(), file)
        case "torchvision_segmenter":
            frameworks.torch().save(segmenters.build_torchvision(spec).state_dict(), file)
        case _:
            raise ValueError(f"Nothing draws weights of the family {spec.family!r}.")
