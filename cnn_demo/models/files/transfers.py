"""Transfer of one file from a server: complete and verified, or not at all."""

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
except ImportError:  # Windows, where an open file cannot be removed, which protects it as well
    fcntl = None  # type: ignore[assignment]  # mypy has no optional modules

if TYPE_CHECKING:
    import requests

    from cnn_demo.models.catalogue.specs import ModelSpec

CONNECT_SECONDS = 5  # connection timeout
ANSWER_SECONDS = 15  # until the first byte, including DNS lookup and redirects
STALL_SECONDS = 30  # read timeout
MIN_RATE = 100_000  # minimum average rate in bytes per second
GRACE_SECONDS = 60  # additional time for any file
MARGIN = 200_000_000  # bytes to keep free on the disk
CHUNK = 1 << 18  # maximum bytes per read
LOOK_AGAIN = 1 << 24  # bytes between two checks of the free disk space
PART = ".cnn-demo-part"  # suffix of partial files
NO_CONNECTION = "there is no connection to the server; please check the internet connection of this machine."


class DownloadFailed(ModelUnavailable):
    """Weights could not be downloaded; the message is one sentence for visitors.

    Attributes:
        reason: Second part of the sentence, with the reason and the remedy.
        unreachable: Whether there was no connection to the server.
    """

    def __init__(self, spec: ModelSpec, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(f"“{spec.title}” could not be downloaded: {reason}")
        self.reason, self.unreachable = reason, unreachable


class _Refused(Exception):
    """Stops a transfer; the message is the `reason` of `DownloadFailed`."""


@dataclass(eq=False)
class Transfer:
    """The download of one file, which may be shared by several visitors.

    Attributes:
        spec: Metadata of the model.
        folder: Target folder.
        done: Number of bytes downloaded.
        total: Total number of bytes; 0 if unknown.
        answered: Whether the server has started to send.
        error: The error if it failed, otherwise None.
        finished: Event set at the end, with or without success.
        stopped: Event set to stop it early.
        started: Start time, of `time.monotonic`.
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
        """Path of the partial file."""
        return self.folder / (self.spec.weights + PART)

    def run(self) -> None:
        """Download the file and set `error` on failure. The caller sets `finished`."""
        try:
            self._fetch()
        except Exception as error:
            if not self.finished.is_set():
                self.error = _failure(self.spec, error)

    def give_up(self, reason: str, *, unreachable: bool = False) -> None:
        """Mark it as failed immediately, even if its thread is still blocked on the network."""
        if not self.finished.is_set():
            self.error = DownloadFailed(self.spec, reason, unreachable=unreachable)
        self.stopped.set()
        self.finished.set()

    def _fetch(self) -> None:
        import requests

        if self.spec.url is None:
            raise _Refused("there is no address to download it from.")
        sweep(self.folder)
        with requests.get(
            self.spec.url,
            stream=True,
            timeout=(CONNECT_SECONDS, STALL_SECONDS),
            headers={"Accept-Encoding": "identity"},  # so that length and checksum refer to the file itself
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
                    file.close()  # Windows cannot rename an open file
                os.replace(self.part, self.folder / self.spec.weights)

    def _go_on(self) -> None:
        if self.stopped.is_set():
            raise _Refused("it was stopped.")

    def _copy(self, response: requests.Response, file: IO[bytes]) -> None:
        """Write the response body to the file, checking the time limit and the free disk space."""
        size = self.total or self.spec.bytes
        allowed = GRACE_SECONDS + size / MIN_RATE
        looked_at = 0
        while chunk := response.raw.read1(CHUNK, decode_content=True):  # not `read`, which blocks
            self._go_on()
            if time.monotonic() - self.started > allowed:
                raise _Refused(f"it was not complete after {allowed:.0f} seconds; please try again later.")
            if self.done - looked_at > LOOK_AGAIN:
                looked_at = self.done
                _require_room(self.folder, size - self.done)
            file.write(chunk)
            self.done += len(chunk)
            if not self.total and self.done > 2 * size:
                raise BrokenFile("it is longer than expected")
        if self.done < self.total:
            raise ConnectionResetError


def sweep(folder: Path) -> None:
    """Remove partial files of interrupted downloads; those of running downloads are locked and kept."""
    for path in folder.glob(f"*{PART}"):
        with contextlib.suppress(OSError), path.open("r+b") as file:
            if _lock(file):
                path.unlink()


def _lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed or the process ends; return False if another process holds the lock."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextlib.contextmanager
def _part_file(path: Path) -> Iterator[IO[bytes]]:
    """Open and lock the partial file; remove it on failure."""
    try:
        file = path.open("xb")
    except FileExistsError:
        raise _Refused("another program is downloading it; please try again in a minute.") from None
    with file:
        try:
            with contextlib.suppress(OSError):  # some network file systems do not support locks
                _lock(file)
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _require_room(folder: Path, size: int) -> None:
    """Raise `_Refused` if the file would fill the disk."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < size + MARGIN:
        raise _Refused(
            f"the disk is too full: {size / 1e6:.0f} MB are needed and {MARGIN / 1e6:.0f} MB must stay free, but only "
            f"{free / 1e6:.0f} MB are free; please make room on it."
        )


def _all_headers(response: requests.Response) -> Mapping[str, str]:
    """Return the headers of a response, with the checksum that a redirect may have sent."""
    headers = response.headers.copy()
    for step in response.history:
        if linked := step.headers.get("X-Linked-ETag"):
            headers["X-Linked-ETag"] = linked
    return headers


def _failure(spec: ModelSpec, error: Exception) -> DownloadFailed:
    """Convert an exception to a `DownloadFailed` with the reason and the remedy."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    errors = requests.exceptions
    unreachable = False
    if isinstance(error, _Refused):
        reason = str(error)
    elif isinstance(error, BrokenFile):
        reason = "the downloaded file is broken; please try again."
    elif isinstance(error, errors.HTTPError):
        status = "with an error" if error.response is None else error.response.status_code
        reason = f"the server answered {status}; please try again later."
    elif isinstance(error, errors.SSLError):
        reason = "this machine does not trust the server's certificate; please contact the operator of this app."
    elif isinstance(error, errors.ReadTimeout | ReadTimeoutError):
        reason = "the server stopped responding; please try again later."
    elif isinstance(error, errors.RequestException):
        reason, unreachable = NO_CONNECTION, True
    elif isinstance(error, HTTPError | ConnectionError):
        reason = "the connection was interrupted; please try again."
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full; please make room on it."
    elif isinstance(error, OSError):
        reason = "its file cannot be written here; please contact the operator of this app."
    else:
        logging.getLogger(__name__).error("Downloading %s failed.", spec.url, exc_info=error)
        reason = "an unexpected error occurred; please try again."
    return DownloadFailed(spec, reason, unreachable=unreachable)
