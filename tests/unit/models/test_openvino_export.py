"""Converting networks for OpenVINO: one after the other, for torch's tracing is not made for several threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from cnn_demo.models import frameworks, openvino_export


def test_networks_are_converted_one_after_the_other(monkeypatch):
    frameworks.torch()  # before several threads request it
    running, most = [], []

    def convert_model(network, example_input):
        running.append(threading.get_ident())
        most.append(len(running))
        time.sleep(0.05)
        running.pop()
        return SimpleNamespace(reshape=lambda shape: None)

    monkeypatch.setattr(frameworks, "openvino", lambda: SimpleNamespace(convert_model=convert_model))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(openvino_export.converted, "abcd"))
    assert most == [1, 1, 1, 1]
