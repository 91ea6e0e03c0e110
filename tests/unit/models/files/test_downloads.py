"""A download is complete and verified, or fails with one sentence and leaves nothing behind."""

import errno
import fcntl
import hashlib
import shutil
import threading
import time
from collections import namedtuple
from contextlib import suppress
from dataclasses import replace

import pytest
from local_server import CONTENT, NOWHERE, serving

from cnn_demo import environment
from cnn_demo.models import ModelUnavailable, find
from cnn_demo.models.catalogue import recorded
from cnn_demo.models.files import downloads, transfers
from cnn_demo.models.files.downloads import download
from cnn_demo.models.files.weights import find_weights

CHECKSUM = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def server():
    with serving() as local:
        yield local


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without weights of others; returns where Keras would keep them."""
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.delenv(environment.DOWNLOADS, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield tmp_path / "keras" / "models"
    downloads.stop_all()


def row(url: str | None, checksum: str | None = CHECKSUM, name: str = "photo_net.h5"):
    return replace(find("vgg16"), weights=name, url=url, checksum=checksum, bytes=len(CONTENT))


def left_behind(tmp_path) -> list:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def begun(spec) -> threading.Thread:
    """A visitor whose download has begun."""

    def visit():
        with suppress(ModelUnavailable):
            download(spec)

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    wait_until(lambda: (transfer := downloads._RUNNING.get(spec.weights)) is not None and transfer.done)
    return visitor


def wait_until(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


# It arrives -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["good", "unsized"])
def test_a_download_is_complete_and_reports_progress(server, tmp_path, how):
    reported = []
    file = download(row(f"{server.address}/{how}"), lambda done, total: reported.append((done, total)))
    assert file.path.read_bytes() == CONTENT
    assert file.source == "cache"
    total = len(CONTENT) if how == "good" else 0
    assert reported[-1] == (len(CONTENT), total)
    assert all(of == total for _, of in reported)
    assert left_behind(tmp_path) == [file.path]


def test_local_files_are_not_downloaded_again(server):
    spec = row(f"{server.address}/good")
    assert download(spec) == download(spec) == find_weights("photo_net.h5")
    assert len(server.requested) == 1


def test_visitors_who_request_the_same_file_share_one_download(server):
    spec = row(f"{server.address}/held")
    reported, files = [], []
    visitors = [begun(spec)]
    for _ in range(3):
        visitor = threading.Thread(target=lambda: files.append(download(spec, lambda *given: reported.append(given))))
        visitor.start()
        visitors.append(visitor)
    wait_until(lambda: (1000, len(CONTENT)) in reported)
    server.gate.set()
    for visitor in visitors:
        visitor.join(20)
    assert files == [find_weights("photo_net.h5")] * 3
    assert len(server.requested) == 1


def test_a_visitor_who_leaves_does_not_end_it(server):
    spec = row(f"{server.address}/held")

    def leave(done, total):
        raise SystemExit

    with pytest.raises(SystemExit):
        download(spec, leave)
    server.gate.set()
    assert download(spec).path.read_bytes() == CONTENT
    assert len(server.requested) == 1


# It fails ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "checksum", "reason"),
    [
        ("missing", CHECKSUM, "the server answered 404"),
        ("good", "md5:" + "0" * 32, "the downloaded file is broken"),
        ("good", None, "the downloaded file is broken"),  # no HDF5
        ("announced", None, "the downloaded file is broken"),
        ("linked", None, "the downloaded file is broken"),
        ("endless", CHECKSUM, "the downloaded file is broken"),
        ("cut", CHECKSUM, "the connection was interrupted"),
        ("cut", None, "the connection was interrupted"),
        ("silent", CHECKSUM, "there is no connection"),
        ("stall", CHECKSUM, "the server stopped responding"),
        ("slow", CHECKSUM, "it was not complete after 1 seconds"),
    ],
)
def test_a_failure_is_one_sentence_leaves_nothing_and_may_be_tried_again(
    server, tmp_path, monkeypatch, how, checksum, reason
):
    monkeypatch.setattr(transfers, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(transfers, "STALL_SECONDS", 1 if how == "stall" else 30)
    monkeypatch.setattr(transfers, "GRACE_SECONDS", 1 if how == "slow" else 60)
    monkeypatch.setattr(transfers, "MIN_RATE", 1e9)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match=reason) as caught:
        download(row(f"{server.address}/{how}", checksum))
    assert time.monotonic() - start < 20
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert left_behind(tmp_path) == []
    assert download(row(f"{server.address}/good")).path.read_bytes() == CONTENT


def test_offline_is_refused_at_once_and_leaves_no_folder(tmp_path):
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match="check the internet connection") as caught:
        download(row(NOWHERE))
    assert caught.value.unreachable
    assert time.monotonic() - start < 4
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_refused_before_it_is_full(server, tmp_path, monkeypatch):
    free = transfers.MARGIN + len(CONTENT) - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10 * free, 9 * free, free))
    with pytest.raises(ModelUnavailable, match="1 MB are needed and 200 MB must stay free, but only 201 MB are free"):
        download(row(f"{server.address}/good"))
    assert list(tmp_path.iterdir()) == []
    free += 1
    assert download(row(f"{server.address}/good"))


def test_a_disk_that_fills_meanwhile_is_noticed(server, tmp_path, monkeypatch):
    left = iter([10**12, 10**8])
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, next(left)))
    monkeypatch.setattr(transfers, "LOOK_AGAIN", 100_000)
    with pytest.raises(ModelUnavailable, match="the disk is too full"):
        download(row(f"{server.address}/good"))
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(errno.ENOSPC, "no"), "the disk is full"), (PermissionError(13, "no"), "cannot be written")],
)
def test_a_full_disk_is_refused(server, tmp_path, monkeypatch, error, reason):
    def fail(transfer, _response, file):
        file.write(CONTENT[:1000])
        file.flush()
        assert transfer.part.stat().st_size == 1000
        raise error

    monkeypatch.setattr(transfers.Transfer, "_copy", fail)
    with pytest.raises(ModelUnavailable, match=reason):
        download(row(f"{server.address}/good"))
    assert left_behind(tmp_path) == []


def test_a_file_without_a_url_is_refused():
    with pytest.raises(ModelUnavailable, match="are not published"):
        download(row(None))


# Killed and shared beginnings -------------------------------------------------------------------------------------


def test_the_beginning_of_a_killed_download_is_removed_by_the_next(server, machine):
    machine.mkdir(parents=True)
    (machine / f"other_net.h5{transfers.PART}").write_bytes(b"some")
    (machine / f"photo_net.h5{transfers.PART}").write_bytes(b"some")
    (machine / "notes.part").write_bytes(b"of somebody else")
    download(row(f"{server.address}/good"))
    assert sorted(path.name for path in machine.iterdir()) == ["notes.part", "photo_net.h5"]


def test_a_file_that_another_program_is_downloading_is_left_to_it(server, machine):
    machine.mkdir(parents=True)
    part = machine / f"photo_net.h5{transfers.PART}"
    with part.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ModelUnavailable, match="another program is downloading it"):
            download(row(f"{server.address}/good"))
        assert part.exists()
    assert download(row(f"{server.address}/good")).path.read_bytes() == CONTENT


def test_stopping_leaves_nothing(server, tmp_path):
    begun(row(f"{server.address}/stall"))
    assert len(left_behind(tmp_path)) == 1
    downloads.stop_all()
    assert left_behind(tmp_path) == []


# Limits for visitors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "most"),
    [
        (None, 2),
        ("", 2),
        ("on", 2),
        ("3", 3),
        ("1", 1),
        ("off", 0),
        (" OFF ", 0),
        ("0", 0),
        ("no", 0),
        ("nver", 0),
        ("checked", 2),
        ("Checked, 4", 4),
        ("checked,off", 0),
    ],
)
def test_the_operator_sets_how_many_run_at_once(monkeypatch, value, most):
    if value is not None:
        monkeypatch.setenv(environment.DOWNLOADS, value)
    assert downloads.max_concurrent() == most
    assert (downloads.refusal(find("vgg16")) is None) == (most > 0)


def test_only_files_with_a_known_checksum_are_offered_if_the_operator_wants_it(server, monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "TABLE", tmp_path / "recorded.csv")
    recorded.TABLE.write_text("file,sha256,bytes\n")
    monkeypatch.setenv(environment.DOWNLOADS, "checked")
    known, unknown = find("vgg16"), row(f"{server.address}/good", None)
    assert downloads.offered([known, unknown]) == (known,)
    with pytest.raises(ModelUnavailable, match=r"checksum is not known.*python -m cnn_demo fetch vgg16"):
        download(unknown)
    assert server.requested == []
    recorded.record(unknown.weights, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert downloads.offered([known, unknown]) == (known, unknown)
    assert download(unknown).path.read_bytes() == CONTENT
    monkeypatch.setenv(environment.DOWNLOADS, "off")
    assert downloads.offered([known, unknown]) == (known, unknown)  # beside a button that tells why it is disabled


def test_switched_off_it_is_refused_to_visitors_and_not_to_the_operator(server, monkeypatch):
    monkeypatch.setenv(environment.DOWNLOADS, "false")
    spec = row(f"{server.address}/good")
    with pytest.raises(ModelUnavailable, match=r"CNN_DEMO_DOWNLOADS=false.*python -m cnn_demo fetch vgg16"):
        download(spec)
    assert server.requested == []
    assert download(spec, by_operator=True).path.read_bytes() == CONTENT
    monkeypatch.setenv(environment.DOWNLOADS, "nver")
    assert "neither “off”, “checked” nor a number" in downloads.refusal(spec)


def test_downloads_beyond_the_limit_are_postponed(server, monkeypatch):
    monkeypatch.setenv(environment.DOWNLOADS, "2")
    visitors = [begun(row(f"{server.address}/held", name=name)) for name in ("a_net.h5", "b_net.h5")]
    start = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        download(row(f"{server.address}/good"))
    assert str(caught.value) == "Two downloads are running: please try again in a minute."
    assert time.monotonic() - start < 4
    server.gate.set()
    for visitor in visitors:
        visitor.join(20)
    assert find_weights("a_net.h5")
    assert find_weights("b_net.h5")
    assert download(row(f"{server.address}/good"))
