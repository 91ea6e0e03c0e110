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
from training.data.datasets import LabelledImages
from training.networks.cifar10 import Cifar10Network, first_kernels, predict_logits
from training.networks.localizer import as_tensor, from_keras, to_keras

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
        arguments |= {"resume": False, "start": False, "cool_down": 0.3} | others
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
