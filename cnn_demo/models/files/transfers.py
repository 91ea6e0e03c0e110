"""One file on its way from a server to this machine: whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.files.checks import BrokenFile, announced_checksum, check_file

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed: that guards it as well
    fcntl = None

if TYPE_CHECKING:
    import requests

    from cnn_demo.models.catalogue.specs import ModelSpec

CONNECT_SECONDS = 5  # so that nobody waits long where there is no internet
ANSWER_SECONDS = 15  # until the server begins to send, with the name looked up and all redirections
STALL_SECONDS = 30  # without a single byte
MIN_RATE = 100_000  # bytes a second: what is slower for long is given up
GRACE_SECONDS = 60  # that any file may take
MARGIN = 200_000_000  # bytes that stay free on the disk
CHUNK = 1 << 18  # bytes that are read at once, at most
LOOK_AGAIN = 1 << 24  # bytes between two looks at how full the disk is
PART = ".cnn-demo-part"  # ends the name of a file that is not complete
NO_CONNECTION = "there is no connection to the server; please check the internet connection of this machine."


class DownloadFailed(ModelUnavailable):
    """Weights could not be downloaded; the message is one sentence that can be shown as it is.

    Attributes:
        reason: The half sentence that says why, and what to do.
        unreachable: Whether there was no connection to the server.
    """

    def __init__(self, spec: ModelSpec, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(f"“{spec.title}” could not be downloaded: {reason}")
        self.reason, self.unreachable = reason, unreachable


class _Refused(Exception):
    """Ends a transfer; the message is the half sentence that says why."""


@dataclass(eq=False)
class Transfer:
    """The download of one file, which several visitors may be waiting for.

    Attributes:
        spec: The model's row.
        folder: Where its weights are kept.
        done: Bytes that have come.
        total: Bytes that will come; 0 where the server does not tell.
        answered: Whether the server has begun to send.
        error: Why it failed; None before the end, and where it did not.
        finished: Set at the end, of whichever kind.
        stopped: Set to end it early.
        started: Of `time.monotonic`.
    """

    spec: ModelSpec
    folder: Path
    done: int = 0
    total: int = 0
    answered: bool = False
    error: DownloadFailed | None = None
    finished: threading.Event = field(default_factory=threading.Event, repr=False)
    stopped: threading.Event = field(default_factory=threading.Event, repr=False)
    started: float = field(default_factory=time.monotonic)

    @property
    def part(self) -> Path:
        """The file while it is not complete."""
        return self.folder / (self.spec.weights + PART)

    def run(self) -> None:
        """Do it, from the first byte to the last; `error` tells whether it worked. The caller sets `finished`."""
        try:
            self._fetch()
        except Exception as error:
            if not self.finished.is_set():
                self.error = _failure(self.spec, error)

    def give_up(self, reason: str, *, unreachable: bool = False) -> None:
        """End it from outside, at once, though its thread may still be waiting for the network."""
        if not self.finished.is_set():
            self.error = DownloadFailed(self.spec, reason, unreachable=unreachable)
        self.stopped.set()
        self.finished.set()

    def _fetch(self) -> None:
        import requests

        sweep(self.folder)
        with requests.get(
            self.spec.url,
            stream=True,
            timeout=(CONNECT_SECONDS, STALL_SECONDS),
            headers={"Accept-Encoding": "identity"},  # so that lengths and checksums are those of the file
        ) as response:
            response.raise_for_status()
            self._go_on()
            self.total = int(response.headers.get("Content-Length", 0))
            self.answered = True
            _require_room(self.folder, self.total or self.spec.bytes)
            self.folder.mkdir(parents=True, exist_ok=True)
            with _part_file(self.part) as file:
                self._copy(response, file)
                file.flush()
                check_file(self.part, self.spec, announced_checksum(_all_headers(response)))
                self._go_on()
                if fcntl is None:
                    file.close()  # Windows renames no open file
                os.replace(self.part, self.folder / self.spec.weights)

    def _go_on(self) -> None:
        if self.stopped.is_set():
            raise _Refused("it was stopped.")

    def _copy(self, response: requests.Response, file: IO[bytes]) -> None:
        """Write what comes, with an eye on the clock and the disk."""
        size = self.total or self.spec.bytes
        allowed = GRACE_SECONDS + size / MIN_RATE
        looked_at = 0
        while chunk := response.raw.read1(CHUNK, decode_content=True):  # not `read`, which waits until all is there
            self._go_on()
            if time.monotonic() - self.started > allowed:
                raise _Refused(f"it was not complete after {allowed:.0f} seconds; please try again later.")
            if self.done - looked_at > LOOK_AGAIN:
                looked_at = self.done
                _require_room(self.folder, size - self.done)
            file.write(chunk)
            self.done += len(chunk)
            if not self.total and self.done > 2 * size:
                raise BrokenFile("it does not end")
        if self.done < self.total:
            raise ConnectionResetError


def sweep(folder: Path) -> None:
    """Remove the beginnings of files whose download was killed; those that are still coming are locked, and stay."""
    for path in folder.glob(f"*{PART}"):
        with contextlib.suppress(OSError), path.open("r+b") as file:
            if _lock(file):
                path.unlink()


def _lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed or its process ends; False if another one has it."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextlib.contextmanager
def _part_file(path: Path) -> Iterator[IO[bytes]]:
    """Open the file that is written to, locked until it has its own name; after a failure nothing of it is left."""
    try:
        file = path.open("xb")
    except FileExistsError:
        raise _Refused("another program is downloading it; please try again in a minute.") from None
    with file:
        try:
            with contextlib.suppress(OSError):  # some network disks lock nothing
                _lock(file)
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _require_room(folder: Path, size: int) -> None:
    """Refuse a file that would fill the disk."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free < size + MARGIN:
        raise _Refused(
            f"the disk is too full: {size / 1e6:.0f} MB are needed and {MARGIN / 1e6:.0f} MB must stay free, but only "
            f"{free / 1e6:.0f} MB are free; please make room on it."
        )


def _all_headers(response: requests.Response) -> Mapping[str, str]:
    """Return the headers of a reply, with the checksum that a redirection on the way to it may have named."""
    headers = response.headers.copy()
    for step in response.history:
        if linked := step.headers.get("X-Linked-ETag"):
            headers["X-Linked-ETag"] = linked
    return headers


def _failure(spec: ModelSpec, error: Exception) -> DownloadFailed:
    """Say in half a sentence why a download failed, and what to do."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    errors, unreachable = requests.exceptions, False
    if isinstance(error, _Refused):
        reason = str(error)
    elif isinstance(error, BrokenFile):
        reason = "the file that came is broken; please try again."
    elif isinstance(error, errors.HTTPError):
        reason = f"the server answered {error.response.status_code}; please try again later."
    elif isinstance(error, errors.SSLError):
        reason = "this machine does not trust the server's certificate; please tell whoever runs this app."
    elif isinstance(error, errors.ReadTimeout | ReadTimeoutError):
        reason = "the server does not answer any more; please try again later."
    elif isinstance(error, errors.RequestException):
        reason, unreachable = NO_CONNECTION, True
    elif isinstance(error, HTTPError | ConnectionError):
        reason = "the connection broke off; please try again."
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full; please make room on it."
    elif isinstance(error, OSError):
        reason = "its file cannot be written here; please tell whoever runs this app."
    else:
        logging.getLogger(__name__).error("Downloading %s failed.", spec.url, exc_info=error)
        reason = "something unforeseen happened; please try again."
    return DownloadFailed(spec, reason, unreachable=unreachable)
