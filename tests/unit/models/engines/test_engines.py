"""Keras's two backends give the same results, and one decision chooses between them."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cnn_demo.machine import Machine
from cnn_demo.models import frameworks

PROGRAM = Path(__file__).with_name("keras_results.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory, root):
    """The results of `keras_results.py` on TensorFlow and on torch."""
    folder = tmp_path_factory.mktemp("engines")
    arrays = {}
    for backend, engine in (("tensorflow", "TensorFlow"), ("torch", "torch")):
        other = "torch" if backend == "tensorflow" else "tensorflow"  # Keras's own variable comes second
        environment = os.environ | {"CNN_DEMO_KERAS": backend, "KERAS_BACKEND": other, "PYTHONPATH": str(root)}
        file = folder / f"{backend}.npz"
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(file)], cwd=root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.splitlines()[-1] == engine
        with np.load(file) as loaded:
            arrays[backend] = {name: loaded[name] for name in loaded.files}
    return arrays


def test_both_backends_give_the_same_results(found):
    assert found["tensorflow"].keys() == found["torch"].keys()
    for name, expected in found["tensorflow"].items():
        values = found["torch"][name]
        assert values.shape == expected.shape, name
        scale = max(1.0, float(np.abs(expected).max()))
        if " map" in name and "maps" not in name:  # explanations, normalized to 0...1
            assert np.corrcoef(values.ravel(), expected.ravel())[0, 1] > 0.999, name
        else:
            np.testing.assert_allclose(values, expected, atol=1e-4 * scale, err_msg=name)


def test_logits_agree_to_a_ten_thousandth(found):
    for name in ("cifar10_cnn logits", "efficientnet_lite0 logits", "caltech_localizer logits"):
        np.testing.assert_allclose(found["torch"][name], found["tensorflow"][name], atol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    ("gpu", "torch_finds_it", "cuda_libraries", "backend"),
    [
        ("cpu", False, False, "tensorflow"),
        ("cuda", True, False, "torch"),
        ("cuda", True, True, "tensorflow"),
        ("cuda", False, False, "tensorflow"),
        ("mps", True, False, "torch"),
    ],
)
def test_keras_takes_the_backend_that_finds_the_gpu(monkeypatch, gpu, torch_finds_it, cuda_libraries, backend):
    _on_machine(monkeypatch, gpu, torch_finds_it, cuda_libraries)
    assert frameworks.keras_backend.__wrapped__() == backend


@pytest.mark.parametrize(("forced", "backend"), [("tensorflow", "tensorflow"), (" Torch ", "torch")])
def test_an_operator_can_force_the_backend(monkeypatch, forced, backend):
    _on_machine(monkeypatch, "cpu" if backend == "torch" else "cuda", torch_finds_it=True, cuda_libraries=False)
    monkeypatch.setenv("CNN_DEMO_KERAS", forced)
    assert frameworks.keras_backend.__wrapped__() == backend


def test_another_backend_is_refused(monkeypatch):
    _on_machine(monkeypatch, "cpu", torch_finds_it=False, cuda_libraries=False)
    monkeypatch.setenv("CNN_DEMO_KERAS", "theano")
    with pytest.raises(ValueError, match="CNN_DEMO_KERAS must be tensorflow or torch, not 'theano'"):
        frameworks.keras_backend.__wrapped__()


def test_on_torch_keras_runs_on_torchs_device(monkeypatch):
    _on_machine(monkeypatch, "cuda", torch_finds_it=True, cuda_libraries=False)
    monkeypatch.setattr(frameworks, "keras_backend", lambda: "torch")
    monkeypatch.setattr(frameworks, "tensorflow", lambda: pytest.fail("TensorFlow was imported"))
    assert frameworks.keras_device() == "cuda"
    assert frameworks.keras_device("cpu") == "cpu"
    placed = []
    monkeypatch.setattr(frameworks, "keras", lambda: SimpleNamespace(device=placed.append))
    frameworks.placed_on("cuda")
    assert placed == ["cuda"]


def _on_machine(monkeypatch, gpu: str, torch_finds_it: bool, cuda_libraries: bool) -> None:
    torch = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: torch_finds_it and gpu == "cuda"),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: torch_finds_it and gpu == "mps")),
    )
    machine = Machine(gpu, "a device", None, cores=2, memory=2**34, free_memory=2**33)
    monkeypatch.delenv("CNN_DEMO_KERAS", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine)
    monkeypatch.setattr(frameworks, "torch", lambda: torch)
    monkeypatch.setattr(frameworks, "_tensorflow_has_cuda", lambda: cuda_libraries)
