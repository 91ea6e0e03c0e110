"""The tables of segmenters: complete, and consistent with the libraries."""

import pytest

from cnn_demo.models import find, frameworks, list_models
from cnn_demo.models.catalogue.class_names import common_name
from cnn_demo.models.catalogue.coco_detectors import COCO_LABELS
from cnn_demo.models.catalogue.segmentation_models import (
    ADE20K_LABELS,
    CITYSCAPES_LABELS,
    INSTANCE_SEGMENTERS,
    SEMANTIC_SEGMENTERS,
    VOC_LABELS,
)

YOLO = [spec for spec in INSTANCE_SEGMENTERS if spec.family == "yolo"]
MASK_RCNN = [spec for spec in INSTANCE_SEGMENTERS if spec.family == "mask_rcnn"]
TORCHVISION = [spec for spec in SEMANTIC_SEGMENTERS if spec.family == "torchvision_segmenter"]
YOLO_SEMANTIC = [spec for spec in SEMANTIC_SEGMENTERS if spec.family == "yolo_semantic"]
HUB = [spec for spec in SEMANTIC_SEGMENTERS if spec.family == "smp"]


def test_every_yolo_for_instances_that_ultralytics_names_has_one_row():
    frameworks.ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    # YOLOE takes text prompts; "objv1" has the classes of Objects365, for fine-tuning.
    named = {name for name in GITHUB_ASSETS_NAMES if name.startswith("yolo") and name.endswith("-seg.pt")}
    named = {name for name in named if not name.startswith("yoloe") and "objv1" not in name}
    assert {spec.weights for spec in YOLO} == named
    assert {spec.labels for spec in YOLO} == {COCO_LABELS}


def test_every_semantic_yolo_that_ultralytics_names_has_one_row():
    frameworks.ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    named = {name for name in GITHUB_ASSETS_NAMES if "-sem" in name}
    assert {spec.weights for spec in YOLO_SEMANTIC} == named
    for spec in YOLO_SEMANTIC:
        assert spec.labels == (ADE20K_LABELS if spec.key.endswith("ade20k") else CITYSCAPES_LABELS)
        assert spec.url.endswith(f"/{spec.weights}")


def test_a_row_of_torchvision_agrees_with_its_metadata():
    models = frameworks.torchvision().models
    for spec in (*TORCHVISION, *MASK_RCNN):
        weights = models.get_model_weights(spec.builder).DEFAULT
        (metrics,) = weights.meta["_metrics"].values()
        assert spec.key == spec.builder
        assert spec.url == weights.url
        assert spec.weights == weights.url.rpartition("/")[2]
        assert spec.parameters == weights.meta["num_params"]
        assert spec.bytes == pytest.approx(weights.meta["_file_size"] * 2**20, rel=0.01)
        assert spec.metric.value == pytest.approx(metrics.get("miou", metrics.get("mask_map")) / 100)
        if spec in TORCHVISION:
            assert spec.further[0].value == pytest.approx(metrics["pixel_acc"] / 100)
            assert spec.labels == ("background", *map(common_name, weights.meta["categories"][1:]))
            assert [spec.input_size[0]] == weights.transforms().resize_size


def test_every_segmenter_of_torchvision_has_one_row():
    models = frameworks.torchvision().models
    assert {spec.key for spec in TORCHVISION} == set(models.list_models(models.segmentation))
    named = {name for name in models.list_models(models.detection) if name.startswith("maskrcnn")}
    assert {spec.key for spec in MASK_RCNN} == named


def test_labels_are_those_of_the_data_sets():
    frameworks.ultralytics()
    from ultralytics.utils import ROOT, YAML

    for file, labels, count in (("ade20k", ADE20K_LABELS, 150), ("cityscapes", CITYSCAPES_LABELS, 19)):
        names = YAML.load(ROOT / "cfg" / "datasets" / f"{file}.yaml")["names"]
        assert tuple(names[i] for i in range(count)) == labels
    assert len(VOC_LABELS) == 21


def test_a_row_of_the_hub_names_its_repository_and_builder():
    smp = frameworks.segmentation_models_pytorch()
    for spec in HUB:
        assert spec.url == f"https://huggingface.co/smp-hub/{spec.key}/resolve/main/model.safetensors"
        assert spec.weights == f"{spec.key}.safetensors"
        assert hasattr(smp, spec.builder)
        encoder = dict(spec.options)["encoder"]
        assert encoder.startswith("tu-") or encoder in smp.encoders.get_encoder_names()
        assert spec.bytes == 4 * spec.parameters


def test_figures_are_fractions_and_larger_models_are_better():
    assert set(SEMANTIC_SEGMENTERS) <= set(list_models("semantic-segmentation"))
    assert set(INSTANCE_SEGMENTERS) <= set(list_models("instance-segmentation"))
    for spec in (*SEMANTIC_SEGMENTERS, *INSTANCE_SEGMENTERS):
        assert 0.3 < spec.metric.value < 0.9
        assert spec.metric.name == ("mask mAP50-95" if spec in INSTANCE_SEGMENTERS else "mean IoU")
    for family in ("yolo26", "yolo11", "yolov8"):
        values = [find(f"{family}{size}-seg").metric.value for size in "nsmlx"]
        assert values == sorted(values)
    for data in ("", "-ade20k"):
        values = [find(f"yolo26{size}-sem{data}").metric.value for size in "nsmlx"]
        assert values == sorted(values)
    for data in ("ade", "city"):
        specs = [s for s in HUB if s.builder == "Segformer" and f"-{data}-" in s.key and " at " not in s.title]
        assert len(specs) == 6
        assert [s.metric.value for s in specs] == sorted(s.metric.value for s in specs)
        assert [s.parameters for s in specs] == sorted(s.parameters for s in specs)


@pytest.mark.parametrize("key", ["yolo26n-seg", "yolo11n-seg", "yolov8n-seg"])
def test_a_row_of_yolo_is_the_network_that_ultralytics_builds(key):
    spec = find(key)
    network = frameworks.ultralytics().YOLO(spec.builder).model
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.parameters


@pytest.mark.parametrize("key", ["yolo26n-sem", "yolo26n-sem-ade20k"])
def test_a_semantic_yolo_is_the_network_that_ultralytics_builds(key):
    frameworks.ultralytics()
    from ultralytics.nn.tasks import SemanticSegmentationModel

    spec = find(key)
    network = SemanticSegmentationModel(spec.builder, nc=len(spec.labels), verbose=False)
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.parameters
