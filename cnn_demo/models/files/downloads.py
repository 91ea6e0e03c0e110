"""Download of published weights into the library's cache, on request of a visitor or the operator.

Downloads of the same file are shared by visitors, the number of concurrent downloads is limited, and the operator can
disable them: CNN_DEMO_DOWNLOADS is "off" (also "0", "false", "no") or the maximum number of concurrent downloads. With
"checked", or "checked,4" together with a number, visitors are offered only files whose checksum is known beforehand.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_demo.environment import CHECKED, DOWNLOADS, OFF
from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.files import transfers
from cnn_demo.models.files.checks import known_checksum
from cnn_demo.models.files.transfers import DownloadFailed, Transfer
from cnn_demo.models.files.weights import WeightsFile, find_weights, keras_cache, torch_cache

if TYPE_CHECKING:
    from cnn_demo.models.catalogue.specs import ModelSpec

AT_ONCE = 2  # default maximum number of concurrent downloads
ON = ("", "on", "true", "yes")  # values that allow the default number; here 1 is a number
TICK = 0.1  # seconds between progress reports
_LOCK = threading.Lock()
_RUNNING: dict[str, Transfer] = {}  # by file name


def max_concurrent() -> int:
    """Return the maximum number of concurrent downloads; 0 if they are disabled or the variable is invalid."""
    words = [word for word in _words() if word != CHECKED]
    if all(word in ON for word in words):
        return AT_ONCE
    return int(words[0]) if len(words) == 1 and words[0].isdecimal() else 0


def only_checked() -> bool:
    """Return whether visitors may only download files whose checksum is known beforehand."""
    return CHECKED in _words()


def _words() -> list[str]:
    return [word.strip().lower() for word in os.environ.get(DOWNLOADS, "").split(",")]


def refusal(spec: ModelSpec) -> str | None:
    """Return the message for visitors if they may not download this model; None if they may."""
    if max_concurrent():
        if not only_checked() or known_checksum(spec):
            return None
        return (
            f"Visitors cannot download “{spec.title}” here, because its checksum is not known: whoever runs this app "
            f"can download it with `python -m cnn_demo fetch {spec.key}`."
        )
    value = os.environ[DOWNLOADS].strip()
    clear = value.isdecimal() or value.lower() in OFF
    reason = "" if clear else ", which is neither “off”, “checked” nor a number"
    return (
        f"Downloads are switched off here (`{DOWNLOADS}={value}`{reason}): whoever runs this app can download the "
        f"network with `python -m cnn_demo fetch {spec.key}`, or allow downloads with `{DOWNLOADS}={AT_ONCE}`."
    )


def offered(specs: Sequence[ModelSpec]) -> tuple[ModelSpec, ...]:
    """Return the models that visitors see beside the button: those that they may download, or all if they may none."""
    return tuple(spec for spec in specs if not max_concurrent() or refusal(spec) is None)


def download(
    spec: ModelSpec, progress: Callable[[int, int], None] | None = None, *, by_operator: bool = False
) -> WeightsFile:
    """Download the weights of a model, unless they are available locally.

    The file is written under a temporary name and renamed once it is complete and verified, so that no partial file is
    ever loaded. The download continues if the visitor leaves, since others may be waiting for it.

    Args:
        spec: Metadata of the model.
        progress: Callback that receives the downloaded and total number of bytes (0 if unknown).
        by_operator: Whether it is requested from the command line, where the limits for visitors do not apply.

    Returns:
        The weights file.

    Raises:
        ModelUnavailable: If the download failed or was refused; the message is one sentence for visitors.
    """
    if found := find_weights(spec.weights):
        return found
    if spec.url is None:
        raise ModelUnavailable(f"The weights of “{spec.title}” cannot be downloaded: they are not published.")
    if not by_operator and (sentence := refusal(spec)):
        raise ModelUnavailable(sentence)
    if (transfer := _join_or_start(spec, None if by_operator else max_concurrent())) is not None:
        _follow(transfer, progress or (lambda done, total: None))
        if transfer.error is not None:
            raise transfer.error
    found = find_weights(spec.weights)
    if found is None:
        raise DownloadFailed(spec, "its file is gone; please try again.")
    return found


def stop_all() -> None:
    """Stop all downloads of this process and remove their partial files."""
    for transfer in list(_RUNNING.values()):
        transfer.give_up("it was stopped.")
        transfer.part.unlink(missing_ok=True)  # its thread may be blocked on the network and never remove it


def _join_or_start(spec: ModelSpec, limit: int | None) -> Transfer | None:
    """Return the running download of a file, starting it if necessary; None if it has just finished.

    Args:
        spec: Metadata of the model.
        limit: Maximum number of concurrent downloads; None for no limit.
    """
    with _LOCK:
        if (transfer := _RUNNING.get(spec.weights)) is not None:
            return transfer
        if find_weights(spec.weights):
            return None
        if limit is not None and len(_RUNNING) >= limit:
            raise ModelUnavailable(_busy(len(_RUNNING)))
        transfer = _RUNNING[spec.weights] = Transfer(spec, _folder(spec))
    try:
        threading.Thread(target=_run, args=(transfer,), name=f"download {spec.key}", daemon=True).start()
    except (RuntimeError, MemoryError):  # the system allows no more threads
        _forget(transfer)
        transfer.give_up("it could not begin; please try again later.")  # for visitors who have joined it meanwhile
        raise
    return transfer


def _run(transfer: Transfer) -> None:
    try:
        transfer.run()
    finally:
        _forget(transfer)  # first, so that a retry after a failure does not join it
        transfer.finished.set()


def _follow(transfer: Transfer, progress: Callable[[int, int], None]) -> None:
    """Wait for the end of a download; give up if the server does not respond in time."""
    while not transfer.finished.wait(TICK):
        if transfer.answered:
            progress(transfer.done, transfer.total)
        elif time.monotonic() - transfer.started > transfers.ANSWER_SECONDS:
            _forget(transfer)
            transfer.give_up(transfers.NO_CONNECTION, unreachable=True)
    if transfer.error is None:
        progress(transfer.done, transfer.total)


def _forget(transfer: Transfer) -> None:
    with _LOCK:
        if _RUNNING.get(transfer.spec.weights) is transfer:
            del _RUNNING[transfer.spec.weights]


def _folder(spec: ModelSpec) -> Path:
    """Return the cache folder of the library that the weights are for."""
    return torch_cache() if spec.weights.endswith((".pt", ".pth", ".safetensors")) else keras_cache()


def _busy(running: int) -> str:
    names = {1: "One download is", 2: "Two downloads are", 3: "Three downloads are"}
    return f"{names.get(running, f'{running} downloads are')} running: please try again in a minute."
