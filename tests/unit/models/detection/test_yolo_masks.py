"""YOLO's masks, compared with Ultralytics; and own weights."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from random_networks import fit_normalizations

from cnn_demo.models import ModelUnavailable, find, frameworks, load, release
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.detection.yolo_detector import YoloDetector, read_network
from cnn_demo.models.detection.yolo_engines import TorchEngine, with_raw_outputs
from cnn_demo.models.detection.yolo_masks import PrototypeMasks
from cnn_demo.models.segmentation.classical_instances import mask_box

SIDE = 96
KEYS = ("yolo11n-seg", "yolo26n-seg")  # with and without NMS
SIZES = [(480, 640), (333, 500), (120, 90), (37, 200), (64, 64)]


def photo(height: int = 120, width: int = 90) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_masks_are_assembled_as_in_ultralytics(size):
    frameworks.ultralytics()
    from ultralytics.utils.ops import process_mask_native

    torch, draw = frameworks.torch(), np.random.default_rng(1)
    frame = Letterbox.fit(size, 160, 32)
    smooth = draw.normal(size=(6, 5, 5)).astype(np.float32)
    rows, columns = frame.input[0] // 4, frame.input[1] // 4
    prototypes = np.stack([cv2.resize(p, (columns, rows), interpolation=cv2.INTER_CUBIC) for p in smooth])
    coefficients = draw.normal(size=(12, 6)).astype(np.float32)
    low = draw.uniform(-10, np.array(size[::-1]) * 0.6, (12, 2))
    boxes = np.concatenate([low, low + draw.uniform(5, max(size), (12, 2))], axis=1).astype(np.float32)
    ours = PrototypeMasks(prototypes, coefficients, boxes, frame)(np.arange(12)[::-1])[::-1]
    theirs = process_mask_native(*(torch.tensor(array) for array in (prototypes, coefficients, boxes)), size).numpy()
    assert ours.shape == theirs.shape == (12, *size)
    assert np.mean(ours == theirs.astype(bool)) > 0.985  # they cut the frame off at whole pixels of the prototypes
    for mask, box in zip(ours, boxes, strict=True):
        if mask.any():
            left, top, right, bottom = mask_box(mask)
            assert left >= box[0]
            assert top >= box[1]
            assert right <= box[2] + 1
            assert bottom <= box[3] + 1


@pytest.fixture(scope="module", params=KEYS)
def networks(request):
    """A random network whose scores on `photo()` are spread from 0 to 1: Ultralytics' own, and ours."""
    ultralytics, torch = frameworks.ultralytics(), frameworks.torch()
    spec = find(request.param)
    torch.manual_seed(4)
    theirs = ultralytics.YOLO(spec.builder)
    network, head = theirs.model, theirs.model.model[-1]
    theirs.model.names = dict(enumerate(spec.labels))
    seen = Letterbox.fit(photo().shape[:2], SIDE, 32).apply(photo())
    seen = torch.tensor(seen.transpose(2, 0, 1)[None] / 255, dtype=torch.float32)
    fit_normalizations(network, torch.cat([seen, seen.flip(2), seen.flip(3), 1 - seen]))
    with torch.no_grad():
        outputs = network(seen)[1]
    for name, scores in (("cv3", outputs.get("one2many", outputs)), ("one2one_cv3", outputs.get("one2one"))):
        if scores is None:
            continue
        logits = scores["scores"]
        offset = float(logits.quantile(0.99))
        factor = 4 / (float(logits.max()) - offset)
        for branch in getattr(head, name):
            branch[-1].weight.data *= factor
            branch[-1].bias.data = (branch[-1].bias.data - offset) * factor
    return spec, theirs


@pytest.fixture(scope="module")
def loaded(networks, tmp_path_factory):
    """The same through the door, in torch and, once that is exported, in OpenVINO; with Ultralytics' reading of it."""
    spec, theirs = networks
    folder = tmp_path_factory.mktemp("weights")
    theirs.save(folder / spec.weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNN_DEMO_WEIGHTS", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        release()
        model = load(spec.key, "cpu")
        model.by_torch = model.predict(photo(), side=SIDE, iou=0.5, max_detections=40)
        model.wait_for_export()
        yield model, frameworks.ultralytics().YOLO(folder / spec.weights)
        release()


def test_detections_and_masks_agree_with_ultralytics(loaded):
    model, theirs = loaded
    ours = model.by_torch
    with frameworks.keep_torch_threads():
        expected = theirs.predict(
            photo()[..., ::-1], imgsz=SIDE, verbose=False, device="cpu", iou=0.5, max_det=40,
            retina_masks=True, nms=model.needs_nms,
        )[0]  # fmt: skip
    assert len(ours) > 2
    assert ours.mask.shape == (len(ours), 120, 90)
    assert ours.mask.dtype == bool
    assert ours.mask.any((1, 2)).all()
    boxes, masks = expected.boxes.xyxy.numpy(), expected.masks.data.numpy().astype(bool)
    class_ids, scores = expected.boxes.cls.numpy().astype(int), expected.boxes.conf.numpy()
    same = 0
    for box, mask, class_id, score in zip(ours.xyxy, ours.mask, ours.class_id, ours.confidence, strict=True):
        alike = (class_ids == class_id) & (np.abs(scores - score) < 0.01) & (np.abs(boxes - box).max(1) < 0.5)
        if alike.any():
            same += 1
            assert max(np.mean(mask == other) for other in masks[alike]) > 0.98
    assert same >= 0.9 * len(ours)


def test_openvino_makes_the_same_masks(loaded):
    model, _ = loaded
    assert model.engine == "OpenVINO"
    now = model.predict(photo(), side=SIDE, iou=0.5, max_detections=40)
    before = model.by_torch
    assert len(now) == pytest.approx(len(before), abs=2)
    first = min(3, len(now))
    for box, mask in zip(now.xyxy[:first], now.mask[:first], strict=True):
        alike = np.abs(before.xyxy - box).max(1) < 1
        assert alike.any()
        assert max(np.mean(mask == other) for other in before.mask[alike]) > 0.98


def test_masks_have_the_photos_size_and_the_requested_classes(loaded):
    model, _ = loaded
    for size in ((40, 300), (200, 20), (1, 1)):
        found = model.predict(photo(*size), side=SIDE, confidence=0.01)
        assert found.mask.shape == (len(found), *size)
    label = str(model.by_torch["class_name"][0])
    only = model.predict(photo(), side=SIDE, classes=[label])
    assert set(only["class_name"]) == {label}
    assert len(model.predict(photo(), side=SIDE, confidence=1.0).mask) == 0


def test_own_weights_are_loaded_into_an_architecture_built_here(tmp_path):
    frameworks.ultralytics()
    from safetensors.torch import save_file
    from ultralytics.nn.tasks import SegmentationModel

    spec = replace(find("yolo11n-seg"), key="own", labels=("cat", "dog"), weights="own.safetensors")
    network = SegmentationModel(spec.builder, nc=2, verbose=False)
    state = {name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()}
    save_file(state, tmp_path / spec.weights)
    model = YoloDetector(spec, TorchEngine(with_raw_outputs(read_network(tmp_path / spec.weights, spec)), "cpu"), "cpu")
    raw = model.raw(photo(), SIDE)
    assert raw.scores.shape[1] == 2
    assert raw.coefficients.shape == (len(raw.scores), 32)
    assert raw.prototypes.shape == (32, 24, 24)
    found = select(model.candidates(photo(), SIDE), confidence=0.0, max_detections=5).detections()
    assert found.mask.shape[1:] == (120, 90)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        read_network(tmp_path / spec.weights, replace(spec, labels=("cat", "dog", "cow")))
