"""Fetching published weights when a visitor asks for it: into the library's own cache, checked, or not at all."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_demo.models.weights import WeightsFile, find_weights, keras_cache, torch_cache

if TYPE_CHECKING:
    from cnn_demo.models.registry import ModelSpec

CONNECT_SECONDS, READ_SECONDS = 5, 30  # so that nobody waits long where there is no internet
CHUNK = 1 << 18  # bytes between two reports of the progress
_LOCK = threading.Lock()  # of two visitors who want the same file, the second finds it when the first has it


def download(spec: ModelSpec, progress: Callable[[int, int], None] | None = None) -> WeightsFile:
    """Fetch the weights of a model, unless they are on this machine already.

    The file is written under another name and gets its own only when it is complete and its checksum is right, so that
    nobody ever loads half a file.

    Args:
        spec: The model's row.
        progress: Told how many bytes have come, and of how many (0 where the server does not say).

    Returns:
        Where the file is.

    Raises:
        ModelUnavailable: If it cannot be had; the message is one sentence that can be shown as it is.
    """
    from cnn_demo.models import ModelUnavailable

    if found := find_weights(spec.weights):
        return found
    if spec.url is None:
        raise ModelUnavailable(f"The weights of “{spec.title}” cannot be downloaded: they are published nowhere.")
    try:
        with _LOCK:
            if find_weights(spec.weights) is None:
                _fetch(spec, _folder(spec), progress or (lambda done, total: None))
    except Exception as error:
        raise ModelUnavailable(f"“{spec.title}” could not be downloaded: {_reason(error)}") from error
    found = find_weights(spec.weights)
    if found is None:
        raise ModelUnavailable(f"“{spec.title}” could not be downloaded: its file is gone; please try again.")
    return found


def _folder(spec: ModelSpec) -> Path:
    """Where the library that the weights are for would keep them."""
    return torch_cache() if spec.weights.endswith((".pt", ".pth", ".safetensors")) else keras_cache()


def _fetch(spec: ModelSpec, folder: Path, progress: Callable[[int, int], None]) -> None:
    import pooch

    downloader = pooch.HTTPDownloader(
        progressbar=_Progress(progress), chunk_size=CHUNK, timeout=(CONNECT_SECONDS, READ_SECONDS)
    )
    pooch.retrieve(spec.url, spec.checksum, spec.weights, folder, downloader=downloader)


class _Progress:
    """What pooch takes for a progress bar."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.tell = tell
        self.total = 0
        self.done = 0

    def update(self, count: int) -> None:
        self.done += count
        self.tell(self.done, self.total)

    def reset(self) -> None:
        """Pooch fills the bar at the end by emptying it and adding the total."""
        self.done = 0

    def close(self) -> None:
        """Nothing to close."""


def _reason(error: Exception) -> str:
    """Say in half a sentence why a download failed, and what to do."""
    import requests

    if isinstance(error, requests.exceptions.HTTPError):
        return f"the server answered {error.response.status_code}; please try again later."
    if isinstance(error, requests.exceptions.RequestException):
        return "there is no connection to the server; please check the internet connection of this machine."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; please make room on it."
    if isinstance(error, OSError):
        return "its file cannot be written here; please tell whoever runs this app."
    if isinstance(error, ValueError):
        return "what came was broken; please try again."
    return "something unforeseen happened; please try again."
