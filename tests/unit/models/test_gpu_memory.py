"""A full GPU: models of one device are bounded in bytes, and a network that finds no memory runs on the CPU."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cnn_demo import models
from cnn_demo.images import sample_photos
from cnn_demo.machine import Machine
from cnn_demo.models import frameworks, gpu_memory, load
from cnn_demo.models.catalogue.registry import MODELS
from cnn_demo.models.explanation.explain import explain
from cnn_demo.models.half_precision import agree

ROW = MODELS[0]


MAPS = 300_000  # bytes of a prediction's feature maps
WORKSPACE = 32_000_000  # of cuBLAS, which takes it when it is first used


class Card:
    """A GPU that counts its allocations, in bytes, as `torch.cuda` does."""

    def __init__(self):
        self.used = self.most = 0
        self.has_cublas = True

    def allocate(self, count):
        self.used += count
        self.most = max(self.most, self.used)

    def is_available(self):
        return True

    def empty_cache(self):
        pass

    def memory_allocated(self):
        return self.used

    def max_memory_allocated(self):
        return self.most

    def reset_peak_memory_stats(self):
        self.most = self.used


class FakeModel:
    """A loaded model whose weights are on the card until it is freed."""

    def __init__(self, spec, device, card):
        self.spec, self.device, self.card = spec, device, card
        self.bytes = spec.parameters * gpu_memory.BYTES_PER_PARAMETER if device == "cuda" else 0
        card.allocate(self.bytes)

    def predict(self, pixels):
        self.card.allocate(MAPS)
        self.card.used -= MAPS

    def __del__(self):
        self.card.used -= self.bytes


@pytest.fixture
def card(monkeypatch):
    """A card of 8 MB in this machine, and rows "a", "b" ... of 250,000 parameters, 1 MB of weights each."""
    card = Card()
    rows = {key: replace(ROW, key=key, parameters=250_000) for key in "abcdefgh"} | {
        "large": replace(ROW, key="large", parameters=750_000)
    }
    machine = Machine("cuda", "a card", 8_000_000, cores=2, memory=2**34, free_memory=2**33)
    monkeypatch.setattr(gpu_memory, "describe_machine", lambda: machine)
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine)
    monkeypatch.setattr(frameworks, "keras_device", lambda requested: "cuda" if requested == "auto" else requested)

    def use_cublas(shape, device):
        if not card.has_cublas:
            card.allocate(WORKSPACE)
            card.has_cublas = True
        return np.ones(shape)

    torch = SimpleNamespace(cuda=card, ones=use_cublas, OutOfMemoryError=frameworks.torch().OutOfMemoryError)
    monkeypatch.setattr(frameworks, "torch", lambda: torch)
    monkeypatch.setattr(models, "find", rows.__getitem__)
    monkeypatch.setattr(models, "_load_row", lambda spec, device: FakeModel(spec, device, card))
    models.release()
    yield card
    models.release()


def test_weights_on_the_gpu_are_bounded_in_bytes(card):
    for key in "abcdefgh":
        load(key)
        assert card.used <= 4_000_000
    assert card.used == 4_000_000  # half of the card: four models, one more than on a CPU
    load("large")
    assert card.used == 4_000_000  # 3 MB, and the last of the small ones
    models.release()
    assert card.used == 0


def test_the_memory_of_each_loaded_model_is_measured(card):
    card.has_cublas = False
    load("large")
    card.allocate(2_000_000)  # of someone else
    load("a")
    load("b", "cpu")
    small = gpu_memory.Taken(weights=1_000_000, prediction=MAPS)
    assert gpu_memory.taken() == {"large": gpu_memory.Taken(3_000_000, MAPS), "a": small}
    load("c")  # for which the large one goes
    assert gpu_memory.taken() == {"a": small, "c": small}
    models.release()
    assert gpu_memory.taken() == {}


def test_a_prediction_that_does_not_fit_is_not_measured(card, monkeypatch):
    def predict(model, pixels):
        raise frameworks.torch().OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(FakeModel, "predict", predict)
    assert load("a").device == "cuda"
    assert gpu_memory.taken() == {"a": gpu_memory.Taken(1_000_000, None)}
    assert not gpu_memory.fell_back()


def test_a_model_that_fails_has_no_memory(card, monkeypatch):
    def predict(model, pixels):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(FakeModel, "predict", predict)
    with pytest.raises(RuntimeError, match="no kernel image"):
        load("a")
    assert gpu_memory.taken() == {}


def test_a_model_is_loaded_once_for_each_device(card):
    assert load("a") is load("a", "cuda")
    assert load("a", "cpu") is not load("a")
    assert load("a", "cpu").device == "cpu"
    assert card.used == 1_000_000


def test_a_model_that_does_not_fit_is_loaded_on_the_cpu(card, monkeypatch):
    out_of_memory = frameworks.torch().OutOfMemoryError

    def loader(spec, device):
        if device == "cuda":
            raise out_of_memory("CUDA out of memory.")
        return FakeModel(spec, device, card)

    monkeypatch.setattr(models, "_load_row", loader)
    assert load("a").device == "cpu"


@pytest.fixture
def full(monkeypatch):
    """The bundled classifier as if it were on a GPU whose memory is full."""
    model = load("cifar10_cnn", "cpu")
    copy = type(model)(model.spec, model.network, "cpu", model.temperature)

    def run(batch):
        raise frameworks.torch().OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(copy, "device", "cuda")
    monkeypatch.setattr(copy, "_logits", run)
    gpu_memory.fell_back()
    return model, copy


def test_out_of_memory_gives_the_cpus_result(full, caplog):
    model, copy = full
    pixels = sample_photos()[0].load().pixels
    with caplog.at_level(logging.WARNING):
        found = copy.predict(pixels)
    np.testing.assert_array_equal(found.probabilities, model.predict(pixels).probabilities)
    assert found.device == "cpu"
    assert "cifar10_cnn runs on the CPU" in caplog.text
    assert gpu_memory.fell_back()
    assert not gpu_memory.fell_back()  # told once
    assert not copy.lock.locked()


def test_a_batch_falls_back_too(full):
    """The photos of several visitors, on a cluster."""
    model, copy = full
    batch = np.stack([model.prepare(sample.load().pixels) for sample in sample_photos()[:2]])
    found, expected = (each.predict_batch(batch, 0.0) for each in (copy, model))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert gpu_memory.fell_back()


def test_explanations_fall_back_too(full, monkeypatch):
    model, copy = full
    seen = model.prepare(sample_photos()[0].load().pixels)
    expected = explain(model, seen, 3, "integrated_gradients")
    np.testing.assert_array_equal(explain(copy, seen, 3, "integrated_gradients"), expected)
    assert gpu_memory.fell_back()


def test_other_errors_are_not_hidden(full, monkeypatch):
    _, copy = full
    monkeypatch.setattr(copy, "_logits", lambda batch: np.zeros(0)[3])
    with pytest.raises(IndexError):
        copy.predict(np.zeros((5, 5, 3), np.uint8))

    def broken(batch):
        raise RuntimeError("another error")

    monkeypatch.setattr(copy, "_logits", broken)
    with pytest.raises(RuntimeError, match="another error"):
        copy.predict(np.zeros((5, 5, 3), np.uint8))
    assert not gpu_memory.fell_back()


def test_memory_is_returned_to_the_card(monkeypatch):
    emptied = []
    cuda = SimpleNamespace(is_available=lambda: True, empty_cache=lambda: emptied.append(True))
    monkeypatch.setattr(frameworks, "torch", lambda: SimpleNamespace(cuda=cuda))
    monkeypatch.setitem(gpu_memory.sys.modules, "torch", object())
    gpu_memory.give_back()
    assert emptied == [True]


def test_without_memory_of_its_own_a_gpu_has_no_budget(monkeypatch):
    machine = Machine("mps", "Apple GPU", None, cores=8, memory=2**34, free_memory=2**33)
    monkeypatch.setattr(gpu_memory, "describe_machine", lambda: machine)
    assert gpu_memory.budget() is None


@pytest.fixture
def gpu(cuda, monkeypatch):
    monkeypatch.setenv("CNN_DEMO_HALF", "off")
    gpu_memory.use_cublas()
    return cuda


@pytest.mark.gpu
@pytest.mark.parametrize("key", [spec.key for spec in MODELS if spec.availability() == "bundled"])
def test_a_model_predicts_on_the_gpu_as_on_the_cpu_and_gives_its_memory_back(gpu, key):
    pixels = sample_photos()[0].load().pixels
    before = gpu.memory_allocated()
    model = load(key)
    assert model.device == "cuda"
    assert gpu.memory_allocated() - before >= gpu_memory.taken()[key].weights > 0
    assert gpu_memory.taken()[key].prediction > 0
    found = model.predict(pixels)
    expected = load(key, "cpu").predict(pixels)
    assert agree(found, expected, model.spec.threshold)
    if getattr(found, "probabilities", None) is not None:
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-3)
    del model
    models.release()
    assert gpu.memory_allocated() == before
