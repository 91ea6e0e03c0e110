"""A downloaded file is checked by its checksum if there is one, otherwise by size and structure."""

import base64
import csv
import hashlib
import re
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest
from requests.structures import CaseInsensitiveDict
from safetensors.numpy import save_file

from cnn_demo.models import find, list_models
from cnn_demo.models.catalogue import recorded
from cnn_demo.models.files.checks import (
    BrokenFile,
    announced_checksum,
    check_file,
    known_checksum,
    record_checksum,
)

NUMBERS = np.random.default_rng(0).random(50_000)


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["numbers"] = NUMBERS


def tensors(path):
    save_file({"numbers": NUMBERS}, path)


def checkpoint(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", b"names")
        archive.writestr("net/data/0", NUMBERS.tobytes())


@pytest.mark.parametrize(
    ("suffix", "write", "offset"),
    [(".h5", hdf5, None), (".safetensors", tensors, None), (".pt", checkpoint, 1000)],
)
def test_without_a_checksum_size_and_structure_count(tmp_path, suffix, write, offset):
    path = tmp_path / "coming"
    write(path)
    content = path.read_bytes()
    spec = replace(find("yolo11n"), weights=f"net{suffix}", bytes=len(content))
    check_file(path, spec)
    for bad in (
        b"<html>" + bytes(len(content)),  # a login page, as long as the file
        content[: len(content) * 3 // 4],
        content[:offset] + b"?" + content[offset + 1 :] if offset else b"",  # one byte of a tensor
    ):
        path.write_bytes(bad)
        with pytest.raises(BrokenFile):
            check_file(path, spec)
    path.write_bytes(content)
    with pytest.raises(BrokenFile, match="about"):
        check_file(path, replace(spec, bytes=3 * len(content)))


def test_a_known_checksum_decides(tmp_path):
    path = tmp_path / "coming"
    path.write_bytes(b"some")
    sha256 = hashlib.sha256(b"some").hexdigest()
    check_file(path, replace(find("yolo11n"), checksum=f"sha256:{sha256}"), ("md5", "0" * 32))
    named = replace(find("yolo11n"), weights=f"net-{sha256[:8]}.pth")
    check_file(path, named)
    path.write_bytes(b"same")
    with pytest.raises(BrokenFile):
        check_file(path, named)


def test_checksums_of_the_table():
    assert known_checksum(find("vgg16")) == ("md5", "64373286793e3c8b2b4e3219cbf3544b")
    assert known_checksum(find("fcn_resnet50")) == ("sha256", "1167a1af")
    without = {spec.family for spec in list_models() if spec.url and known_checksum(spec) is None}
    assert without == {"imagenet", "yolo", "yolo_semantic", "smp"}
    imagenet = [spec.key for spec in list_models("classification") if spec.url and not spec.checksum]
    assert imagenet == ["mobilenet", "mobilenet_v2"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"content-md5": base64.b64encode(bytes(range(16))).decode()}, ("md5", bytes(range(16)).hex())),
        ({"x-goog-hash": "crc32c=n03x6A==, md5=AAECAwQFBgcICQoLDA0ODw=="}, ("md5", bytes(range(16)).hex())),
        ({"x-goog-hash": "md5=AAECAwQFBgcICQoLDA0ODw==", "x-goog-stored-content-encoding": "gzip"}, None),
        ({"x-linked-etag": f'"{"ab" * 32}"'}, ("sha256", "ab" * 32)),
        ({"content-md5": "no checksum"}, None),
    ],
)
def test_checksums_that_servers_send(headers, expected):
    assert announced_checksum(CaseInsensitiveDict(headers)) == expected


def test_a_recorded_checksum_decides(tmp_path, monkeypatch):
    table = tmp_path / "recorded.csv"
    table.write_text("file,sha256,bytes\nother.pt,0a,1\n")
    monkeypatch.setattr(recorded, "TABLE", table)
    path = tmp_path / "coming"
    checkpoint(path)
    spec = replace(find("yolo11n"), weights="net.pt", bytes=path.stat().st_size)
    assert known_checksum(spec) is None
    digest = record_checksum(path, spec)
    assert known_checksum(spec) == ("sha256", digest)
    assert table.read_text() == f"file,sha256,bytes\nnet.pt,{digest},{path.stat().st_size}\nother.pt,0a,1\n"
    assert list(tmp_path.iterdir()) in ([table, path], [path, table])
    check_file(path, spec)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # in the archive's comment length: no tensor changes
    path.write_bytes(data)
    with pytest.raises(BrokenFile, match="sha256"):
        check_file(path, spec, ("sha256", hashlib.sha256(data).hexdigest()))


def test_a_broken_file_is_not_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "TABLE", tmp_path / "recorded.csv")
    recorded.TABLE.write_text("file,sha256,bytes\n")
    path = tmp_path / "coming"
    path.write_bytes(b"<html>")
    with pytest.raises(BrokenFile):
        record_checksum(path, find("yolo11n"))
    assert recorded.TABLE.read_text() == "file,sha256,bytes\n"


def test_the_table_names_files_of_the_registry():
    files = {spec.weights for spec in list_models() if spec.url}
    with recorded.TABLE.open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert {row["file"] for row in rows} <= files
    assert all(re.fullmatch("[0-9a-f]{64}", row["sha256"]) and int(row["bytes"]) > 0 for row in rows)
