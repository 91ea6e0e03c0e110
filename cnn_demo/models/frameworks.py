"""Lazy import of the deep learning frameworks, with the choice of device and number of threads.

Importing TensorFlow before triton (of torchvision, timm and segmentation-models-pytorch) aborts the process, because
LLVM's options are then registered twice. So TensorFlow is only imported here: after triton, or, where there is no GPU,
with triton blocked, which takes 75 MB less. `tests/unit/models/test_frameworks.py` tests all orders.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

from cnn_demo.environment import KERAS, KERAS_BACKENDS, THREADS, setting
from cnn_demo.machine import describe_machine

DEVICE_CHOICES = ("auto", "cpu", "cuda", "mps")
TorchNetwork: TypeAlias = Any
"""A `torch.nn.Module` with attributes of its own, which torch declares as `Tensor | Module` whatever they are."""
TfTensor: TypeAlias = Any
"""A tensor of TensorFlow, which has no type annotations."""
BackendTensor: TypeAlias = Any
"""A tensor of Keras's backend, TensorFlow or torch."""
_LOCK = threading.RLock()  # concurrent visitors must not interleave imports or thread settings


def thread_count() -> int:
    """Return the number of threads for each framework: `CNN_DEMO_THREADS`, or the number of cores of this process.

    Raises:
        ValueError: If the variable is no number.
    """
    return int(setting(THREADS) or describe_machine().cores)


def device(requested: str = "auto") -> str:
    """Return the device that networks run on, for all frameworks: "cuda", "mps" or "cpu".

    Args:
        requested: One of `DEVICE_CHOICES`; "auto" is the best available device.

    Raises:
        ValueError: If the device is not available.
    """
    if requested not in DEVICE_CHOICES:
        raise ValueError(f"There is no device {requested!r}: choose one of {', '.join(DEVICE_CHOICES)}.")
    best = describe_machine().device
    if requested in ("auto", best):
        return best
    if requested == "cpu":
        return "cpu"
    names = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}
    raise ValueError(f"This machine has no {names[requested]}: choose the device “auto” or “cpu”.")


@cache
def keras_backend() -> str:
    """Return Keras's backend, "tensorflow" or "torch", decided once, before Keras is imported.

    TensorFlow is about three times as fast as torch on a CPU. Its NVIDIA libraries overwrite torch's (see
    requirements-gpu.txt), and for Apple GPUs it has none. Keras therefore runs on torch if torch finds a GPU and
    TensorFlow has no libraries for it. `CNN_DEMO_KERAS` overrides this.
    """
    forced = setting(KERAS).lower() or os.environ.get("KERAS_BACKEND")
    if forced in KERAS_BACKENDS:
        return forced
    gpu = describe_machine().device
    if gpu == "cpu" or (gpu == "cuda" and _tensorflow_has_cuda()):
        return "tensorflow"
    return "tensorflow" if torch_device() == "cpu" else "torch"


def _tensorflow_has_cuda() -> bool:
    """Return whether TensorFlow's CUDA libraries are installed, without importing it."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version("nvidia-cudnn-cu12"))  # of `tensorflow[and-cuda]`; torch has cu13
    return False


def keras_device(requested: str = "auto") -> str:
    """Return the device that Keras can use: a GPU if its backend finds it, otherwise "cpu".

    Raises:
        ValueError: If a GPU is requested explicitly and Keras's backend cannot use it.
    """
    if keras_backend() == "torch":
        return torch_device(requested)
    chosen = device(requested)
    if chosen == "cuda" and tensorflow().config.list_physical_devices("GPU"):
        return "cuda"
    if requested not in ("auto", "cpu"):
        raise ValueError(f"TensorFlow cannot use {requested} on this machine: choose the device “auto” or “cpu”.")
    return "cpu"


def torch_device(requested: str = "auto") -> str:
    """Return the device that torch can use: that of `device`, or "cpu" if torch cannot use it.

    Raises:
        ValueError: If a device is requested explicitly and torch cannot use it.
    """
    chosen = device(requested)
    if chosen == "cpu":
        return chosen  # without importing torch
    backends = torch()
    usable = {"cuda": backends.cuda.is_available(), "mps": backends.backends.mps.is_available()}
    if usable[chosen]:
        return chosen
    if requested != "auto":
        raise ValueError(f"torch cannot use {requested} on this machine: choose the device “auto” or “cpu”.")
    return "cpu"


def _settle_triton() -> None:
    """Import triton before TensorFlow is, or block it on a machine without a GPU."""
    if describe_machine().device == "cpu":
        sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # None blocks an import
    # If TensorFlow has already been imported elsewhere, importing triton now would abort the process.
    elif "tensorflow" not in sys.modules and importlib.util.find_spec("triton"):
        importlib.import_module("triton")


@contextlib.contextmanager
def _without(*packages: str) -> Iterator[None]:
    """Block imports of optional packages that nobody has imported yet."""
    missing = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]  # None blocks an import
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


@cache
def _torch() -> ModuleType:
    _settle_triton()
    module = importlib.import_module("torch")
    if module.get_num_threads() != thread_count():  # setting it also changes MKL's setting
        module.set_num_threads(thread_count())
    module.backends.cudnn.allow_tf32 = False  # of whose 10 bits predictions differ; `half_precision` is the fast way
    return module


@cache
def _tensorflow() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _settle_triton()
    _tell_keras_its_backend()
    with _without("sklearn", "matplotlib"):  # Keras looks for both, which take 70 MB with SciPy, and needs neither
        module = importlib.import_module("tensorflow")
        importlib.import_module("keras")
    with contextlib.suppress(RuntimeError):  # too late if TensorFlow has already been initialized
        module.config.threading.set_intra_op_parallelism_threads(thread_count())
        module.config.threading.set_inter_op_parallelism_threads(2)
        for gpu in module.config.list_physical_devices("GPU"):
            module.config.experimental.set_memory_growth(gpu, True)  # torch shares the GPU
    return module


def _tell_keras_its_backend() -> str:
    """Set and return the variable that Keras reads once, when it is imported."""
    if setting(KERAS) or os.environ.get("KERAS_BACKEND") is None:
        os.environ["KERAS_BACKEND"] = keras_backend()
    return os.environ["KERAS_BACKEND"]


@cache
def _keras() -> ModuleType:
    backend = _tell_keras_its_backend()
    if backend == "tensorflow":
        _tensorflow()
    elif backend == "torch":
        _torch()
    module = importlib.import_module("keras")
    if backend == "torch" and "tensorflow" not in sys.modules:
        # Keras looks for TensorFlow when it first serializes something, and imports it: let it look now, in vain.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]  # None blocks an import
        module.saving.serialize_keras_object(module.DTypePolicy("float32"))
        del sys.modules["tensorflow"]
    # Streamlit calls this after every run of a page. It resets Keras for all visitors while others build or run models,
    # clears TensorFlow's caches and runs the garbage collector (0.4 s). `keras.utils` keeps the original.
    module.backend.clear_session = _leave_session
    return module


def _leave_session(free_memory: bool = True) -> None:
    """Do nothing; replaces `keras.backend.clear_session`."""


@cache
def _ultralytics() -> ModuleType:
    # Weights may contain tensors but no code; no automatic installation of packages; no telemetry.
    os.environ.update(ULTRALYTICS_SAFE_LOAD="1", YOLO_AUTOINSTALL="False")
    _torch()
    with keep_torch_threads():
        module = importlib.import_module("ultralytics")
        events = importlib.import_module("ultralytics.utils.events").events
        events.enabled = False
    return module


@cache
def _openvino() -> ModuleType:
    # Its converter sends telemetry from forked child processes, unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None blocks an import
    # OpenVINO traces networks with a deprecated torch function; users cannot act on this warning.
    warnings.filterwarnings("ignore", message=r"`torch\.jit\.trace", category=FutureWarning)
    return importlib.import_module("openvino")


@cache
def _side_of_torch(name: str) -> ModuleType:
    _torch()
    with keep_torch_threads():
        return importlib.import_module(name)


def torch() -> ModuleType:
    """Import and return torch, with the number of threads set once."""
    with _LOCK:
        return _torch()


def torchvision() -> ModuleType:
    """Import and return torchvision, after torch."""
    with _LOCK:
        return _side_of_torch("torchvision")


def segmentation_models_pytorch() -> ModuleType:
    """Import and return segmentation-models-pytorch, after torch."""
    with _LOCK:
        return _side_of_torch("segmentation_models_pytorch")


def ultralytics() -> ModuleType:
    """Import and return Ultralytics, with safe loading of weights and without auto-installation and telemetry."""
    with _LOCK:
        return _ultralytics()


def scikit_learn() -> ModuleType:
    """Import and return scikit-learn, not while its imports are blocked."""
    with _LOCK:
        return importlib.import_module("sklearn")


def openvino() -> ModuleType:
    """Import and return OpenVINO, without telemetry."""
    with _LOCK:
        return _openvino()


def tensorflow() -> ModuleType:
    """Import and return TensorFlow, after triton, with memory growth enabled and the number of threads set."""
    with _LOCK:
        return _tensorflow()


def keras() -> ModuleType:
    """Import and return Keras on the backend of `keras_backend`, or on the one that KERAS_BACKEND names."""
    with _LOCK:
        return _keras()


def version(*distributions: str) -> str | None:
    """Return the version of the first of these distributions that is installed, without importing it."""
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return None


def placed_on(device: str) -> contextlib.AbstractContextManager:
    """Return a context in which Keras creates and computes everything on a device: "cpu", "cuda" or "mps"."""
    if keras_backend() == "torch":
        return keras().device(device)
    return tensorflow().device("/GPU:0" if device == "cuda" else "/CPU:0")


@contextlib.contextmanager
def keep_torch_threads() -> Iterator[None]:
    """Restore torch's number of threads on exit, which Ultralytics sets for the whole process."""
    module = _torch()
    before = module.get_num_threads()
    try:
        yield
    finally:
        if module.get_num_threads() != before:
            module.set_num_threads(before)
