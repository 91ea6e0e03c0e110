"""The CIFAR-10 network in torch equals the Keras one; its training learns, resumes and is recorded."""

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from cnn_demo.models import frameworks, load
from cnn_demo.models.bundled_networks import cifar10_cnn
from cnn_demo.models.calibration import softmax
from cnn_demo.models.classification.classifiers import network_input
from cnn_demo.models.training_records import TrainingRecord, cifar10_record
from training import cifar10_cnn as program
from training import cifar10_teacher
from training.data.datasets import LabelledImages
from training.networks.cifar10 import Cifar10Network, first_kernels, predict_logits
from training.networks.localizer import as_tensor, from_keras, to_keras
from training.steps.bundle import bundle_cifar10

torch = frameworks.torch()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def sets(images):
    """Training and validation images of noise."""
    labels = np.arange(20) % 10
    return LabelledImages(images, labels), LabelledImages(images[::-1].copy(), labels)


@pytest.fixture
def run(sets, monkeypatch):
    """Function that runs the training program in a folder, with other arguments than the defaults by name."""
    monkeypatch.setattr(program, "read_cifar10", lambda folder: sets)

    def run(folder: Path, **others) -> Path:
        arguments = {"data": folder, "out": folder, "epochs": 2, "rate": 0.01, "batch": 10, "threads": 1, "seed": 0}
        arguments |= {"resume": False, "start": False, "cool_down": 0.3, "teacher": None}
        arguments |= {"own_teacher": False, "hole": 8, "bfloat16": False} | others
        program.train(argparse.Namespace(**arguments))
        return folder / "bundle"

    return run


def test_the_bundled_network_becomes_a_torch_network_and_back(images):
    """The outputs are the same, the statistics are those of the images, and kernels keep their direction."""
    bundled, trained, again = load("cifar10_cnn"), Cifar10Network(), cifar10_cnn()
    inputs = network_input(images)
    from_keras(bundled.network, trained, as_tensor(inputs, "cpu"))
    expected = np.asarray(bundled.network(inputs, training=False))
    np.testing.assert_allclose(predict_logits(trained, inputs), expected, rtol=1e-3, atol=1e-3)
    to_keras(trained, again)
    np.testing.assert_allclose(np.asarray(again(inputs, training=False)), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(first_kernels(trained), bundled.network.get_layer("stem").get_weights()[0], atol=2e-3)
    seen = trained.trunk.stem.conv(as_tensor(inputs, "cpu"))
    torch.testing.assert_close(trained.trunk.stem.norm.running_mean, seen.mean((0, 2, 3)), atol=1e-3, rtol=1e-3)
    assert again.count_params() < sum(values.numel() for values in trained.parameters()) <= 800_000


def test_blocks_start_as_the_identity(images):
    trunk = Cifar10Network().eval().trunk
    maps = trunk.stem(as_tensor(network_input(images), "cpu")).relu()
    changed = trunk.block1_conv2(trunk.block1_conv1(maps).relu())
    assert not changed.any()
    assert maps.any()


def test_an_interrupted_training_resumes_to_the_same_weights(run, tmp_path, monkeypatch):
    whole = run(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(program, "rate_at", _interrupted(program.rate_at, 3))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts")
    parts = run(tmp_path / "parts", resume=True)
    first, second = cifar10_cnn(), cifar10_cnn()
    first.load_weights(whole / "cifar10_cnn.weights.h5")
    second.load_weights(parts / "cifar10_cnn.weights.h5")
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for name in ("whole", "parts"):
        with np.load(tmp_path / name / "bundle" / "cifar10_cnn_kernels.npz") as file:
            assert file["kernels"].shape == (3, 5, 5, 3, 32)


def _interrupted(rate_at, last):
    def rate(step, steps, *others):
        if step >= last:
            raise KeyboardInterrupt
        return rate_at(step, steps)

    return rate


def test_a_training_that_continues_carries_on_the_record(run, tmp_path, monkeypatch):
    bundle = run(tmp_path, start=True, epochs=1)
    earlier = cifar10_record()
    monkeypatch.setattr("cnn_demo.models.training_records.BUNDLED", bundle)
    record = cifar10_record.__wrapped__()
    assert record.epochs[:-1] == earlier.epochs
    assert set(record.epochs[-1]) == set(earlier.epochs[-1])
    assert record.restarts == (*earlier.restarts, len(earlier.epochs) + 1)
    np.testing.assert_array_equal(record.kernels[:-1], earlier.kernels)
    network = cifar10_cnn()
    network.load_weights(bundle / "cifar10_cnn.weights.h5")
    np.testing.assert_allclose(record.kernels[-1], network.get_layer("stem").get_weights()[0], atol=2e-3)


def test_bright_and_dark_images_are_learned(run, sets, tmp_path, monkeypatch):
    images = np.where(np.arange(20)[:, None, None, None] % 2, sets[0].images // 4 + 190, sets[0].images // 4)
    easy = LabelledImages(images.astype(np.uint8), np.arange(20) % 2)
    monkeypatch.setattr(program, "read_cifar10", lambda folder: (easy, easy))
    run(tmp_path, epochs=12, rate=0.5)  # while it warms up
    history = json.loads((tmp_path / "history.json").read_text())
    assert history[0]["loss"] > 1
    assert history[-1]["loss"] < 0.5
    assert history[-1]["accuracy"] >= 0.9
    assert history[-1]["validation_accuracy"] >= 0.9


def test_a_network_follows_its_teacher_more_than_the_labels(run, sets, tmp_path, monkeypatch):
    """Bright images are of class 1 by their labels and of class 7 by their teacher, dark ones of 0 and 4."""
    labels = np.arange(20) % 2
    images = np.where(labels[:, None, None, None], sets[0].images // 4 + 190, sets[0].images // 4).astype(np.uint8)
    monkeypatch.setattr(program, "read_cifar10", lambda folder: (LabelledImages(images, labels),) * 2)
    monkeypatch.setattr(program, "predict_logits", lambda network, inputs: np.zeros((len(inputs), 10), np.float32))
    monkeypatch.setattr(program, "validate", lambda *_: {})
    np.save(tmp_path / "logits.npy", 20 * np.eye(10, dtype=np.float32)[np.where(labels, 7, 4)])
    run(tmp_path, epochs=12, rate=0.5, teacher=tmp_path / "logits.npy")
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    network = Cifar10Network()
    network.load_state_dict(saved)
    assert (predict_logits(network, network_input(images)).argmax(1) == np.where(labels, 7, 4)).mean() > 0.9
    np.testing.assert_allclose(np.load(tmp_path / "teacher.npy").max(axis=1), 10)  # the mean with its own at the start


def test_the_distillation_loss_is_zero_for_the_teachers_own_logits():
    teacher = torch.tensor([[3.0, -1.0, 0.5], [0.0, 2.0, 2.0]])
    assert float(program.distillation_loss(teacher + 5, teacher)) == pytest.approx(0, abs=1e-6)
    logits = torch.zeros(2, 3, requires_grad=True)
    program.distillation_loss(logits, teacher).backward()
    soft = torch.softmax(teacher / 2, 1)
    torch.testing.assert_close(logits.grad, 2 * (1 / 3 - soft) / 2)  # 2² / 2 of the temperature, mean of two images


def test_the_record_says_where_the_learning_rate_rose_again(sets, tmp_path):
    rates = (0.1, 0.05, 0.0, 0.1, 0.0)
    metrics = {"loss": 1.0, "accuracy": 0.5, "validation_loss": 1.0, "validation_accuracy": 0.5, "seconds": 1.0}
    history = [metrics | {"rate": rate, "teacher": rate == 0.0} for rate in rates]
    kernels = [np.zeros((5, 5, 3, 32), np.float16)] * 6
    earlier = dataclasses.replace(cifar10_record(), taught_from=None)
    bundle_cifar10(Cifar10Network(), history, kernels, sets[1], tmp_path, earlier)
    record = json.loads((tmp_path / "cifar10_cnn.json").read_text())
    before = len(cifar10_record().epochs)
    assert record["restarts"] == [*cifar10_record().restarts, before + 1, before + 4]
    assert record["taught_from"] == before + 3
    assert set(record["epochs"][-1]) == set(cifar10_record().epochs[-1])


def test_a_teacher_is_fine_tuned_behind_its_frozen_stages(sets, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10_teacher, "read_cifar10", lambda folder: sets)
    arguments = ["cifar10_teacher", "--out", str(tmp_path), "--epochs", "1", "--batch", "10", "--threads", "1"]
    monkeypatch.setattr("sys.argv", arguments)
    cifar10_teacher.main()
    logits = np.load(tmp_path / "logits.npy")
    assert logits.shape == (20, 10)
    trained = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    start = cifar10_teacher.Teacher().state_dict()
    changed = {name for name, values in start.items() if not torch.equal(values, trained[name])}
    assert not any(name.startswith(("early.", "encoder.conv_stem", "encoder.blocks.2")) for name in changed)
    assert "encoder.blocks.3.0.conv_pw.weight" in changed
    assert len(json.loads((tmp_path / "history.json").read_text())) == 1


def test_measuring_the_bundled_weights_writes_their_record(images, tmp_path, monkeypatch):
    labels = np.arange(len(images)) % 10
    monkeypatch.setattr(program, "read_cifar10", lambda folder: (None, LabelledImages(images, labels)))
    program.measure_bundled(tmp_path, tmp_path / "bundle")
    earlier, model = cifar10_record(), load("cifar10_cnn")
    with np.load(tmp_path / "bundle" / "cifar10_cnn_validation.npz") as file:
        logits = file["logits"].astype(np.float32)
        np.testing.assert_array_equal(file["labels"], labels)
    np.testing.assert_allclose(softmax(logits), softmax(model.logits(images)), atol=2e-3)
    record = json.loads((tmp_path / "bundle" / "cifar10_cnn.json").read_text())
    assert record["epochs"] == list(earlier.epochs)
    assert record["restarts"] == list(earlier.restarts)
    assert set(record) | {"kernels"} == {item.name for item in dataclasses.fields(TrainingRecord)}


def test_a_network_learns_from_itself_in_bfloat16(run, images, tmp_path):
    """The kept logits are the means of the images' and of their mirror images' before any step."""
    run(tmp_path, epochs=1, start=True, own_teacher=True, bfloat16=True)
    bundled = load("cifar10_cnn").network
    views = [np.asarray(bundled(network_input(view), training=False)) for view in (images, images[:, :, ::-1])]
    np.testing.assert_allclose(np.load(tmp_path / "teacher.npy"), np.mean(views, axis=0), rtol=1e-3, atol=1e-2)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]["logits.weight"].dtype == torch.float32
