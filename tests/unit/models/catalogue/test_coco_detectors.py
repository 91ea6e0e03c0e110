"""The table of COCO's detectors: complete, and consistent with the libraries."""

import pytest

from cnn_demo.models import find, frameworks, list_models
from cnn_demo.models.catalogue.coco_detectors import COCO_DETECTORS, COCO_LABELS

YOLO = [spec for spec in COCO_DETECTORS if spec.family == "yolo"]
TORCHVISION = [spec for spec in COCO_DETECTORS if spec.family == "torchvision_detector"]
FAMILIES = ("yolo26", "yolo12", "yolo11", "yolov10", "yolov9", "yolov8", "yolov5", "yolov3")
OTHER_TASKS = ("-seg", "-cls", "-pose", "-obb", "-oiv7", "-world", "-sem", "-depth", "-objv1", "-distill", "-reid")


def test_every_yolo_detector_that_ultralytics_names_has_one_row():
    frameworks.ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    named = {
        name
        for name in GITHUB_ASSETS_NAMES
        if name.startswith(FAMILIES) and name.endswith(".pt") and not any(task in name for task in OTHER_TASKS)
    }
    assert {spec.weights for spec in YOLO} == named - {"yolo11n-grayscale.pt"}  # takes grey images
    assert set(COCO_DETECTORS) <= set(list_models("detection"))


def test_the_labels_are_cocos():
    frameworks.ultralytics()
    from ultralytics.utils import ROOT, YAML

    names = YAML.load(ROOT / "cfg" / "datasets" / "coco.yaml")["names"]
    assert tuple(names[i] for i in range(80)) == COCO_LABELS


def test_a_row_of_torchvision_agrees_with_its_metadata():
    models = frameworks.torchvision().models
    for spec in TORCHVISION:
        weights = models.get_model_weights(spec.builder).COCO_V1
        assert spec.key == spec.builder
        assert spec.url == weights.url
        assert spec.weights == weights.url.rpartition("/")[2]
        assert spec.parameters == weights.meta["num_params"]
        assert spec.metric.value == pytest.approx(weights.meta["_metrics"]["COCO-val2017"]["box_map"] / 100)
        assert spec.bytes == pytest.approx(weights.meta["_file_size"] * 2**20, rel=0.01)
        assert set(COCO_LABELS) < set(weights.meta["categories"])


def test_every_detector_of_torchvision_has_one_row():
    models = frameworks.torchvision().models
    named = {
        name for name in models.list_models(models.detection) if "rcnn" not in name or name.startswith("fasterrcnn")
    }
    assert {spec.key for spec in TORCHVISION} == named


def test_figures_are_fractions_and_larger_models_are_better():
    for spec in COCO_DETECTORS:
        if spec.metric:
            assert 0.2 < spec.metric.value < 0.6
            assert spec.metric.name == "mAP50-95"
        else:
            assert spec.key.startswith("yolov3")
    for family in ("yolo26", "yolo12", "yolo11", "yolov8"):
        values = [find(family + size).metric.value for size in "nsmlx"]
        assert values == sorted(values)
        parameters = [find(family + size).parameters for size in "nsmlx"]
        assert parameters == sorted(parameters)
