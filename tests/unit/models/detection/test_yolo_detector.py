"""YOLO detectors with random weights under the official file name, compared with Ultralytics."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata

import numpy as np
import psutil
import pytest
import supervision as sv
from random_networks import fit_normalizations

from cnn_demo.models import ModelUnavailable, find, frameworks, list_models, load, openvino_export, release
from cnn_demo.models.detection.candidates import Grid, select
from cnn_demo.models.detection.yolo_detector import YoloDetector, cell_indices, decode, read_network
from cnn_demo.models.detection.yolo_engines import OpenVinoEngine, TorchEngine, openvino_file, with_raw_outputs

SIDE = 96
KEYS = ("yolo11n", "yolo26n")  # with and without NMS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A weights folder with two networks whose scores on `photo()` are spread from 0 to 1."""
    folder = tmp_path_factory.mktemp("weights")
    ultralytics, torch = frameworks.ultralytics(), frameworks.torch()
    for seed, key in enumerate(KEYS):
        torch.manual_seed(seed)
        model = ultralytics.YOLO(find(key).builder)
        model.model.names = dict(enumerate(find(key).labels))
        network, head = model.model, model.model.model[-1]
        seen = torch.tensor(photo().transpose(2, 0, 1)[None, :, :96, :64] / 255, dtype=torch.float32)
        fit_normalizations(network, torch.cat([seen, seen.flip(2), seen.flip(3), 1 - seen]))
        with torch.no_grad():
            outputs = network(seen)[1]
        for name, scores in (("cv3", outputs.get("one2many", outputs)), ("one2one_cv3", outputs.get("one2one"))):
            if scores is None:
                continue
            logits = scores["scores"]
            offset = float(logits.quantile(0.99))
            factor = 4 / (float(logits.max()) - offset)  # the surest is 98% sure, one in a hundred 50%
            for branch in getattr(head, name):
                last = branch[-1]
                last.weight.data *= factor
                last.bias.data = (last.bias.data - offset) * factor
        model.save(folder / find(key).weights)
    return folder


@pytest.fixture(scope="module")
def own_folder(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNN_DEMO_WEIGHTS", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        release()
        yield
        release()


@pytest.fixture(scope="module", params=KEYS)
def detector(request, own_folder) -> YoloDetector:
    """It begins in torch, and is waited for until it runs in OpenVINO."""
    model = load(request.param, "cpu")
    model.by_torch = model.candidates(photo(), SIDE)
    model.wait_for_export()
    assert model.engine == "OpenVINO"
    return model


@pytest.fixture(scope="module")
def reference(folder):
    """Ultralytics' own networks."""
    ultralytics = frameworks.ultralytics()
    return {key: ultralytics.YOLO(folder / find(key).weights) for key in KEYS}


def photo(height: int = 120, width: int = 90, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_ultralytics(model, pixels: np.ndarray, end_to_end: bool, **settings) -> np.ndarray:
    with frameworks.keep_torch_threads():
        boxes = model.predict(
            pixels[..., ::-1], imgsz=SIDE, verbose=False, device="cpu", nms=not end_to_end, **settings
        )[0].boxes
    return boxes.data.numpy()


def assert_same(
    ours: sv.Detections, boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, pixels: float
) -> None:
    """Each has its like among the others, by class, score and box.

    Boxes with equal scores may come in any order, and those with the score of the last one may be over the limit.
    """
    assert len(ours) == len(boxes) > 2
    np.testing.assert_allclose(ours.confidence, scores, atol=0.01)
    free = np.ones(len(boxes), bool)
    for box, score, class_id in zip(ours.xyxy, ours.confidence, ours.class_id, strict=True):
        if score < scores.min() + 0.01:
            continue
        alike = free & (class_ids == class_id) & (np.abs(scores - score) < 0.01)
        alike &= np.abs(boxes - box).max(axis=1) < pixels
        assert alike.any(), (box, score, class_id)
        free[np.flatnonzero(alike)[0]] = False


@pytest.mark.parametrize(
    "settings", [{"conf": 0.25, "iou": 0.7, "max_det": 100}, {"conf": 0.5, "iou": 0.3, "max_det": 4}]
)
def test_detections_agree_with_ultralytics(detector, reference, settings):
    names = {"conf": "confidence", "iou": "iou", "max_det": "max_detections"}
    ours = detector.predict(photo(), side=SIDE, **{names[name]: value for name, value in settings.items()})
    theirs = by_ultralytics(reference[detector.spec.key], photo(), not detector.needs_nms, **settings)
    assert isinstance(ours, sv.Detections)
    assert_same(ours, theirs[:, :4], theirs[:, 4], theirs[:, 5].astype(int), pixels=0.5)
    assert ours["class_name"].tolist() == [detector.spec.labels[i] for i in ours.class_id]


def test_openvino_agrees_with_torch(detector):
    torch_boxes, now = detector.by_torch, detector.candidates(photo(), SIDE)
    assert (torch_boxes.engine, now.engine) == ("torch", "OpenVINO")
    ours, theirs = (select(found, 0.3, 0.7, max_detections=5000).detections() for found in (now, torch_boxes))
    assert_same(ours, theirs.xyxy, theirs.confidence, theirs.class_id, pixels=1)


def test_the_next_time_it_begins_in_openvino(detector, folder):
    spec = detector.spec
    release()
    assert openvino_file(spec, folder / spec.weights).is_file()
    again = load(spec.key, "cpu")
    assert again.engine == "OpenVINO"
    assert (again.strides, again.needs_nms) == (detector.strides, detector.needs_nms)


def test_the_end_to_end_head_needs_no_suppression(detector):
    assert detector.needs_nms == (detector.spec.key == "yolo11n")
    found = detector.candidates(photo(), SIDE)
    assert found.needs_nms == detector.needs_nms
    if not detector.needs_nms:
        loose, strict = (detector.predict(photo(), iou=iou, side=SIDE) for iou in (1.0, 0.0))
        np.testing.assert_array_equal(loose.xyxy, strict.xyxy)


def test_candidates_have_their_cells_at_any_image_size(detector):
    for height, width in ((40, 300), (500, 20), (1, 1)):
        found = detector.candidates(photo(height, width), SIDE)
        rows, columns = (length // 32 for length in found.frame.input)
        assert found.grids[-1] == Grid(32, rows, columns)
        assert found.visible().min(initial=0) >= 0
        assert (found.visible() <= (width, height, width, height)).all()
        if len(found.scores):
            left, top, right, bottom = found.cell_xyxy(0)
            assert 0 <= left <= right <= width
            assert 0 <= top <= bottom <= height


def test_all_classes_of_a_cell_can_be_returned(detector):
    most_likely = detector.candidates(photo(), SIDE)
    all_classes = detector.candidates(photo(), SIDE, several_classes=True)
    assert len(all_classes.scores) >= len(most_likely.scores)
    assert all_classes.scores.max() == most_likely.scores.max()


def test_eight_concurrent_visitors_get_the_same_predictions(detector):
    photos = [photo(60 + 7 * seed, 130 - 5 * seed, seed) for seed in range(6)]
    serial = [detector.predict(pixels, side=SIDE) for pixels in photos]
    with ThreadPoolExecutor(8) as pool:
        predictions = list(pool.map(lambda i: detector.predict(photos[i % 6], side=SIDE), range(48)))
    for i, prediction in enumerate(predictions):
        np.testing.assert_array_equal(prediction.xyxy, serial[i % 6].xyxy)
        np.testing.assert_array_equal(prediction.confidence, serial[i % 6].confidence)


def test_visitors_of_a_gpu_share_batches_and_get_their_own_predictions(detector, folder, monkeypatch):
    spec, batches = detector.spec, []
    engine = TorchEngine(with_raw_outputs(read_network(folder / spec.weights, spec)), "cpu")
    shared = YoloDetector(spec, engine, "cuda")
    shared._batcher.wait, shared._batcher.max_batch = 60, 4  # until all four have come
    run_batch = shared._batcher.run

    def run(pictures):
        batches.append(len(pictures))
        return run_batch(pictures)

    monkeypatch.setattr(shared._batcher, "run", run)
    photos = [photo(60, 130, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda pixels: shared.raw(pixels, SIDE), photos))
    assert batches == [4]
    one_by_one = YoloDetector(spec, engine, "cpu")
    for pixels, found in zip(photos, outputs, strict=True):
        alone = one_by_one.raw(pixels, SIDE)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-3)
        np.testing.assert_allclose(found.boxes_xyxy, alone.boxes_xyxy, atol=0.1)
        assert found.engine == "torch"


def test_the_network_runs_only_while_its_lock_is_held(detector, monkeypatch):
    engine, held = detector._engine, []

    class Watched:
        name = engine.name

        def __call__(self, picture):
            held.append(detector.lock.locked())
            return engine(picture)

    monkeypatch.setattr(detector, "_engine", Watched())
    detector.predict(photo())
    assert held == [True]
    assert not detector.lock.locked()


def test_openvino_sends_no_telemetry(detector):
    assert sys.modules["openvino_telemetry"] is None
    # The converter would fork this process; the browser stories, which run before, have other programs as children.
    command = psutil.Process().cmdline()
    assert [child for child in psutil.Process().children() if child.cmdline() == command] == []


def test_torchs_threads_are_left_alone(detector):
    assert frameworks.torch().get_num_threads() == frameworks.thread_count()


def test_invalid_input_is_refused(detector):
    with pytest.raises(ValueError, match="must be a multiple of 32, not 100"):
        detector.predict(photo(), side=100)
    with pytest.raises(ValueError, match="There is no class 'unicorn'"):
        detector.predict(photo(), classes=["unicorn"])
    with pytest.raises(ValueError, match="uint8"):
        detector.predict(photo().astype(np.float32))


def test_if_the_export_fails_it_stays_in_torch(no_models, own_folder, monkeypatch, tmp_path, caplog):
    def fail(network, path):
        raise OSError("disk full")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("cnn_demo.models.detection.yolo_detector.export_to_openvino", fail)
    model = load("yolo11n", "cpu")
    model.wait_for_export()
    assert model.engine == "torch"
    assert "stays in torch" in caplog.text
    assert len(model.predict(photo(), side=SIDE)) > 0


def test_cells_come_grid_by_grid_and_row_by_row():
    grids = (Grid(8, 2, 3), Grid(16, 1, 2))
    assert cell_indices(grids).tolist() == [
        [0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 0], [0, 1, 1], [0, 1, 2], [1, 0, 0], [1, 0, 1],
    ]  # fmt: skip
    boxes = decode(np.ones((8, 4), np.float32), grids)
    assert boxes[4].tolist() == [4, 4, 20, 20]  # one cell of 8 pixels each way from (12, 12)
    assert boxes[7].tolist() == [8, -8, 40, 24]


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"PK\x03\x04" + bytes(300)])
def test_broken_weights_are_one_sentence(no_models, monkeypatch, tmp_path, content):
    (tmp_path / "yolov8n.pt").write_bytes(content)
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"“YOLOv8n” cannot be read: please replace yolov8n\.pt\.$"):
        load("yolov8n", "cpu")


def test_a_network_with_other_classes_is_refused(no_models, own_folder, folder, monkeypatch, tmp_path):
    model = frameworks.ultralytics().YOLO(folder / "yolo11n.pt")
    model.model.names = {i: f"thing {i}" for i in range(80)}
    model.save(tmp_path / "yolo11n.pt")
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match="other classes than “YOLO11n”"):
        load("yolo11n", "cpu")


def test_missing_weights_are_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("cnn_demo.models.catalogue.specs.find_weights", lambda name: None)
    with pytest.raises(ModelUnavailable, match=r"not on this machine: yolo11x\.pt is missing\.$"):
        load("yolo11x", "cpu")


@pytest.mark.parametrize("key", ["yolo26n", "yolo12n", "yolo11n", "yolov9t", "yolov8n", "yolov3-tinyu"])
def test_a_row_is_the_network_that_ultralytics_builds(key):
    spec = find(key)
    assert spec in list_models("detection")
    network = frameworks.ultralytics().YOLO(spec.builder).model
    assert sum(parameter.numel() for parameter in network.parameters()) == spec.parameters


def test_own_weights_are_loaded_into_an_architecture_built_here(monkeypatch, tmp_path):
    frameworks.ultralytics()
    from safetensors.torch import save_file
    from ultralytics.nn.tasks import DetectionModel

    spec = replace(find("yolo11n"), key="own", labels=("nut", "bolt"), weights="own.safetensors")
    network = DetectionModel(spec.builder, nc=2, verbose=False)
    state = {name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()}
    save_file(state, tmp_path / spec.weights)
    read = read_network(tmp_path / spec.weights, spec)
    pictures = frameworks.torch().rand(1, 3, 64, 64)
    with frameworks.torch().no_grad():
        ours, theirs = read(pictures)[0], network.eval()(pictures)[0]
    assert ours.shape == (1, 6, 84)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=0.02, atol=0.2)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        read_network(tmp_path / spec.weights, replace(spec, labels=("nut", "bolt", "screw")))


def test_openvino_files_name_the_libraries_however_they_were_installed(tmp_path, monkeypatch):
    """Ultralytics comes as `ultralytics` or as `ultralytics-opencv-headless`."""
    installed = metadata.version

    def version(name):
        if name.startswith("ultralytics"):
            raise metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(openvino_export, "version", version)
    (tmp_path / "yolo11n.pt").write_bytes(b"one")
    folder = openvino_file(find("yolo11n"), tmp_path / "yolo11n.pt").parent.name
    assert folder == f"openvino{installed('openvino')}-ultralytics{frameworks.ultralytics().__version__}"


def test_openvino_files_name_the_weights_that_they_were_made_from(tmp_path):
    spec, paths = find("yolo11n"), []
    for content in (b"one", b"two"):
        (tmp_path / "yolo11n.pt").write_bytes(content)
        paths.append(openvino_file(spec, tmp_path / "yolo11n.pt"))
    assert paths[0] != paths[1]
    assert paths[0].parent == paths[1].parent
    assert OpenVinoEngine.name in {"OpenVINO"}
