"""Training records agree with the bundled network and with themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnn_demo.models import ModelUnavailable, find, load, training_records
from cnn_demo.models.calibration import expected_calibration_error, fit_temperature, reliability_bins, softmax
from cnn_demo.models.files.weights import BUNDLED
from cnn_demo.models.training_records import cifar10_record, cifar10_validation

IMAGES = 5000


@pytest.fixture(scope="module")
def record():
    return cifar10_record()


def test_reading_it_loads_no_framework(root):
    program = "import sys; from cnn_demo.models.training_records import cifar10_record; cifar10_record(); "
    program += "print({'torch', 'tensorflow', 'keras', 'triton'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=550)
    assert done.stdout.strip() == "set()", done.stderr


def test_the_last_kernels_are_the_networks_own(record):
    stem = next(layer for layer in load("cifar10_cnn").layers if layer.name == "stem")
    assert record.kernels.shape == (len(record.epochs) + 1, *stem.kernel.shape)
    assert not record.kernels.flags.writeable
    np.testing.assert_allclose(record.kernels[-1], stem.kernel, atol=2e-3)  # kept in 16 bits
    assert np.abs(record.kernels[0] - record.kernels[-1]).max() > 0.1


def test_the_measurements_agree_with_each_other(record):
    assert record.labels == find("cifar10_cnn").labels
    assert record.confusion.sum() == IMAGES
    assert record.confusion.sum(axis=1).tolist() == [IMAGES // 10] * 10
    assert record.accuracy == pytest.approx(np.trace(record.confusion) / IMAGES)
    assert record.accuracy == pytest.approx(find("cifar10_cnn").metric.value, abs=5e-5)
    assert record.accuracy == pytest.approx(record.epochs[-1]["validation_accuracy"], abs=0.003)  # bfloat16 there
    assert sum(record.confidences["right"]) == pytest.approx(record.accuracy * IMAGES)
    assert sum(record.confidences["right"]) + sum(record.confidences["wrong"]) == IMAGES
    assert sum(part["count"] for part in record.reliability) == IMAGES
    right = sum(part["count"] * part["accuracy"] for part in record.reliability if part["count"])
    assert right == pytest.approx(record.accuracy * IMAGES, abs=0.5)


def test_the_validation_logits_give_the_measurements(record):
    validation = cifar10_validation()
    assert validation.logits.shape == (IMAGES, 10)
    assert not validation.logits.flags.writeable
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (validation.labels, validation.logits.argmax(1)), 1)
    np.testing.assert_array_equal(confusion, record.confusion)
    bins = reliability_bins(softmax(validation.logits, record.temperature), validation.labels)
    counts = [[part["count"] for part in parts] for parts in (bins, record.reliability)]
    np.testing.assert_allclose(*counts, atol=3)  # kept in 16 bits
    assert fit_temperature(validation.logits, validation.labels) == pytest.approx(record.temperature, abs=2e-3)
    error = expected_calibration_error(softmax(validation.logits), validation.labels)
    assert error == pytest.approx(record.ece_before, abs=1e-4)


def test_it_reaches_the_figures_of_its_card(record):
    assert record.accuracy >= 0.89
    assert record.ece <= 0.03
    assert record.temperature > 0


def test_missing_files_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(training_records, "BUNDLED", Path(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"cifar10_cnn\.json and cifar10_cnn_kernels\.npz"):
        cifar10_record.__wrapped__()
    with pytest.raises(FileNotFoundError, match=r"cifar10_cnn_validation\.npz"):
        cifar10_validation.__wrapped__()


@pytest.mark.parametrize("name", ["cifar10_cnn.json", "cifar10_cnn_kernels.npz", "cifar10_cnn_validation.npz"])
@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:100], lambda data: data[:-9] + b"8" + data[-8:]]
)
def test_damaged_files_are_named(monkeypatch, tmp_path, name, damage):
    for path in [*BUNDLED.glob("cifar10_cnn*.*"), BUNDLED / "SHA256SUMS"]:
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(training_records, "BUNDLED", tmp_path)
    read = cifar10_validation if "validation" in name else cifar10_record
    read.__wrapped__()
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(ModelUnavailable, match=f"damaged: please replace assets/weights/{name}"):
        read.__wrapped__()
