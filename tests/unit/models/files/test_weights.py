"""The search for weights, in temporary folders."""

import hashlib
import os
import shutil

import pytest

from cnn_demo.models import ModelUnavailable, find, load
from cnn_demo.models.files import weights
from cnn_demo.models.files.weights import BUNDLED, SUFFIXES, local_weights, weight_folders


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The four folders, by name, none of which exists yet; no installed package carries weights."""
    monkeypatch.setattr(weights, "package_folders", tuple)
    for variable in ("XDG_CACHE_HOME",):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(weights, "BUNDLED", tmp_path / "bundled")
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return {
        "bundled": tmp_path / "bundled",
        "own": tmp_path / "own",
        "keras": tmp_path / "keras" / "models",
        "torch": tmp_path / "torch" / "hub" / "checkpoints",
    }


def put(folder, name, size=3):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def test_missing_folders_hold_nothing(folders):
    assert local_weights() == ()
    assert [source for source, _ in weight_folders()] == ["bundled", "weights folder", "cache", "cache"]
    assert [folder for _, folder in weight_folders()] == list(folders.values())


def test_files_of_installed_packages_count_as_bundled(folders, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "package_folders", lambda: (tmp_path / "package" / "models",))
    path = put(tmp_path / "package" / "models", "net-0123.pth", 5)
    put(folders["own"], "net-0123.pth")
    assert [(file.path, file.source, file.bytes) for file in local_weights()] == [(path, "bundled", 5)]


def test_every_file_is_found_with_its_source_and_size(folders):
    expected = {
        put(folders["bundled"], "a.safetensors", 1): ("bundled", 1),
        put(folders["own"], "sub/b.pt", 2): ("weights folder", 2),
        put(folders["keras"], "c.h5", 0): ("cache", 0),
        put(folders["torch"], "d-0123.pth", 4): ("cache", 4),
    }
    assert {file.path: (file.source, file.bytes) for file in local_weights()} == expected


def test_the_first_source_takes_precedence(folders):
    order = list(folders)
    for name in order:
        put(folders[name], "net.pt")
    for name in order:
        (found,) = local_weights()
        assert found.path == folders[name] / "net.pt"
        found.path.unlink()
    assert local_weights() == ()


def test_files_of_the_hub_go_by_their_repositorys_name(folders, tmp_path, monkeypatch):
    """Each of them is called model.safetensors, in the hub's own cache and in a folder that is a copy of it."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    one = put(tmp_path / "hub", "models--smp-hub--one/snapshots/0123abcd/model.safetensors")
    put(folders["own"], "models--smp-hub--two/snapshots/0123abcd/model.safetensors")
    put(folders["own"], "models--smp-hub--three/snapshots/0123abcd/model.safetensors")
    names = {file.name: file.source for file in local_weights()}
    assert names == {
        "two.safetensors": "weights folder",
        "three.safetensors": "weights folder",
        "one.safetensors": "cache",
    }
    assert weights.find_weights("one.safetensors").path == one


def test_only_weights_are_listed(folders):
    for suffix in SUFFIXES:
        put(folders["own"], f"net{suffix}")
    for other in ("readme.md", "net.json", "net", "labels.txt", "net.pt.partial"):
        put(folders["own"], other)
    (folders["own"] / "folder.pt").mkdir()
    assert {file.path.suffix for file in local_weights()} == set(SUFFIXES)
    assert len(local_weights()) == len(SUFFIXES)


def test_an_operator_need_not_name_a_folder(folders, monkeypatch):
    put(folders["own"], "net.pt")
    for absent in ("set", "empty"):
        if absent == "set":
            monkeypatch.delenv("CNN_DEMO_WEIGHTS")
        else:
            monkeypatch.setenv("CNN_DEMO_WEIGHTS", "")
        assert [source for source, _ in weight_folders()] == ["bundled", "cache", "cache"]
        assert local_weights() == ()


def test_caches_are_where_the_libraries_keep_them(tmp_path, monkeypatch):
    for variable in ("CNN_DEMO_WEIGHTS", "KERAS_HOME", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(weights.Path, "home", lambda: tmp_path)
    caches = [folder for source, folder in weight_folders() if source == "cache"]
    assert caches == [tmp_path / ".keras/models", tmp_path / ".cache/torch/hub/checkpoints"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weight_folders()[-1] == ("cache", tmp_path / "xdg/torch/hub/checkpoints")


def test_one_file_is_found_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "my_net.h5").write_bytes(b"12345")
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    found = weights.find_weights("my_net.h5")
    assert (found.path, found.source, found.bytes) == (tmp_path / "deep" / "my_net.h5", "weights folder", 5)
    assert weights.find_weights("my_other_net.h5") is None


def test_folders_that_may_not_be_entered_are_passed_over(folders, monkeypatch):
    """As another user's: every look at such a folder, or below it, is refused."""
    put(folders["bundled"], "a.pt")
    put(folders["keras"], "b.h5")
    refused = str(folders["keras"].parent)

    def guarded(function):
        def call(path=".", *args, **kwargs):
            if str(path).startswith(refused):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *args, **kwargs)

        return call

    for name in ("stat", "scandir", "listdir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    assert [file.name for file in local_weights()] == ["a.pt"]


def test_a_cached_file_that_cannot_be_read_is_not_at_hand_until_it_is_replaced(folders):
    spec = find("yolo11n")
    path = put(folders["torch"], spec.weights)
    assert spec.availability() == "at hand"
    with pytest.raises(ModelUnavailable, match=r"download them again.*`python -m cnn_demo fetch yolo11n`"):
        load("yolo11n")
    assert spec.availability() == "download"
    path.unlink()
    put(folders["torch"], spec.weights, 5)
    assert spec.availability() == "at hand"


def test_the_operators_own_file_is_not_set_aside(folders):
    spec = find("yolo11n")
    put(folders["own"], spec.weights)
    with pytest.raises(ModelUnavailable, match=r"please replace yolo11n\.pt"):
        load("yolo11n")
    assert spec.availability() == "at hand"


def test_bundled_files_have_their_checksums():
    listed = dict(reversed(line.split()) for line in (BUNDLED / weights.CHECKSUMS).read_text().splitlines())
    assert set(listed) == {path.name for path in BUNDLED.iterdir() if path.suffix not in (".md", "")}
    wrong = [name for name in listed if hashlib.sha256((BUNDLED / name).read_bytes()).hexdigest() != listed[name]]
    assert wrong == [], "run `sha256sum *.h5 *.json *.npz *.safetensors > SHA256SUMS` in assets/weights"


def test_one_flipped_bit_makes_a_network_unavailable(folders):
    spec = find("pet_unet")
    data = bytearray((BUNDLED / spec.weights).read_bytes())
    data[len(data) // 2] ^= 1
    folders["bundled"].mkdir()
    (folders["bundled"] / spec.weights).write_bytes(data)
    assert spec.weights_file().bytes == len(data)  # without checksums, it is as good as any
    shutil.copy(BUNDLED / weights.CHECKSUMS, folders["bundled"])
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        spec.weights_file()
