"""Listing, finding and loading of models, and that evicted ones are freed."""

import gc
import inspect
import threading
import time
import weakref
from dataclasses import replace

import pytest

from cnn_demo import models
from cnn_demo.models import ModelUnavailable, find, frameworks, list_models, load
from cnn_demo.models.catalogue.registry import AVAILABILITIES, MODELS, TASKS
from cnn_demo.models.detection.everyday_network import EVERYDAY, EVERYDAY_MASKS, everyday_detector
from cnn_demo.models.files import weights
from cnn_demo.models.files.weights import BUNDLED


def test_a_row_is_complete():
    for spec in MODELS:
        assert spec.task in TASKS, spec.key
        assert spec.availability() in AVAILABILITIES, spec.key
        assert len(set(spec.labels)) == len(spec.labels) > 1, spec.key
        assert spec.paper.startswith("https://"), spec.key
        assert all((spec.title, spec.architecture, spec.licence)), spec.key
        assert spec.training_data.endswith("."), spec.key
        assert min(spec.input_size) > 0, spec.key


def test_every_family_has_a_loader():
    program = inspect.getsource(models._load_row)
    assert [spec.family for spec in MODELS if f'"{spec.family}"' not in program] == []
    with pytest.raises(ValueError, match="tomorrows"):
        models._load_row(replace(MODELS[0], family="tomorrows"), "cpu")


@pytest.mark.parametrize(
    ("load_one", "task"),
    [
        (models.load_classifier, "classification"),
        (models.load_localizer, "localization"),
        (models.load_detector, "detection"),
        (models.load_detector, "instance-segmentation"),
        (models.load_segmenter, "semantic-segmentation"),
    ],
)
def test_a_loader_of_a_task_loads_models_of_this_task_and_no_others(load_one, task, monkeypatch):
    loaded = []
    monkeypatch.setattr(models, "load", lambda key, device: loaded.append((key, device)))
    key = list_models(task)[0].key
    load_one(key, "cpu")
    assert loaded == [(key, "cpu")]
    other = "semantic-segmentation" if task == "localization" else "localization"
    with pytest.raises(ValueError, match=f"is a model for {other}, not for .*{task}"):
        load_one(list_models(other)[0].key)


def test_keys_are_distinct():
    assert len({spec.key for spec in MODELS}) == len(MODELS)


IN_ASSETS = [spec for spec in MODELS if (BUNDLED / spec.weights).is_file()]


def test_a_bundled_row_agrees_with_its_file_and_its_card():
    for spec in IN_ASSETS:
        assert (BUNDLED / spec.weights).stat().st_size == spec.bytes < 20e6, spec.key
        assert f"{spec.metric.value:.4f}" in spec.card(), spec.key
        if not spec.backbone:
            assert spec.availability() == "bundled"


@pytest.mark.parametrize("spec", [spec for spec in IN_ASSETS if not spec.backbone], ids=lambda spec: spec.key)
def test_a_bundled_row_agrees_with_its_network(spec):
    if spec.family in ("yolo", "smp"):
        assert torch_parameters(spec) == spec.parameters
    else:
        assert load(spec.key).network.count_params() == spec.parameters


def torch_parameters(spec) -> int:
    """Count the parameters of a torch network as it was built: loading fuses some of them."""
    if spec.family == "smp":
        from cnn_demo.models.segmentation.segmenters import build_smp

        network = build_smp(spec)
    elif spec.builder in (EVERYDAY, EVERYDAY_MASKS):
        network = everyday_detector(spec.labels, with_masks=spec.builder == EVERYDAY_MASKS)
    else:
        frameworks.ultralytics()
        from ultralytics.nn import tasks

        kind = tasks.SegmentationModel if "-seg" in spec.builder else tasks.DetectionModel
        network = kind(spec.builder, nc=len(spec.labels), verbose=False)
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_cifar10_network_is_bundled_and_small():
    spec = find("cifar10_cnn")
    assert spec.availability() == "bundled"
    assert spec.parameters <= 800_000
    assert spec.metric.value >= 0.89


def test_listing_by_task():
    assert find("cifar10_cnn") in list_models("classification")
    assert list_models() == MODELS
    with pytest.raises(ValueError, match="choose one of classification"):
        list_models("dreaming")


def test_an_unknown_key_names_the_choices():
    with pytest.raises(KeyError, match="cifar10_cnn"):
        find("resnet_of_dreams")
    with pytest.raises(KeyError, match="cifar10_cnn"):
        load("resnet_of_dreams")


class Fake:
    """Stands for a loaded model."""


@pytest.fixture
def fakes(no_models, monkeypatch):
    """Rows a, b, c, d whose loading takes a moment and is counted."""
    loaded = []

    def loader(spec, device):
        loaded.append(spec.key)
        time.sleep(0.05)
        return Fake()

    monkeypatch.setattr(models, "_load_row", loader)
    rows = tuple(replace(MODELS[0], key=key) for key in "abcd")
    monkeypatch.setattr(models, "find", lambda key: next(row for row in rows if row.key == key))
    return loaded


def test_concurrent_requests_load_a_model_once(fakes):
    got = []
    threads = [threading.Thread(target=lambda: got.append(load("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fakes == ["a"]
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_the_cache_is_limited_and_frees_the_oldest_model(fakes, monkeypatch):
    monkeypatch.setattr(models, "CPU_FRACTION", 0)  # no memory for weights, so that only the fewest are kept
    kept = [weakref.ref(load(key)) for key in "abc"]
    load("a")  # used again: now b is the one that was used longest ago
    load("d")
    gc.collect()
    assert [ref() is not None for ref in kept] == [True, False, True]
    assert len(models._MODELS["cpu"]) == models.MAX_MODELS == 3


def test_small_models_stay_until_they_are_too_many(fakes, monkeypatch):
    cache = models._ModelCache("cpu")
    for number in range(9):
        cache[replace(MODELS[0], key=str(number)), "cpu"] = Fake()
    assert [spec.key for spec, _ in cache] == list("12345678")


def test_a_load_that_fails_is_tried_again(no_models, monkeypatch):
    results = iter([ModelUnavailable("The weights are missing."), Fake()])

    def loader(spec, device):
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(models, "_load_row", loader)
    with pytest.raises(ModelUnavailable):
        load("cifar10_cnn")
    assert isinstance(load("cifar10_cnn"), Fake)


def test_an_evicted_keras_model_is_freed():
    model = load("cifar10_cnn")
    network, kernel = weakref.ref(model.network), weakref.ref(model.network.get_layer("stem").kernel)
    model.layers  # noqa: B018  derived objects must not keep it alive
    del model
    models.release()
    assert network() is None
    assert kernel() is None


def test_missing_weights_are_one_sentence(no_models, monkeypatch, tmp_path):
    monkeypatch.setattr("cnn_demo.models.catalogue.specs.find_weights", lambda name: None)
    with pytest.raises(ModelUnavailable, match=r"not on this machine: cifar10_cnn\.weights\.h5 is missing\.$"):
        load("cifar10_cnn")


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_broken_weights_are_one_sentence(no_models, monkeypatch, tmp_path, content):
    file = tmp_path / "cifar10_cnn.weights.h5"
    file.write_bytes(content)
    found = weights.WeightsFile(file, "bundled", len(content))
    monkeypatch.setattr("cnn_demo.models.catalogue.specs.find_weights", lambda name: found)
    with pytest.raises(ModelUnavailable, match=r"cannot be read: please replace cifar10_cnn\.weights\.h5\.$"):
        load("cifar10_cnn")


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_another_network_are_one_sentence(no_models, monkeypatch, tmp_path):
    keras = frameworks.keras()
    inputs = keras.Input((32, 32, 3))
    other = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="stem")(inputs))
    other.save_weights(tmp_path / "cifar10_cnn.weights.h5")
    found = weights.WeightsFile(tmp_path / "cifar10_cnn.weights.h5", "bundled", 1)
    monkeypatch.setattr("cnn_demo.models.catalogue.specs.find_weights", lambda name: found)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load("cifar10_cnn")
