"""Fixtures of page tests: networks with planted predictions, and no search for installed components at each page."""

import functools

import pytest
from planted import PlantedEngine, TwoStages
from planted_corners import corner_detector
from planted_masks import PlantedInstances, PlantedSegmenter
from streamlit.components.v2 import manifest_scanner

from cnn_demo import models
from cnn_demo.models import find
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.files import weights


@pytest.fixture(scope="session", autouse=True)
def _one_search_for_components():
    """Each AppTest reads the metadata of every installed package, which takes longer than most pages do."""
    patch = pytest.MonkeyPatch()
    patch.setattr(
        manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
    )
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def _derived_once():
    """Keep results that depend on a bundled network only, though Streamlit's caches are emptied after each test."""
    from cnn_demo.ui.network import channel_patches
    from cnn_demo.ui.network.fields import trained

    patch = pytest.MonkeyPatch()
    for module, name in ((trained, "_random_model"), (channel_patches, "_taps"), (channel_patches, "_samples")):
        patch.setattr(module, name, functools.cache(getattr(module, name).__wrapped__))
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    """The pause in which a browser draws the picture has no use here."""
    from cnn_demo.ui.convolution import workbench

    monkeypatch.setattr(workbench, "PAUSE", 0)


@pytest.fixture
def detectors(no_models, monkeypatch, tmp_path):
    """YOLO11n predicts the planted objects, YOLO26n the same without overlap, a Faster R-CNN in two stages."""
    for key in ("yolo11n", "yolo26n", "fasterrcnn_resnet50_fpn"):
        (tmp_path / find(key).weights).touch()

    def loader(spec, device):
        if spec.family != "yolo":
            return TwoStages(spec)
        detector = YoloDetector(spec, PlantedEngine(needs_nms=spec.key == "yolo11n"), "cpu")
        detector._torch_network = corner_detector(len(spec.labels), needs_nms=detector.needs_nms)
        return detector

    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(models, "_load_row", loader)


@pytest.fixture
def segmenters(no_models, monkeypatch, tmp_path):
    """A network of 21 classes, one of 150, and two for instances, which predict the planted masks; none is bundled."""
    keys = ("lraspp_mobilenet_v3_large", "segformer-b0-512x512-ade-160k", "yolo11n-seg", "maskrcnn_resnet50_fpn")
    for key in keys:
        (tmp_path / find(key).weights).touch()

    def loader(spec, device):
        return PlantedInstances(spec) if spec.task == "instance-segmentation" else PlantedSegmenter(spec)

    for cache in ("TORCH_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(cache, str(tmp_path / "nothing"))
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(weights, "BUNDLED", tmp_path / "nothing")
    monkeypatch.setattr(models, "_load_row", loader)
