"""Downloading published weights into the library's own cache, when a visitor or the operator asks for it.

Visitors wait for one another's downloads of the same file, only so many run at once, and the operator can switch them
off: CNN_DEMO_DOWNLOADS is "off" (also "0", "false", "no") or the number of downloads that run at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_demo.models.catalogue.specs import ModelUnavailable
from cnn_demo.models.files import transfers
from cnn_demo.models.files.transfers import DownloadFailed, Transfer
from cnn_demo.models.files.weights import WeightsFile, find_weights, keras_cache, torch_cache

if TYPE_CHECKING:
    from cnn_demo.models.catalogue.specs import ModelSpec

VARIABLE = "CNN_DEMO_DOWNLOADS"
AT_ONCE = 2  # downloads that visitors may have running, unless the variable has another number
OFF, ON = ("off", "false", "no"), ("", "on", "true", "yes")  # values of the variable, beside numbers
TICK = 0.1  # seconds between two reports of the progress
_LOCK = threading.Lock()
_RUNNING: dict[str, Transfer] = {}  # by the file's name


def most_at_once() -> int:
    """Return how many downloads visitors may have running; 0 where they may have none, or where it is unclear."""
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value in ON:
        return AT_ONCE
    return int(value) if value.isdecimal() else 0


def refusal(spec: ModelSpec) -> str | None:
    """Return the sentence that tells a visitor why this app downloads nothing, and what to do; None where it does."""
    if most_at_once():
        return None
    value = os.environ[VARIABLE].strip()
    clear = value.isdecimal() or value.lower() in OFF
    reason = "" if clear else ", which is neither “off” nor a number"
    return (
        f"Downloads are switched off here (`{VARIABLE}={value}`{reason}): whoever runs this app can download the "
        f"network with `python -m cnn_demo fetch {spec.key}`, or allow downloads with `{VARIABLE}={AT_ONCE}`."
    )


def download(
    spec: ModelSpec, progress: Callable[[int, int], None] | None = None, *, by_operator: bool = False
) -> WeightsFile:
    """Download the weights of a model, unless they are on this machine already.

    The file is written under another name and gets its own only when it is complete and verified, so that nobody ever
    loads half a file. A visitor who leaves does not end it: others may be waiting for it, or want it next.

    Args:
        spec: The model's row.
        progress: Told how many bytes have come, and of how many (0 where the server does not tell).
        by_operator: Whether it is asked for from a shell, where the limits for visitors do not hold.

    Returns:
        Where the file is.

    Raises:
        ModelUnavailable: If it failed or was refused; the message is one sentence that can be shown as it is.
    """
    if found := find_weights(spec.weights):
        return found
    if spec.url is None:
        raise ModelUnavailable(f"The weights of “{spec.title}” cannot be downloaded: they are published nowhere.")
    if not by_operator and (sentence := refusal(spec)):
        raise ModelUnavailable(sentence)
    if (transfer := _join_or_start(spec, None if by_operator else most_at_once())) is not None:
        _follow(transfer, progress or (lambda done, total: None))
        if transfer.error is not None:
            raise transfer.error
    found = find_weights(spec.weights)
    if found is None:
        raise DownloadFailed(spec, "its file is gone; please try again.")
    return found


def stop_all() -> None:
    """End all downloads of this process, and leave nothing of them behind."""
    for transfer in list(_RUNNING.values()):
        transfer.give_up("it was stopped.")
        transfer.part.unlink(missing_ok=True)  # its thread may be waiting for a server, and never come to it


def _join_or_start(spec: ModelSpec, most: int | None) -> Transfer | None:
    """Return the running download of a file, started if need be; None if it has just come.

    Args:
        spec: The model's row.
        most: Downloads that may be running together with this one; None for any number.
    """
    with _LOCK:
        if (transfer := _RUNNING.get(spec.weights)) is not None:
            return transfer
        if find_weights(spec.weights):
            return None
        if most is not None and len(_RUNNING) >= most:
            raise ModelUnavailable(_busy(len(_RUNNING)))
        transfer = _RUNNING[spec.weights] = Transfer(spec, _folder(spec))
    threading.Thread(target=_run, args=(transfer,), name=f"download {spec.key}", daemon=True).start()
    return transfer


def _run(transfer: Transfer) -> None:
    try:
        transfer.run()
    finally:
        _forget(transfer)  # first: who tries again after a failure must not join it
        transfer.finished.set()


def _follow(transfer: Transfer, progress: Callable[[int, int], None]) -> None:
    """Wait for the end of a download; give it up where the server does not even begin."""
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
    """Where the library that the weights are for would keep them."""
    return torch_cache() if spec.weights.endswith((".pt", ".pth", ".safetensors")) else keras_cache()


def _busy(running: int) -> str:
    names = {1: "One download is", 2: "Two downloads are", 3: "Three downloads are"}
    return f"{names.get(running, f'{running} downloads are')} running: please try again in a minute."
