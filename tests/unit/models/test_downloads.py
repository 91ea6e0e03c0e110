"""A download arrives whole and checked, or says in one sentence why not and leaves nothing behind."""

import errno
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pooch
import pytest

from cnn_demo.models import ModelUnavailable, find
from cnn_demo.models.downloads import download
from cnn_demo.models.weights import find_weights

CONTENT = bytes(range(256)) * 4000
CHECKSUM = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/missing.h5":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000] if self.path == "/cut.h5" else CONTENT)

    def log_message(self, *_args) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch, tmp_path):
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    Handler.asked.clear()


def row(url: str | None, checksum: str | None = CHECKSUM):
    return replace(find("vgg16"), weights="photo_net.h5", url=url, checksum=checksum)


def left_behind(tmp_path) -> list:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def test_it_arrives_whole_and_progress_is_told(address, tmp_path):
    told = []
    file = download(row(f"{address}/good.h5"), lambda done, total: told.append((done, total)))
    assert file.path.read_bytes() == CONTENT
    assert file.place == "cache"
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert all(total == len(CONTENT) for _, total in told)
    assert [done for done, _ in told[:-1]] == sorted(done for done, _ in told[:-1])
    assert left_behind(tmp_path) == [file.path]


def test_what_is_at_hand_is_not_fetched_again(address):
    spec = row(f"{address}/good.h5")
    assert download(spec) == download(spec) == find_weights("photo_net.h5")
    assert len(Handler.asked) == 1


def test_two_visitors_fetch_it_once(address):
    spec = row(f"{address}/good.h5")
    visitors = [threading.Thread(target=download, args=(spec,)) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(Handler.asked) == 1


@pytest.mark.parametrize(
    ("path", "checksum", "says"),
    [
        ("/missing.h5", CHECKSUM, "the server answered 404"),
        ("/good.h5", "md5:" + "0" * 32, "what came was broken"),
        ("/cut.h5", CHECKSUM, "there is no connection"),
        ("/cut.h5", None, "there is no connection"),
    ],
)
def test_what_fails_is_one_sentence_and_leaves_nothing(address, tmp_path, path, checksum, says):
    with pytest.raises(ModelUnavailable, match=says) as caught:
        download(row(address + path, checksum))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert left_behind(tmp_path) == []


def test_offline_is_said_at_once(tmp_path):
    with pytest.raises(ModelUnavailable, match="check the internet connection"):
        download(row("http://127.0.0.1:9/none.h5"))
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "says"),
    [(OSError(errno.ENOSPC, "no"), "the disk is full"), (PermissionError(13, "no"), "cannot be written")],
)
def test_a_disk_that_takes_nothing_is_said(address, monkeypatch, error, says):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fail)
    with pytest.raises(ModelUnavailable, match=says):
        download(row(f"{address}/good.h5"))


def test_what_is_published_nowhere_is_said():
    with pytest.raises(ModelUnavailable, match="published nowhere"):
        download(row(None))
