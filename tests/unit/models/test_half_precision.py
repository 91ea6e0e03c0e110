"""Half precision: used where predictions stay the same and are faster, never for gradients, never on a CPU."""

import os
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv

from cnn_demo import models
from cnn_demo.images import sample_photos
from cnn_demo.machine import IN_HALF, on_device
from cnn_demo.models import find, frameworks, gpu_memory, half_precision, list_models, load
from cnn_demo.models.detection import torchvision_detectors
from cnn_demo.models.detection.torchvision_detectors import TorchvisionDetector
from cnn_demo.models.detection.yolo_detector import YoloDetector, read_network
from cnn_demo.models.detection.yolo_engines import TorchEngine, with_raw_outputs
from cnn_demo.models.explanation.explain import explain
from cnn_demo.models.explanation.one_prediction import explain_prediction
from cnn_demo.models.explanation.targets import candidate_target
from cnn_demo.models.half_precision import BOX, PIXELS, PROBABILITY, Half, agree, is_close
from cnn_demo.models.segmentation import segmenters
from cnn_demo.models.torch_weights import with_weights
from cnn_demo.results import Classification, Localization, Segmentation
from cnn_demo.ui.widgets.explanation_views import loaded_in_torch, other_engine

SAMPLES = Path(os.environ.get("CNN_DEMO_DATA", "data")) / "imagenet_samples.tar.gz"  # INDEX_WNID.jpg, 100 photos
LABELS = tuple("abcdefgh")


def classified(*probabilities: float) -> Classification:
    return Classification(LABELS[: len(probabilities)], np.array(probabilities, np.float32))


class Fake:
    """A classifier on a GPU that predicts otherwise, or finds no memory, in half precision; it counts its runs."""

    def __init__(self, in_half=(0.6, 0.4), error=None):
        self.spec, self.half = find("cifar10_cnn"), Half("cuda", largest_batch=16)
        self.in_half, self.error, self.runs = in_half, error, 0

    def predict(self, pixels):
        return self.half.run(self.forward, np.zeros((1, 2, 2, 3), np.float32))

    def forward(self, batch):
        self.runs += 1
        in_half = self.half.covers(len(batch))
        if in_half and self.error:
            raise self.error
        return classified(*(self.in_half if in_half else (0.6, 0.4)))


@pytest.fixture
def milliseconds(monkeypatch):
    """The times of a forward pass: (batch, in half precision) to milliseconds."""
    monkeypatch.delenv("CNN_DEMO_HALF", raising=False)
    monkeypatch.setattr(half_precision, "_DECIDED", {})
    monkeypatch.setattr(Half, "context", lambda half, count=1: np.errstate())  # no GPU, no autocast
    times = {(count, False): 10.0 for count in (1, 4, 16)} | {(count, True): 5.0 for count in (1, 4, 16)}
    monkeypatch.setattr(half_precision, "_timed", lambda half, _, batch: times[len(batch), half.covers(len(batch))])
    return times


def test_half_precision_is_used_where_it_is_faster_and_predicts_the_same(milliseconds):
    model = Fake()
    half_precision.decide(model)
    assert model.half.from_batch == 1
    assert model.half.last_call is None  # nothing is kept
    assert model.half.engine("torch") == IN_HALF


def test_other_predictions_keep_float32(milliseconds):
    for in_half in ((0.4, 0.6), (0.6 - 2 * PROBABILITY, 0.4 + 2 * PROBABILITY), (np.nan, np.nan)):
        model = Fake(in_half)
        half_precision.decide(model)
        assert model.half.from_batch is None, in_half
        half_precision._DECIDED.clear()


@pytest.mark.parametrize(("alone", "of_four", "from_batch"), [(9.5, 9.5, 16), (12, 6, 4), (5, 12, 1)])
def test_it_must_be_faster_by_more_than_chance(milliseconds, alone, of_four, from_batch):
    milliseconds[1, True], milliseconds[4, True] = alone, of_four
    model = Fake()
    half_precision.decide(model)
    assert model.half.from_batch == from_batch
    assert model.half.engine("torch", from_batch) == IN_HALF
    assert model.half.engine("torch", from_batch - 1) == "torch"
    milliseconds.update(dict.fromkeys(milliseconds, 10.0))
    assert half_precision.smallest_batch(model, model.half) is None


def test_without_memory_for_the_trial_float32_is_kept(milliseconds, monkeypatch):
    monkeypatch.setattr(models, "load", lambda key, device: pytest.fail("it fell back to the CPU"))
    monkeypatch.setattr(Fake, "predict", gpu_memory.or_on_cpu(Fake.predict))
    gpu_memory.fell_back()
    model = Fake(error=frameworks.torch().OutOfMemoryError("CUDA out of memory."))
    half_precision.decide(model)
    assert model.half.from_batch is None
    assert not gpu_memory.fell_back()
    half_precision.decide(later := Fake())  # there may be memory when it is loaded again
    assert later.half.from_batch == 1


def test_a_trial_that_fails_keeps_float32(milliseconds):
    model = Fake(error=ValueError("cannot convert float NaN to integer"))
    half_precision.decide(model)
    assert (model.half.from_batch, model.half.last_call) == (None, None)


def test_a_model_is_tried_once_for_each_device(milliseconds):
    half_precision.decide(Fake())
    again = Fake()
    half_precision.decide(again)
    assert (again.half.from_batch, again.runs) == (1, 0)


def test_the_operator_decides(milliseconds, monkeypatch):
    for value, from_batch in (("off", None), ("ON", 1)):
        monkeypatch.setenv("CNN_DEMO_HALF", value)
        model = Fake(in_half=(0, 1))
        half_precision.decide(model)
        assert (model.half.from_batch, model.runs) == (from_batch, 0)
        model.half.device = "cpu"
        model.half.from_batch = None
        half_precision.decide(model)
        assert model.half.from_batch is None  # a CPU emulates float16
    monkeypatch.setenv("CNN_DEMO_HALF", "float16")
    with pytest.raises(ValueError, match="CNN_DEMO_HALF must be auto, on or off"):
        half_precision.decide(Fake())


def test_a_loaded_model_is_decided_about_before_anyone_has_it(monkeypatch):
    decided = []
    monkeypatch.setattr(half_precision, "decide", decided.append)
    models.release()
    model = load("cifar10_cnn", "cpu")
    assert decided == [model]
    assert load("cifar10_cnn", "cpu") is model
    assert decided == [model]


def test_classifications_agree_up_to_small_differences():
    assert agree(classified(0.5, 0.3, 0.2), classified(0.505, 0.298, 0.197))
    assert agree(classified(0.5, 0.2501, 0.2499), classified(0.5, 0.2499, 0.2501))  # a tie below the top-1
    assert not agree(classified(0.501, 0.499), classified(0.499, 0.501))
    assert not agree(classified(0.5, 0.3, 0.2), classified(0.5, 0.28, 0.22))


def test_localizations_agree_up_to_a_pixel():
    probabilities = np.array([0.9, 0.1], np.float32)
    one = Localization("a", 0.9, np.array([10, 10, 50, 50], np.float32), ("a", "nothing"), probabilities)
    assert agree(one, replace(one, box_xyxy=one.box_xyxy + 0.9 * BOX))
    assert not agree(one, replace(one, box_xyxy=one.box_xyxy + 1.1 * BOX))
    nothing = replace(one, label=None, box_xyxy=None)
    assert agree(nothing, nothing)
    assert not agree(one, nothing)


def test_segmentations_agree_in_nearly_all_pixels():
    one = Segmentation(np.zeros((100, 100), int), ("a", "b"), np.ones((100, 100), np.float32))
    for count, same in ((int(PIXELS * 1e4), True), (int(PIXELS * 1e4) + 1, False)):
        others = np.zeros(10_000, int)
        others[:count] = 1
        assert agree(one, replace(one, class_map=others.reshape(100, 100))) is same


def detections(boxes, scores, class_ids, masks=None) -> sv.Detections:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return sv.Detections(boxes, mask=masks, confidence=np.array(scores, float), class_id=np.array(class_ids, int))


def test_detections_agree_in_class_box_score_and_mask():
    one = detections([[0, 0, 40, 40], [50, 50, 90, 90]], [0.9, 0.6], [0, 1])
    assert agree(one, detections([[50, 50, 90, 90.9], [0, 0, 40, 40]], [0.609, 0.9], [1, 0]), 0.25)
    for other in (
        detections([[0, 0, 40, 40]], [0.9], [0]),
        detections([[0, 0, 40, 40], [50, 50, 90, 91.1]], [0.9, 0.6], [0, 1]),
        detections([[0, 0, 40, 40], [50, 50, 90, 90]], [0.9, 0.58], [0, 1]),
        detections([[0, 0, 40, 40], [50, 50, 90, 90]], [0.9, 0.6], [0, 0]),
        detections([[0, 0, 40, 40], [50, 50, 90, 90], [5, 5, 9, 9]], [0.9, 0.6, 0.5], [0, 1, 1]),
    ):
        assert not agree(one, other, 0.25)
        assert not agree(other, one, 0.25)
    assert agree(one, detections([[0, 0, 40, 40], [50, 50, 90, 90], [5, 5, 9, 9]], [0.9, 0.6, 0.245], [0, 1, 1]), 0.25)
    masks = np.zeros((2, 100, 100), bool)
    masks[:, 20:80, 20:80] = True
    shifted = np.roll(masks, 1, axis=2)
    one = detections(one.xyxy, one.confidence, one.class_id, masks)
    assert agree(one, one)
    assert not agree(one, detections(one.xyxy, one.confidence, one.class_id, shifted))
    assert agree(detections([], [], []), detections([], [], []))


def test_the_page_says_in_which_precision():
    assert on_device("cuda", "torch") == "on the GPU, with PyTorch"
    assert on_device("cuda", IN_HALF) == "on the GPU, with PyTorch in half precision"
    assert loaded_in_torch(IN_HALF) == loaded_in_torch("torch") == other_engine("torch", 0.9, 0.9) == ""
    words = " The score of this class is 90.1% in float32 and 90.3% in half precision."
    assert other_engine(IN_HALF, 0.901, 0.903) == words


def in_torch(key: str):
    """A bundled network in torch on the CPU, where autocast computes in float16 too, only slower."""
    spec = find(key)
    if spec.family == "yolo":
        network = with_raw_outputs(read_network(spec.weights_file().path, spec))
        return YoloDetector(spec, TorchEngine(network, "cpu"), "cpu")
    if spec.family == "smp":
        network = with_weights(spec, segmenters.build_smp)
        return segmenters.SemanticSegmenter(spec, network, "cpu", int(network.encoder.output_stride))
    if frameworks.keras_backend() != "torch":
        pytest.skip("Keras runs on TensorFlow: --keras torch runs this test")
    return load(key, "cpu")


@pytest.fixture
def chelsea() -> np.ndarray:
    return next(sample for sample in sample_photos() if sample.key == "chelsea").load(640).pixels


@pytest.mark.parametrize("key", ["cifar10_cnn", "caltech_localizer", "assorted_yolo11n", "pets_instances", "pet_unet"])
def test_each_family_predicts_the_same_in_float16(key, chelsea):
    model = in_torch(key)
    exact = model.predict(chelsea)
    model.half.from_batch = 1
    try:
        found = model.predict(chelsea)
    finally:
        model.half.from_batch = None
    assert agree(exact, found, model.spec.threshold)
    for name in ("probabilities", "confidence", "xyxy"):
        values, before = getattr(found, name, None), getattr(exact, name, None)
        if values is not None:
            assert values.dtype == before.dtype != np.float16
            assert not np.array_equal(values, before), f"{name} were not computed in float16"
    assert (found.metadata["engine"] if isinstance(found, sv.Detections) else found.engine) == IN_HALF


def test_ties_and_numbers_beyond_float16_are_close():
    rows = [[0.5, 0.485, 0.015], [0.6, 0.3, 0.1], [np.nan, np.nan, np.nan], [np.nan, 0.9, 0.1]]
    assert is_close(np.array(rows, np.float32)).tolist() == [True, False, True, True]


def test_a_tie_of_two_classes_is_decided_in_float32(chelsea, monkeypatch):
    model = in_torch("cifar10_cnn")
    batch, logits = np.zeros((2, 32, 32, 3), np.uint8), np.eye(10, dtype=np.float32)[:2] * 9
    logits[1, 2] = 9 + 1e-3
    exact = logits.copy()
    exact[1, 2] = 9 - 1e-3
    # As autocast would do: others are computed in half precision, from a batch of two on.
    monkeypatch.setattr(model, "_logits", lambda inputs: logits.copy() if len(inputs) == 2 else exact[1:])
    monkeypatch.setattr(model.half, "from_batch", 2)
    found = model.predict_batch(batch, 0.0)
    assert [each.probabilities.argmax() for each in found] == [0, 1]
    assert [each.engine for each in found] == [IN_HALF, "torch"]


@pytest.mark.parametrize("key", ["fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large"])
def test_torchvisions_detectors_run_in_float16(key, chelsea):
    torch = frameworks.torch()
    torch.manual_seed(0)
    model, seen = TorchvisionDetector(find(key), torchvision_detectors.build(find(key)), "cpu"), set()
    for module in model.network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _module, _given, out: seen.add(out.dtype))
    exact = model.candidates(chelsea)
    assert seen == {torch.float32}
    model.half.from_batch = 1
    seen.clear()
    found = model.candidates(chelsea)
    assert seen == {torch.float16}
    assert found.boxes_xyxy.dtype == found.scores.dtype == np.float32
    assert np.isfinite(found.boxes_xyxy).all()
    assert (exact.engine, found.engine) == ("torch", IN_HALF)
    if exact.objectness is not None:
        np.testing.assert_allclose(found.objectness[:10], exact.objectness[:10], atol=PROBABILITY)


def test_only_batches_of_the_size_are_in_half_precision(chelsea):
    model = in_torch("assorted_yolo11n")
    picture = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    alone, _ = model._run(picture)
    model.half.from_batch = 4
    for count, engine in ((1, "torch"), (3, "torch"), (4, IN_HALF)):
        outputs, name = model._run(np.repeat(picture, count, axis=0))
        assert name == engine
        assert np.allclose(outputs[0][0], alone[0][0], atol=1e-4) is (engine == "torch")


def test_gradients_stay_in_float32(chelsea):
    model = in_torch("assorted_yolo11n")
    candidates = model.candidates(chelsea)
    target = candidate_target(candidates, int(candidates.scores.argmax()))
    expected = explain_prediction(model, chelsea, target).map
    model.half.from_batch = 1
    np.testing.assert_array_equal(explain_prediction(model, chelsea, target).map, expected)


def test_explanations_and_logits_of_classifiers_stay_in_float32(chelsea):
    model = load("cifar10_cnn", "cpu")
    seen = model.prepare(chelsea)
    expected, logits = explain(model, seen, 3, "grad_cam"), model.logits(seen[None])
    model.half.from_batch = 1
    try:
        np.testing.assert_array_equal(explain(model, seen, 3, "grad_cam"), expected)
        np.testing.assert_array_equal(model.logits(seen[None]), logits)
    finally:
        model.half.from_batch = None


@pytest.fixture
def gpu(cuda, monkeypatch):
    """A GPU on which half precision is used always."""
    monkeypatch.setenv("CNN_DEMO_HALF", "on")


@pytest.mark.gpu
@pytest.mark.parametrize("key", [spec.key for spec in list_models() if spec.availability() == "bundled"])
def test_predictions_on_the_gpu_are_those_of_float32(gpu, key):
    """Those that are not are left in float32 by `auto`; the trial itself decides about them here."""
    model = load(key)
    half = model.half
    half.from_batch = None
    from_batch = half_precision.smallest_batch(model, half)
    for sample in sample_photos():
        pixels = sample.load().pixels
        exact = half_precision._predicted(model, pixels)
        half.from_batch = from_batch and 1
        assert agree(exact, half_precision._predicted(model, pixels), model.spec.threshold), sample.key
        half.from_batch = None


@pytest.mark.gpu
@pytest.mark.parametrize("key", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_the_top_1_of_a_hundred_photos_is_unchanged_on_the_gpu(gpu, key):
    if not SAMPLES.is_file():
        pytest.skip(f"needs {SAMPLES.name} in the folder that CNN_DEMO_DATA names")
    model = load(key)
    with tarfile.open(SAMPLES) as archive:
        files = [archive.extractfile(member).read() for member in archive if member.name.endswith(".jpg")]
    assert len(files) == 100
    changed = 0
    for data in files:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        tops = []
        for model.half.from_batch in (None, 1):
            tops.append(model.predict(pixels).top(1)[0][0])
        changed += tops[0] != tops[1]
    assert changed == 0
