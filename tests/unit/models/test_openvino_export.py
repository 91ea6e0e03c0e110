"""Converting networks for OpenVINO: one after the other, for torch's tracing is not made for several threads."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from cnn_demo.models import ModelUnavailable, find, frameworks, openvino_export


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


@pytest.fixture
def export(tmp_path, monkeypatch):
    """An export of two small files."""

    def save_model(model, path, compress_to_fp16):
        path.write_bytes(b"<net/>")
        path.with_suffix(".bin").write_bytes(bytes(100))

    monkeypatch.setattr(frameworks, "openvino", lambda: SimpleNamespace(save_model=save_model))
    openvino_export.write(None, tmp_path / "network.xml")
    return tmp_path / "network.xml"


def test_an_intact_export_is_used(export):
    assert openvino_export.existing(export, str) == str(export)
    assert sorted(path.name for path in export.parent.iterdir()) == ["network.bin", "network.sha256", "network.xml"]


@pytest.mark.parametrize(
    ("suffix", "content"), [(".xml", b""), (".xml", b"<net"), (".bin", None), (".bin", bytes(50)), (".sha256", None)]
)
def test_a_damaged_export_is_removed_to_be_made_anew(export, suffix, content, caplog):
    damaged = export.with_suffix(suffix)
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    assert openvino_export.existing(export, str) is None
    assert list(export.parent.iterdir()) == []
    assert "network.xml is made anew" in caplog.text


def test_an_export_that_openvino_refuses_is_removed_too(export):
    def refuse(path):
        raise RuntimeError("an older format")

    assert openvino_export.existing(export, refuse) is None
    assert not export.exists()


def test_no_export_is_no_error(tmp_path, caplog):
    assert openvino_export.existing(tmp_path / "network.xml", str) is None
    assert not caplog.records


def test_folders_of_killed_exports_are_removed(export):
    old, new = export.parent / "exporting-old", export.parent / "exporting-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "network.xml").write_bytes(b"half")
    os.utime(old, (0, 0))
    openvino_export.write(None, export)
    assert not old.exists()
    assert new.exists()  # another process may still write it


def test_weights_that_may_not_be_read_are_one_sentence(tmp_path):
    with pytest.raises(ModelUnavailable, match=r"cannot be read: please replace everyday_unet\.safetensors"):
        openvino_export.exported_file(find("everyday_unet"), tmp_path / "nothing", "library1")


def test_a_failed_inference_leaves_nothing_behind():
    requests = []

    def create_infer_request():
        request = SimpleNamespace(infer=lambda inputs: {0: inputs[0] * 2})
        requests.append(request)
        return request

    compiled = SimpleNamespace(create_infer_request=create_infer_request, outputs=[None])
    core = SimpleNamespace(compile_model=lambda *_: compiled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frameworks, "openvino", lambda: SimpleNamespace(Core=lambda: core))
        network = openvino_export.Compiled(None)

    def fail(inputs):
        raise RuntimeError("no memory")

    requests[0].infer = fail
    with pytest.raises(RuntimeError, match="no memory"):
        network(np.ones(2))
    np.testing.assert_array_equal(network(np.ones(2))[0], [2, 2])
    assert len(requests) == 2
