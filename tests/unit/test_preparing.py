"""`python -m cnn_demo prepare` converts what is missing, and a cache that cannot be written is no error of the app."""

import pytest

from cnn_demo.__main__ import main
from cnn_demo.models import ModelUnavailable, find, load, preparation


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_it_converts_what_is_missing_once(cache, monkeypatch, capsys):
    small = ("efficientnet_lite0", "cifar10_cnn")  # the second one needs no conversion
    monkeypatch.setattr(preparation, "list_models", lambda: [find(key) for key in small])
    assert [spec.key for spec in preparation.unprepared()] == ["efficientnet_lite0"]
    assert main(["prepare"]) == 0
    assert capsys.readouterr().out == "efficientnet_lite0 is converted.\nAll networks are converted.\n"
    assert [path.suffix for path in cache.rglob("*") if path.is_file()] == [".safetensors"]
    assert preparation.unprepared() == ()
    assert main(["prepare", "--background"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_network_that_is_loaded_already_is_converted_too(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "another"))
    load("efficientnet_lite0", "cpu")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    preparation.prepare(find("efficientnet_lite0"))
    assert preparation.is_converted("efficientnet_lite0")


def test_without_a_gpu_every_bundled_network_of_torch_is_exported(cache, monkeypatch):
    monkeypatch.setattr(preparation.frameworks, "device", lambda: "cpu")
    missing = {spec.key for spec in preparation.unprepared()}
    assert {"everyday_detector", "everyday_unet", "everyday_instances", "efficientnet_lite0"} <= missing
    monkeypatch.setattr(preparation.frameworks, "device", lambda: "cuda")
    assert {spec.family for spec in preparation.unprepared()} == {"efficientnet_lite"}


def test_a_cache_that_cannot_be_written_is_one_sentence(cache, capsys):
    cache.write_text("a file")
    assert main(["prepare"]) == 1
    assert capsys.readouterr().err == f"Nothing was converted: {cache / 'cnn_demo'} cannot be written.\n"


def test_a_network_that_cannot_be_converted_is_named_and_the_others_are(cache, monkeypatch, capsys):
    def prepare(spec):
        if spec.key == "pet_unet":
            raise ModelUnavailable("Its weights cannot be read.")

    keys = ("pet_unet", "street_unet")
    monkeypatch.setattr("cnn_demo.preparing.unprepared", lambda: tuple(find(key) for key in keys))
    monkeypatch.setattr("cnn_demo.preparing.prepare", prepare)
    assert main(["prepare"]) == 1
    assert capsys.readouterr() == ("street_unet is converted.\n", "pet_unet: Its weights cannot be read.\n")
