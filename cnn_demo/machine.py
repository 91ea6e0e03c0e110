"""Hardware of this machine: device, memory and cores, detected without loading a framework."""

import importlib.util
import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

DEVICES = {"cpu": "the CPU", "cuda": "the GPU", "mps": "the GPU"}
MIN_CAPABILITY = (7, 5)  # Turing (2018), the oldest NVIDIA GPUs that torch's libraries, CUDA 13, have code for
IN_HALF = "torch in half precision"  # engine of predictions in float16
LIBRARIES = {"torch": "PyTorch", IN_HALF: "PyTorch in half precision"}  # engines whose name for visitors differs


@dataclass(frozen=True)
class Machine:
    """The machine that the app runs on.

    Attributes:
        device: "cuda", "mps" or "cpu": the device that the networks will most likely run on.
        device_name: Name of that device, as its driver or the system gives it.
        device_memory: Bytes of memory on a CUDA device; None elsewhere.
        cores: CPU cores that this process may use.
        memory: Bytes of main memory that this process may use.
        free_memory: Bytes of it that are free now.
    """

    device: str
    device_name: str
    device_memory: int | None
    cores: int
    memory: int
    free_memory: int


def on_device(device: str, engine: str = "") -> str:
    """Return on which device and by which engine a network ran, such as "on the GPU, with PyTorch"."""
    return f"on {DEVICES[device]}" + (f", with {LIBRARIES.get(engine, engine)}" if engine else "")


def describe_machine() -> Machine:
    """Detect the hardware: GPU by its driver, memory and cores within the limits of the container."""
    device, name, device_memory = _device()
    status = psutil.virtual_memory()
    memory, free = status.total, status.available
    limit = _container_memory_limit()
    if limit is not None:
        memory = min(memory, limit)
        free = max(0, min(free, limit - psutil.Process().memory_info().rss))
    return Machine(
        device=device,
        device_name=name,
        device_memory=device_memory,
        cores=_cores(),
        memory=memory,
        free_memory=free,
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _container_memory_limit() -> int | None:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(path).read_text())
        except (OSError, ValueError):  # not there, or "max"
            continue
    return None


@cache
def _device() -> tuple[str, str, int | None]:
    gpu = _nvidia_gpu()
    if gpu:
        return ("cuda", *gpu)
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "mps", "Apple GPU", None
    return "cpu", _cpu_name(), None


def _nvidia_gpu() -> tuple[str, int] | None:
    """Name and memory of the first NVIDIA GPU, from its driver; None if there is none, or torch cannot use it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or importlib.util.find_spec("pynvml") is None:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        if tuple(pynvml.nvmlDeviceGetCudaComputeCapability(handle)) < MIN_CAPABILITY:
            return None
        name = pynvml.nvmlDeviceGetName(handle)
        return (name if isinstance(name, str) else name.decode()), int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    except pynvml.NVMLError:
        return None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
