"""torchvision's detectors with random weights: our post-processing instead of theirs, and their two stages."""

import numpy as np
import pytest

from cnn_demo.models import ModelUnavailable, find, frameworks, load, release
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.torchvision_detectors import MIN_SCORE, TorchvisionDetector, build

KEYS = ("fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large")


def photo(height: int = 90, width: int = 130) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def spread_scores(network) -> None:
    """Make the logits on `photo()` differ by some units, so that some classes are probable."""
    torch, logits = frameworks.torch(), []
    two_stages = hasattr(network, "roi_heads")
    head = network.roi_heads.box_predictor.cls_score if two_stages else network.head.classification_head
    hook = head.register_forward_hook(lambda _module, _given, out: logits.append(out))
    with torch.no_grad():
        network([torch.tensor(photo().transpose(2, 0, 1) / 255, dtype=torch.float32)])
    hook.remove()
    lasts = [head] if two_stages else [block[-1] for block in head.module_list]
    for last in lasts:
        last.weight.data *= 2.5 / float(logits[0].std())
        torch.nn.init.normal_(last.bias, std=0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Random weights with different scores, saved as torchvision publishes them: without the number of batches."""
    folder, torch = tmp_path_factory.mktemp("weights"), frameworks.torch()
    for seed, key in enumerate(KEYS):
        torch.manual_seed(seed)
        network = build(find(key))
        spread_scores(network)
        state = {name: value for name, value in network.state_dict().items() if not name.endswith("batches_tracked")}
        torch.save(state, folder / find(key).weights)
    return folder


@pytest.fixture(scope="module", params=KEYS)
def detector(request, folder) -> TorchvisionDetector:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNN_DEMO_WEIGHTS", str(folder))
        release()
        model = load(request.param, "cpu")
    yield model
    release()


def by_torchvision(key: str, folder, pixels: np.ndarray, nms: float, limit: int) -> dict[str, np.ndarray]:
    """The detections of torchvision's own loading and post-processing."""
    torch, models = frameworks.torch(), frameworks.torchvision().models
    spec = find(key)
    weights = models.get_model_weights(spec.builder).COCO_V1
    state = torch.load(folder / spec.weights, weights_only=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(weights), "get_state_dict", lambda *_args, **_settings: state)
        network = getattr(models.detection, spec.builder)(weights=weights).eval()
    cuts = getattr(network, "roi_heads", network)
    cuts.score_thresh, cuts.nms_thresh, cuts.detections_per_img = MIN_SCORE, nms, limit
    network.transform.min_size = (spec.input_size[0],)
    with torch.inference_mode():
        outputs = network([torch.tensor(pixels.transpose(2, 0, 1) / 255, dtype=torch.float32)])[0]
    return {name: value.numpy() for name, value in outputs.items()}


def test_the_network_runs_only_while_its_lock_is_held(detector):
    held = []
    hook = detector.network.register_forward_pre_hook(lambda *_: held.append(detector.lock.locked()))
    detector.predict(photo())
    hook.remove()
    assert held == [True]
    assert not detector.lock.locked()


def test_our_post_processing_agrees_with_torchvisions(detector, folder):
    names = frameworks.torchvision().models.detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    theirs = by_torchvision(detector.spec.key, folder, photo(), nms=0.47, limit=10_000)
    known = np.array([names[i] in detector.spec.labels for i in theirs["labels"]], bool)
    ours = select(detector.candidates(photo()), MIN_SCORE, 0.47, max_detections=10_000).detections()
    count = int(known.sum())
    assert len(ours) == pytest.approx(count, abs=count / 500)  # they compute IoU in float32: a tie may go either way
    first = min(count, 200)
    assert first > 5
    np.testing.assert_allclose(ours.confidence[:first], theirs["scores"][known][:first], atol=1e-4)
    np.testing.assert_allclose(
        np.sort(ours.xyxy[:first], axis=0), np.sort(theirs["boxes"][known][:first], axis=0), atol=0.05
    )
    assert sorted(ours["class_name"][:first]) == sorted(names[i] for i in theirs["labels"][known][:first])


def test_two_stage_detectors_return_the_proposals(detector):
    found = detector.candidates(photo())
    if not detector.spec.key.startswith("fasterrcnn"):
        assert found.proposals_xyxy is None
        return
    assert found.proposals_xyxy.shape == (len(found.objectness), 4)
    assert len(found.objectness) > 10
    assert (found.proposals_xyxy >= 0).all()
    assert (found.proposals_xyxy <= np.array([130, 90, 130, 90]) + 1e-3).all()
    assert (np.diff(found.objectness) <= 0).all()  # the most sure first


def test_sizes_are_those_that_the_network_takes(detector):
    if detector.spec.key.startswith("ssd"):
        assert detector.sides == (320,)
    with pytest.raises(ValueError, match="The image size must be one of"):
        detector.candidates(photo(), 333)


def test_the_prediction_is_the_candidates_after_post_processing(detector):
    detections = detector.predict(photo(), confidence=0.06, iou=0.4, max_detections=7)
    assert 0 < len(detections) <= 7
    assert detections.metadata["device"] == "cpu"
    with pytest.raises(ValueError, match="confidence"):
        detector.predict(photo(), confidence=2)


def test_broken_weights_are_one_sentence(no_models, monkeypatch, tmp_path):
    spec = find("ssd300_vgg16")
    (tmp_path / spec.weights).write_bytes(b"not a weights file")
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match="cannot be read: please replace ssd300_vgg16_coco"):
        load(spec.key, "cpu")


def test_weights_of_another_network_are_one_sentence(no_models, monkeypatch, tmp_path, folder):
    spec = find(KEYS[0])
    (tmp_path / spec.weights).write_bytes((folder / find(KEYS[1]).weights).read_bytes())
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load(spec.key, "cpu")
