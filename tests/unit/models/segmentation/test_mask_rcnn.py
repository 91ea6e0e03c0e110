"""Mask R-CNN with random weights: torchvision's own masks, though its mask head runs after our post-processing."""

import numpy as np
import pytest

from cnn_demo.models import find, frameworks, load, release
from cnn_demo.models.detection.torchvision_detectors import MIN_SCORE, build
from cnn_demo.models.segmentation.mask_rcnn import MaskRcnn

KEY = "maskrcnn_resnet50_fpn"
SIDE = 320


def photo(height: int = 60, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Random weights whose scores, boxes and masks differ."""
    folder, torch = tmp_path_factory.mktemp("weights"), frameworks.torch()
    torch.manual_seed(0)
    network, seen = build(find(KEY)), []
    network.transform.min_size = (SIDE,)
    predictor = network.roi_heads.box_predictor
    hook = predictor.cls_score.register_forward_hook(lambda _module, _given, out: seen.append(out))
    network.roi_heads.mask_roi_pool, pool = None, network.roi_heads.mask_roi_pool
    with torch.no_grad():
        network([torch.tensor(photo().transpose(2, 0, 1) / 255, dtype=torch.float32)])
    hook.remove()
    network.roi_heads.mask_roi_pool = pool
    predictor.cls_score.weight.data *= 2.5 / float(seen[0].std())
    torch.nn.init.normal_(predictor.cls_score.bias, std=0.5)
    torch.save(network.state_dict(), folder / find(KEY).weights)
    return folder


@pytest.fixture(scope="module")
def model(folder) -> MaskRcnn:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNN_DEMO_WEIGHTS", str(folder))
        release()
        yield load(KEY, "cpu")
        release()


def test_masks_are_torchvisions(model, folder):
    torch, models = frameworks.torch(), frameworks.torchvision().models
    ours = model.predict(photo(), confidence=MIN_SCORE, iou=0.5, max_detections=20, side=SIDE)
    theirs = build(find(KEY))
    theirs.load_state_dict(torch.load(folder / find(KEY).weights, weights_only=True))
    theirs.roi_heads.score_thresh, theirs.roi_heads.nms_thresh, theirs.roi_heads.detections_per_img = MIN_SCORE, 0.5, 30
    theirs.transform.min_size = (SIDE,)
    with torch.inference_mode():
        expected = theirs([torch.tensor(photo().transpose(2, 0, 1) / 255, dtype=torch.float32)])[0]
    names = models.detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    boxes, masks = expected["boxes"].numpy(), expected["masks"][:, 0].numpy() > 0.5
    assert len(ours) > 3
    assert ours.mask.shape == (len(ours), 60, 80)
    same = 0
    for box, mask, name in zip(ours.xyxy, ours.mask, ours["class_name"], strict=True):
        alike = (np.abs(boxes - box).max(1) < 0.05) & np.array([names[i] == name for i in expected["labels"]])
        if alike.any():
            same += 1
            assert max(np.mean(mask == other) for other in masks[alike]) > 0.99
    assert same >= 0.9 * len(ours)


def test_masks_are_computed_for_kept_boxes_only(model, monkeypatch):
    counts = []
    real = model.mask_probabilities
    monkeypatch.setattr(model, "mask_probabilities", lambda *given: counts.append(len(given[3])) or real(*given))
    found = model.candidates(photo(), SIDE)
    assert counts == []
    few = model.predict(photo(), confidence=MIN_SCORE, max_detections=3, side=SIDE)
    assert sum(counts) == 3
    assert len(few) <= 3
    assert found.masks(np.arange(0)).shape == (0, 60, 80)


def test_candidates_keep_their_own_photos_maps(model):
    """Another photo in between changes nothing."""
    found = model.candidates(photo(), SIDE)
    before = found.masks(np.arange(2))
    model.candidates(photo(50, 50), SIDE)
    np.testing.assert_array_equal(found.masks(np.arange(2)), before)


def test_the_mask_head_runs_only_while_the_lock_is_held(model):
    found, held = model.candidates(photo(), SIDE), []
    hook = model._mask_stages[1].register_forward_pre_hook(lambda *_: held.append(model.lock.locked()))
    found.masks(np.arange(2))
    hook.remove()
    assert held == [True]
    assert not model.lock.locked()
