"""Boxes of torchvision's detectors: planted ones with known reasons, and real ones with random weights."""

from dataclasses import replace

import numpy as np
import pytest
from planted_regions import DECISIVE, corner_one_stage, corner_two_stages

from cnn_demo.models import find, frameworks
from cnn_demo.models.detection.torchvision_detectors import CLASSES, TorchvisionDetector, build
from cnn_demo.models.explanation.one_prediction import (
    TARGET_METHODS,
    can_be_explained,
    explain_prediction,
    probe_of,
)
from cnn_demo.models.explanation.targets import candidate_target

SIZE = (96, 128)
PHOTO = np.random.default_rng(3).integers(150, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=["two stages", "one stage"])
def detector(request):
    if request.param == "two stages":
        spec = replace(find("fasterrcnn_mobilenet_v3_large_320_fpn"), input_size=(320, 320))
        return TorchvisionDetector(spec, corner_two_stages(CLASSES), "cpu")
    spec = replace(find("ssd300_vgg16"), input_size=SIZE)
    return TorchvisionDetector(spec, corner_one_stage(CLASSES, SIZE), "cpu")


@pytest.fixture(scope="module")
def target(detector):
    candidates = detector.candidates(PHOTO)
    widths = candidates.boxes_xyxy[:, 2] - candidates.boxes_xyxy[:, 0]
    return candidate_target(candidates, int(widths.argmax()))


def quarter_of(values: np.ndarray, row: int, column: int) -> float:
    """Return the fraction of a map that is in one quarter of the photo."""
    rows, columns = (
        slice(part * length // 2, (part + 1) * length // 2) for part, length in zip((row, column), SIZE, strict=True)
    )
    return float(values[rows, columns].sum() / max(values.sum(), 1e-9))


@pytest.mark.parametrize("method", [method for method in TARGET_METHODS if not method.startswith("grad_cam")])
def test_the_class_is_explained_by_its_corner(detector, target, method):
    found = explain_prediction(detector, PHOTO, target, method, masks=60)
    assert found.map.shape == SIZE
    assert found.map.max() == 1
    if method == "d_rise":  # its similarity is that of class and box
        assert quarter_of(found.map, 0, 0) + quarter_of(found.map, 1, 1) > 0.6
    else:
        assert quarter_of(found.map, 0, 0) > 0.85


@pytest.mark.parametrize("part", ["box", "right", "bottom"])
def test_the_box_is_explained_by_the_other_corner(detector, target, part):
    assert quarter_of(explain_prediction(detector, PHOTO, target.with_part(part)).map, 1, 1) > 0.9


def test_the_decisive_channel_is_the_only_one_with_a_gradient(detector, target):
    (each,) = probe_of(detector, PHOTO, target).gradients("pyramid").parts[0]
    used = np.abs(each.gradients).sum((0, 1))
    assert used[DECISIVE] > 0
    assert np.count_nonzero(used) == 1


def test_the_region_is_kept_while_the_photo_changes(detector, target):
    probe = probe_of(detector, PHOTO, target)
    assert probe.score(probe.picture) == pytest.approx(probe.gradients("pyramid").score, abs=1e-3)
    assert probe.score(np.zeros_like(probe.picture)) < probe.score(probe.picture)
    assert probe.similarity(probe.picture) > probe.similarity(np.zeros_like(probe.picture)) > 0
    assert probe_of(detector, PHOTO, target.with_part("box")).score(probe.picture) == pytest.approx(1, abs=1e-3)


def test_targets_that_are_not_on_the_photo_are_refused(detector, target):
    with pytest.raises(ValueError, match="no such box on this photo"):
        explain_prediction(detector, PHOTO, replace(target, box_xyxy=(1.0, 2.0, 4.0, 5.0)))
    with pytest.raises(ValueError, match="has classes 0 to"):
        explain_prediction(detector, PHOTO, replace(target, class_id=500))
    with pytest.raises(ValueError, match="no mask: choose one of"):
        explain_prediction(detector, PHOTO, target.with_part("mask"))
    with pytest.raises(ValueError, match="image size must be one of"):
        explain_prediction(detector, PHOTO, target, side=333)


def real_detector(kind: str) -> TorchvisionDetector:
    """Build a small network with random weights whose class logits differ by some units."""
    torch, detection = frameworks.torch(), frameworks.torchvision().models.detection
    torch.manual_seed(0)
    spec = find("ssdlite320_mobilenet_v3_large" if kind == "SSDlite" else "fasterrcnn_mobilenet_v3_large_320_fpn")
    if kind in ("RetinaNet", "FCOS"):
        backbone = detection.backbone_utils.mobilenet_backbone(
            backbone_name="mobilenet_v3_large", weights=None, fpn=True
        )
        sizes, ratios = ((32,), (64,), (128,)), ((1.0,),) * 3
        anchors = detection.anchor_utils.AnchorGenerator(sizes, ratios)
        network = getattr(detection, kind)(backbone, CLASSES, anchor_generator=anchors).eval()
    else:
        network = build(spec)
    network.transform.fixed_size = SIZE[::-1]
    head = network.roi_heads.box_predictor if hasattr(network, "roi_heads") else network.head.classification_head
    last = getattr(head, "cls_score", None) or getattr(head, "cls_logits", None)
    logits = []
    for module in [last] if last is not None else [block[-1] for block in head.module_list]:
        hook = module.register_forward_hook(lambda _module, _given, out: logits.append(out))
        with torch.no_grad():
            network([torch.tensor(PHOTO.transpose(2, 0, 1) / 255, dtype=torch.float32)])
        hook.remove()
        module.weight.data *= 2.5 / float(logits[-1].std() + 1e-9)
        torch.nn.init.normal_(module.bias, std=0.5)
    return TorchvisionDetector(replace(spec, input_size=SIZE), network, "cpu")


@pytest.mark.parametrize("kind", ["Faster R-CNN", "SSDlite", "RetinaNet", "FCOS"])
def test_random_networks_are_explained_at_the_region_behind_the_box(kind):
    detector = real_detector(kind)
    assert can_be_explained(detector)
    candidates = detector.candidates(PHOTO)
    index = len(candidates.scores) // 3
    target = candidate_target(candidates, index)
    probe = probe_of(detector, PHOTO, target)
    found = probe.gradients("pyramid")
    assert found.score == pytest.approx(float(candidates.scores[index]), abs=1e-3)
    assert probe.score(probe.picture) == pytest.approx(float(candidates.scores[index]), abs=0.03)
    assert sum(part.gradients.any() for part in found.parts[0]) == 1, "one level of the pyramid"
    explained = explain_prediction(detector, PHOTO, target.with_part("box"), "grad_cam_plus_plus")
    assert explained.map.shape == SIZE
    assert 0 <= explained.map.min() <= explained.map.max() <= 1
    assert explained.layer == ("pyramid" if kind == "SSDlite" else "backbone")
