"""Description of the machine: sane here, and correct on simulated machines."""

import importlib.machinery
import os
import sys
import types

import psutil
import pytest

from cnn_demo import machine
from cnn_demo.machine import DEVICES, describe_machine
from cnn_demo.models import frameworks

GIB = 2**30


@pytest.fixture(autouse=True)
def _look_anew():
    machine._device.cache_clear()
    yield
    machine._device.cache_clear()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A function that writes a system file; only files written so exist for `machine`."""
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path / str(path).lstrip("/"))

    def write(path: str, text: str) -> None:
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


@pytest.fixture
def driver(monkeypatch):
    """A pynvml that finds one GPU; tests bend it."""

    class NVMLError(Exception):
        pass

    fake = types.ModuleType("pynvml")
    fake.__spec__ = importlib.machinery.ModuleSpec("pynvml", None)
    fake.NVMLError = NVMLError
    fake.nvmlInit = lambda: None
    fake.nvmlDeviceGetHandleByIndex = {0: "first"}.__getitem__
    fake.nvmlDeviceGetCudaComputeCapability = {"first": (9, 0)}.__getitem__
    fake.nvmlDeviceGetName = {"first": "NVIDIA H200"}.__getitem__
    fake.nvmlDeviceGetMemoryInfo = {"first": types.SimpleNamespace(total=141 * GIB)}.__getitem__
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


def without_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")


def test_this_machine_is_described_sanely():
    found = describe_machine()
    assert found.device in ("cuda", "mps", "cpu")
    assert found.device_name.strip()
    assert (found.device_memory is not None) == (found.device == "cuda")
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 0 < found.memory <= psutil.virtual_memory().total
    assert 0 <= found.free_memory <= found.memory


@pytest.mark.parametrize("path", ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"])
def test_the_limits_of_a_container_count(files, path, monkeypatch):
    files(path, f"{16 * GIB}\n")  # more than any run of this suite takes
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(total=64 * GIB, available=32 * GIB))
    found = describe_machine()
    assert found.memory == 16 * GIB
    assert 0 < found.free_memory < 16 * GIB


def test_a_container_that_is_full_has_nothing_free(files, monkeypatch):
    files("/sys/fs/cgroup/memory.max", "1024")
    found = describe_machine()
    assert found.memory == 1024
    assert found.free_memory == 0


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"/sys/fs/cgroup/memory.max": "max\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
        {"/sys/fs/cgroup/memory.max": "nonsense"},
    ],
)
def test_without_a_limit_it_is_the_machine_that_counts(files, limits, monkeypatch):
    for path, text in limits.items():
        files(path, text)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(total=8 * GIB, available=3 * GIB))
    found = describe_machine()
    assert found.memory == 8 * GIB
    assert found.free_memory == 3 * GIB


@pytest.mark.parametrize("name", ["NVIDIA H200", b"NVIDIA H200"])
def test_an_nvidia_gpu_is_named_by_its_driver(driver, name):
    driver.nvmlDeviceGetName = lambda handle: name
    found = describe_machine()
    assert (found.device, found.device_name, found.device_memory) == ("cuda", "NVIDIA H200", 141 * GIB)


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_none(driver, hidden, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert describe_machine().device_memory is None
    assert describe_machine().device != "cuda"


@pytest.mark.parametrize(
    ("capability", "device"), [((6, 1), "cpu"), ((7, 0), "cpu"), ((7, 5), "cuda"), ((12, 0), "cuda")]
)
def test_a_gpu_that_is_too_old_for_cuda_13_is_left_alone(driver, capability, device, monkeypatch):
    driver.nvmlDeviceGetCudaComputeCapability = lambda handle: capability
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    assert describe_machine().device == device


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo"])
def test_a_driver_that_fails_is_no_gpu(driver, call, monkeypatch):
    def fail(*_):
        raise driver.NVMLError("no driver")

    setattr(driver, call, fail)
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    assert describe_machine().device == "cpu"


def test_the_driver_is_queried_once(driver):
    calls = []
    driver.nvmlInit = lambda: calls.append(1)
    describe_machine()
    describe_machine()
    assert len(calls) == 1


def test_an_apple_machine(monkeypatch):
    without_gpu(monkeypatch)
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(machine.platform, "machine", lambda: "arm64")
    found = describe_machine()
    assert (found.device, found.device_memory) == ("mps", None)


def test_the_processor_is_named_as_the_system_names_it(files, monkeypatch):
    without_gpu(monkeypatch)
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    files("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU: fast @ 3 GHz\nmodel name\t: another\n")
    assert describe_machine().device_name == "Some CPU: fast @ 3 GHz"


def test_a_processor_without_a_name_still_has_one(files, monkeypatch):
    without_gpu(monkeypatch)
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    assert describe_machine().device_name == "aarch64"


def test_cores_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert describe_machine().cores == 1


def test_every_device_has_a_name():
    assert {"auto", *DEVICES} == set(frameworks.DEVICE_CHOICES)
