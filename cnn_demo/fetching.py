"""Command-line download of official weights: `python -m cnn_demo fetch KEY...`, or `--defaults`."""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cnn_demo import environment
from cnn_demo.models import ModelSpec, ModelUnavailable, find, list_models
from cnn_demo.models.files import checks, downloads
from cnn_demo.models.files.transfers import DownloadFailed
from cnn_demo.models.files.weights import find_weights
from cnn_demo.terminal import Parser, complain, say
from cnn_demo.unused_options import refuse

DEFAULTS = ("mobilenet_v2", "yolo11n", "yolo11n-seg")  # small, fast, and the pages' defaults
HERE = ("bundled", "at hand")  # of `ModelSpec.availability`
INTERRUPTED = 130  # as shells have it for Ctrl-C
_EPILOG = """\
The files go where the libraries themselves keep theirs: KERAS_HOME and TORCH_HOME move them. Checksums are verified
where there are any, else size and structure. With --record, the checksum of each good file is written to
cnn_demo/models/catalogue/recorded.csv: later downloads must have it, and CNN_DEMO_DOWNLOADS=checked offers the network
to visitors. CNN_DEMO_DOWNLOADS is about visitors of the pages: of this command it limits --background alone.

exit status:
  0    all of them are on this machine
  1    one or more could not be downloaded or recorded; the others are here
  2    there is no model of that key, none was named, or an option or a CNN_DEMO_ variable is wrong: nothing was
       downloaded
  130  interrupted: nothing is left of the file that was coming
"""


def main(arguments: list[str] | None = None) -> int:
    """Download the requested models, one after the other, with one line for each.

    Returns:
        The exit status, as `--help` describes it.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        refuse(options, ["record"] if options.background else [], "with --background")
        if options.list:
            refuse(options, ["defaults", "record", "background"], "with --list")
    except ValueError as error:
        parser.error(str(error))
    if options.list:
        if options.keys:
            parser.error("--list lists all models: leave the KEYs out.")
        return _list()
    keys = list(dict.fromkeys([*options.keys, *(DEFAULTS if options.defaults else ())]))
    if not keys:
        parser.error("name a KEY, or give --defaults or --list.")
    try:
        specs = [spec for key in keys for spec in _with_backbone(_find(key))]
    except KeyError as error:
        complain(error.args[0])
        return 2
    try:
        return _in_background(specs) if options.background else _in_foreground(specs, record=options.record)
    except KeyboardInterrupt:
        downloads.stop_all()
        if not options.background:
            print("Interrupted: nothing is left of the file that was coming.", file=sys.stderr)
        return INTERRUPTED


def fetch(
    specs: Sequence[ModelSpec], progress: Callable[[ModelSpec, int, int], None]
) -> Iterator[tuple[ModelSpec, bool, ModelUnavailable | None]]:
    """Download models, one after the other; a server that could not be reached is not tried again.

    Args:
        specs: Specs of the models.
        progress: Callback with the model, the bytes received, and their total (0 if the server does not send it).

    Yields:
        The row, whether the model was on this machine before, and why it could not be downloaded (None: it is here).
    """
    unreachable: dict[str, DownloadFailed] = {}  # by host
    for spec in specs:
        if spec.availability() in HERE:
            yield spec, True, None
            continue
        host = urlsplit(spec.url or "").netloc
        try:
            if host in unreachable:
                raise DownloadFailed(spec, unreachable[host].reason, unreachable=True)
            downloads.download(spec, partial(progress, spec), by_operator=True)
        except ModelUnavailable as error:
            if isinstance(error, DownloadFailed) and error.unreachable:
                unreachable[host] = error
            yield spec, False, error
        else:
            yield spec, False, None


def _in_foreground(specs: Sequence[ModelSpec], *, record: bool) -> int:
    """Show the progress on stderr, and one line for each model: on stdout if it is available, else on stderr.

    Args:
        specs: Specs of the models.
        record: Put the checksums of files that were not bundled into the table of recorded ones.
    """
    bar = _Bar()
    failed = False
    for spec, was_here, error in fetch(specs, bar):
        bar.clear()
        file = find_weights(spec.weights)
        if error is not None:
            failed = True
            complain(f"{spec.key}: {error}")
        else:
            where = f": {file.path}" if file else "."
            say(f"{spec.key} {'is here already' if was_here else 'was downloaded'}{where}")
            if record and file and file.source != "bundled":
                failed |= not _recorded(spec, file.path)
    return int(failed)


def _recorded(spec: ModelSpec, path: Path) -> bool:
    """Record a file's checksum, and tell whether it could be."""
    try:
        digest = checks.record_checksum(path, spec)
    except checks.BrokenFile as error:
        complain(f"{spec.key}: {path} was not recorded, for it is not the published file: {error}.")
    except OSError as error:
        complain(f"{spec.key}: its checksum was not recorded: {error}.")
    else:
        say(f"  sha256 {digest} was recorded")
        return True
    return False


def _in_background(specs: Sequence[ModelSpec]) -> int:
    """Print one line about all of them, at the end."""
    _hear_signals()
    reasons = {}
    for spec, _, error in fetch(specs, lambda *_: None) if downloads.max_concurrent() else _check_only(specs):
        if error is not None:
            reasons[spec.title] = error.reason if isinstance(error, DownloadFailed) else str(error)
    if not reasons:
        say(f"Official weights of {_listed([spec.title for spec in specs])} are on this machine.")
        return 0
    say(
        f"Official weights of {_listed(list(reasons))} were not downloaded, and bundled networks are used instead: "
        f"{next(iter(reasons.values()))}"
    )
    return 1


def _check_only(specs: Sequence[ModelSpec]) -> Iterator[tuple[ModelSpec, bool, ModelUnavailable | None]]:
    """Do as `fetch` does if downloads are switched off."""
    off = f"{environment.DOWNLOADS}={os.environ.get(environment.DOWNLOADS, '').strip()}."
    for spec in specs:
        here = spec.availability() in HERE
        yield spec, here, None if here else ModelUnavailable(off)


def _hear_signals() -> None:
    """End with the server: a shell's background processes are deaf to Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


class _Bar:
    """Progress on stderr: one line that is written again and again, in a file one line for each quarter."""

    def __init__(self) -> None:
        self._told: tuple[str, int] | None = None
        self._terminal = sys.stderr.isatty()

    def __call__(self, spec: ModelSpec, done: int, total: int) -> None:
        total = total or spec.bytes
        percent = min(100 * done // total, 100)
        step = percent if self._terminal else 25 * (percent // 25)
        if self._told == (spec.key, step):
            return
        self._told = spec.key, step
        begin, end = ("\r", "") if self._terminal else ("", "\n")
        print(f"{begin}{spec.title}: {percent:3d}% of {total / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Clear the line for the next one."""
        if self._terminal and self._told is not None:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        self._told = None


def _parser() -> Parser:
    parser = Parser(
        prog="python -m cnn_demo fetch",
        description="Download official weights; the pages and the other commands then use them without internet.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", help="of a model, such as resnet50 or yolo11n-seg")
    parser.add_argument("--defaults", action="store_true", help=f"{', '.join(DEFAULTS)}: about 30 MB")
    parser.add_argument("--list", action="store_true", help="list all keys, with their size and where the weights are")
    parser.add_argument("--record", action="store_true", help="record checksums, for CNN_DEMO_DOWNLOADS=checked")
    parser.add_argument("--background", action="store_true", help="print one line in all, as `make run` wants it")
    return parser


def _find(key: str) -> ModelSpec:
    """Return the spec of a key.

    Raises:
        KeyError: If there is none; the message names those that are alike.
    """
    keys = [spec.key for spec in list_models()]
    if key in keys:
        return find(key)
    near = sorted(difflib.get_close_matches(key.lower(), keys), key=keys.index)
    hint = f"did you mean {_listed(near, 'or')}?" if near else "`python -m cnn_demo fetch --list` names them all."
    raise KeyError(f"There is no model {key!r}: {hint}")


def _with_backbone(spec: ModelSpec) -> tuple[ModelSpec, ...]:
    """Return the row, after that of the network whose feature maps it reads, if there is one."""
    return (find(spec.backbone), spec) if spec.backbone else (spec,)


def _list() -> int:
    rows = [
        f"{spec.key:32s} {spec.bytes / 1e6:8.1f} MB  {spec.availability():12s} {spec.task}" for spec in list_models()
    ]
    print("\n".join(rows))
    return 0


def _listed(names: Sequence[str], last: str = "and") -> str:
    *others, end = names
    return f"{', '.join(others)} {last} {end}" if others else end
