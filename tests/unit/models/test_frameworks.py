"""Every order of first use works in one process; threads, device and memory growth are set in one module."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from cnn_demo.machine import Machine
from cnn_demo.models import frameworks

OTHERS = ("torchvision", "ultralytics", "segmentation_models_pytorch")
ORDERS = (("tensorflow", *OTHERS), (*OTHERS[::-1], "tensorflow"))
USES = """
import sys
from cnn_demo.models import frameworks

def tensorflow():
    keras = frameworks.keras()
    layer = keras.layers.Conv2D(2, 3)
    assert layer(frameworks.tensorflow().ones((1, 5, 5, 3))).shape == (1, 3, 3, 2)

def torchvision():
    torch = frameworks.torch()
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]])
    assert frameworks.torchvision().ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5).tolist() == [0]

def ultralytics():
    frameworks.ultralytics().YOLO("yolo11n.yaml").model(frameworks.torch().zeros(1, 3, 64, 64))

def segmentation_models_pytorch():
    smp = frameworks.segmentation_models_pytorch()
    network = smp.Unet("resnet18", encoder_weights=None, classes=2).eval()
    assert network(frameworks.torch().zeros(1, 3, 32, 32)).shape == (1, 2, 32, 32)

for name in sys.argv[1:]:
    globals()[name]()
assert frameworks.torch().get_num_threads() == frameworks.thread_count(), "torch threads"
assert frameworks.tensorflow().config.threading.get_intra_op_parallelism_threads() == frameworks.thread_count()
print("fine")
"""


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order[0])
def test_any_order_of_first_use_works(order, root):
    environment = os.environ | {"CNN_DEMO_KERAS": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", USES, *order], cwd=root, env=environment, capture_output=True, text=True, timeout=550
    )
    assert done.stdout.splitlines()[-1:] == ["fine"], done.stderr[-3000:]


def machine(device: str) -> Machine:
    return Machine(device, "a device", None, cores=2, memory=2**34, free_memory=2**33)


@pytest.mark.parametrize(
    ("has", "requested", "gets"),
    [
        ("cpu", "auto", "cpu"),
        ("cuda", "auto", "cuda"),
        ("cuda", "cpu", "cpu"),
        ("cuda", "cuda", "cuda"),
        ("mps", "auto", "mps"),
    ],
)
def test_one_function_chooses_the_device(monkeypatch, has, requested, gets):
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine(has))
    assert frameworks.device(requested) == gets


@pytest.mark.parametrize(
    ("requested", "message"), [("cuda", "no NVIDIA GPU"), ("mps", "no Apple GPU"), ("tpu", "no device 'tpu'")]
)
def test_a_missing_device_is_refused_in_one_sentence(monkeypatch, requested, message):
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine("cpu"))
    with pytest.raises(ValueError, match=message):
        frameworks.device(requested)


@pytest.mark.parametrize(
    ("gpus", "requested", "gets"), [(["GPU:0"], "auto", "cuda"), ([], "auto", "cpu"), (["GPU:0"], "cpu", "cpu")]
)
def test_keras_runs_where_tensorflow_can(monkeypatch, gpus, requested, gets):
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine("cuda"))
    config = SimpleNamespace(list_physical_devices=lambda kind: gpus)
    monkeypatch.setattr(frameworks, "tensorflow", lambda: SimpleNamespace(config=config))
    monkeypatch.setattr(frameworks, "keras_backend", lambda: "tensorflow")
    assert frameworks.keras_device(requested) == gets


def test_keras_on_a_gpu_that_tensorflow_cannot_use_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine("cuda"))
    config = SimpleNamespace(list_physical_devices=lambda kind: [])
    monkeypatch.setattr(frameworks, "tensorflow", lambda: SimpleNamespace(config=config))
    monkeypatch.setattr(frameworks, "keras_backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="TensorFlow cannot use cuda"):
        frameworks.keras_device("cuda")


def test_torch_runs_where_torch_can(monkeypatch):
    def torch(cuda):
        return SimpleNamespace(
            cuda=SimpleNamespace(is_available=lambda: cuda),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
        )

    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine("cuda"))
    monkeypatch.setattr(frameworks, "torch", lambda: torch(True))
    assert frameworks.torch_device() == "cuda"
    monkeypatch.setattr(frameworks, "torch", lambda: torch(False))
    assert frameworks.torch_device() == "cpu"
    with pytest.raises(ValueError, match="torch cannot use cuda"):
        frameworks.torch_device("cuda")


class Recorder:
    """A stand-in for TensorFlow that records its calls."""

    def __init__(self):
        self.calls = []
        self.config = SimpleNamespace(
            threading=SimpleNamespace(
                set_intra_op_parallelism_threads=lambda n: self.calls.append(("intra", n)),
                set_inter_op_parallelism_threads=lambda n: self.calls.append(("inter", n)),
            ),
            list_physical_devices=lambda kind: ["first GPU", "second GPU"],
            experimental=SimpleNamespace(set_memory_growth=lambda gpu, on: self.calls.append((gpu, on))),
        )


@pytest.mark.parametrize("already", [False, True])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_triton_comes_before_tensorflow_or_never(monkeypatch, already, device):
    fake, imported = Recorder(), []
    modules = {"tensorflow": fake} if already else {}
    monkeypatch.setattr(frameworks.importlib, "import_module", lambda name: imported.append(name) or fake)
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(frameworks, "describe_machine", lambda: machine(device))
    monkeypatch.setattr(frameworks, "thread_count", lambda: 7)
    monkeypatch.setattr(frameworks.sys, "modules", modules)
    assert frameworks._tensorflow.__wrapped__() is fake
    first = ["triton"] if device == "cuda" and not already else []
    assert imported == [*first, "tensorflow", "keras"]
    assert ("triton" in modules) == (device == "cpu")  # as None, which blocks it
    assert not {"sklearn", "matplotlib"} & set(modules)
    assert fake.calls == [("intra", 7), ("inter", 2), ("first GPU", True), ("second GPU", True)]


def test_torch_gets_its_threads_back():
    torch = frameworks.torch()
    before = torch.get_num_threads()
    with frameworks.keep_torch_threads():
        torch.set_num_threads(before + 1)
    assert torch.get_num_threads() == before == frameworks.thread_count()


def test_a_page_that_ends_does_not_reset_keras_for_all_visitors():
    from streamlit.runtime.scriptrunner import script_runner

    keras = frameworks.keras()
    first, second = keras.layers.Dense(2), keras.layers.Dense(2)
    script_runner._clean_problem_modules()  # as Streamlit does after every run
    assert len({first.name, second.name, keras.layers.Dense(2).name}) == 3  # a reset would count names from the start
    keras.utils.clear_session()
    assert keras.layers.Dense(2).name == "dense"


@pytest.mark.gpu
def test_networks_run_on_the_gpu_if_there_is_one(cuda):
    assert frameworks.torch_device() == "cuda"


def test_float32_on_a_gpu_has_all_its_bits():
    torch = frameworks.torch()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
