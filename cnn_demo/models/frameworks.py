"""The only file that decides how torch and TensorFlow are imported, on which device they run and with how many threads.

TensorFlow imported before triton (which torchvision, timm and segmentation-models-pytorch bring along) aborts the
process: LLVM's command-line options are then registered twice. Once triton is in, everything else may follow in any
order. So TensorFlow is only ever imported here, behind triton; `tests/unit/models/test_frameworks.py` tries orders.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from cnn_demo.machine import describe_machine

DEVICES = ("auto", "cpu", "cuda", "mps")
_LOCK = threading.RLock()  # two visitors who come at once must not import, or set threads, half-way through each other


def thread_count() -> int:
    """How many threads each framework may use: as many as this process has cores."""
    return describe_machine().cores


def device(requested: str = "auto") -> str:
    """Return the device that networks run on: "cuda", "mps" or "cpu". The one decision for all frameworks.

    Args:
        requested: "auto" takes the best that the machine has.

    Raises:
        ValueError: If there is no such device here, in one sentence.
    """
    if requested not in DEVICES:
        raise ValueError(f"There is no device {requested!r}: choose one of {', '.join(DEVICES)}.")
    best = describe_machine().device
    if requested in ("auto", best):
        return best
    if requested == "cpu":
        return "cpu"
    names = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}
    raise ValueError(f"This machine has no {names[requested]}: choose the device “auto” or “cpu”.")


def keras_device(requested: str = "auto") -> str:
    """Return the device that Keras can use: "cuda" where TensorFlow sees the GPU, else "cpu".

    Raises:
        ValueError: If "cuda" is asked for by name and TensorFlow cannot use it.
    """
    wanted = device(requested)
    if wanted == "cuda" and tensorflow().config.list_physical_devices("GPU"):
        return "cuda"
    if requested not in ("auto", "cpu"):
        raise ValueError(f"TensorFlow cannot use {requested} on this machine: choose the device “auto” or “cpu”.")
    return "cpu"


def torch_device(requested: str = "auto") -> str:
    """Return the device that torch can use: that of `device`, or "cpu" where torch cannot reach it.

    Raises:
        ValueError: If a device is asked for by name and torch cannot use it.
    """
    wanted = device(requested)
    backends = torch()
    usable = {"cpu": True, "cuda": backends.cuda.is_available(), "mps": backends.backends.mps.is_available()}
    if usable[wanted]:
        return wanted
    if requested != "auto":
        raise ValueError(f"torch cannot use {requested} on this machine: choose the device “auto” or “cpu”.")
    return "cpu"


@cache
def _torch() -> ModuleType:
    module = importlib.import_module("torch")
    if module.get_num_threads() != thread_count():  # setting it also sets the matrix library's: leave that alone
        module.set_num_threads(thread_count())
    return module


@cache
def _tensorflow() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Where somebody else has imported TensorFlow before us, triton would now abort the process: leave it.
    if "tensorflow" not in sys.modules and importlib.util.find_spec("triton"):
        importlib.import_module("triton")
    module = importlib.import_module("tensorflow")
    with contextlib.suppress(RuntimeError):  # too late where somebody else has already computed with it
        module.config.threading.set_intra_op_parallelism_threads(thread_count())
        module.config.threading.set_inter_op_parallelism_threads(2)
        for gpu in module.config.list_physical_devices("GPU"):
            module.config.experimental.set_memory_growth(gpu, True)  # torch shares the GPU
    return module


@cache
def _keras() -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if os.environ["KERAS_BACKEND"] == "tensorflow":
        _tensorflow()
    module = importlib.import_module("keras")
    # Streamlit calls this after every run of a page. It resets Keras for all visitors, in the middle of what others
    # build or compute, empties TensorFlow's caches and collects all garbage (0.4 s). `keras.utils` keeps the real one.
    module.backend.clear_session = _leave_session
    return module


def _leave_session(free_memory: bool = True) -> None:
    """Do nothing, in place of `keras.backend.clear_session`."""


@cache
def _ultralytics() -> ModuleType:
    # Weights may hold tensors but no code, nothing is installed behind the operator's back, nothing is reported.
    os.environ.update(ULTRALYTICS_SAFE_LOAD="1", YOLO_AUTOINSTALL="False")
    _torch()
    with keep_torch_threads():
        module = importlib.import_module("ultralytics")
        events = importlib.import_module("ultralytics.utils.events").events
        events.enabled = False
    return module


@cache
def _openvino() -> ModuleType:
    # Its converter would report to its maker, by child processes forked off this one; not without this package.
    sys.modules.setdefault("openvino_telemetry", None)
    # It traces torch's networks, which torch would have it do in another way: nothing that a user could act upon.
    warnings.filterwarnings("ignore", message=r"`torch\.jit\.trace", category=FutureWarning)
    return importlib.import_module("openvino")


@cache
def _side_of_torch(name: str) -> ModuleType:
    _torch()
    with keep_torch_threads():
        return importlib.import_module(name)


def torch() -> ModuleType:
    """Import torch, or return it, with the threads of this machine set once."""
    with _LOCK:
        return _torch()


def torchvision() -> ModuleType:
    """Import torchvision, or return it; torch comes before it."""
    with _LOCK:
        return _side_of_torch("torchvision")


def segmentation_models_pytorch() -> ModuleType:
    """Import segmentation-models-pytorch, or return it; torch comes before it."""
    with _LOCK:
        return _side_of_torch("segmentation_models_pytorch")


def ultralytics() -> ModuleType:
    """Import Ultralytics, or return it: it loads no code from weights, installs nothing and reports nothing."""
    with _LOCK:
        return _ultralytics()


def openvino() -> ModuleType:
    """Import OpenVINO, or return it: it reports nothing."""
    with _LOCK:
        return _openvino()


def tensorflow() -> ModuleType:
    """Import TensorFlow, or return it: behind triton, with memory growth on and the threads of this machine."""
    with _LOCK:
        return _tensorflow()


def keras() -> ModuleType:
    """Import Keras, or return it; its backend is TensorFlow, unless the environment's KERAS_BACKEND names another."""
    with _LOCK:
        return _keras()


def placed_on(device: str) -> contextlib.AbstractContextManager:
    """Have TensorFlow put what is made and computed in this context on "cpu" or "cuda"."""
    return tensorflow().device("/GPU:0" if device == "cuda" else "/CPU:0")


@contextlib.contextmanager
def keep_torch_threads() -> Iterator[None]:
    """Give torch its threads back afterwards: Ultralytics sets them for the whole process."""
    module = _torch()
    before = module.get_num_threads()
    try:
        yield
    finally:
        if module.get_num_threads() != before:
            module.set_num_threads(before)
