"""Command that converts networks once: `python -m cnn_demo prepare`."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import warnings

from cnn_demo.models import ModelUnavailable
from cnn_demo.models.files.weights import user_cache
from cnn_demo.models.preparation import can_be_kept, prepare, unprepared
from cnn_demo.terminal import Parser, complain, say

_EPILOG = """\
Without a GPU, OpenVINO and TensorFlow run the bundled networks, from files that torch converts once. A server makes
them at its first start, in the background; after this command its first visitors need not wait, and it takes less
memory. The files are in ~/.cache/cnn_demo; XDG_CACHE_HOME moves them.

exit status:
  0    all networks are converted
  1    some could not be, or the cache cannot be written: the app works all the same
"""


def main(arguments: list[str] | None = None) -> int:
    """Convert all networks that have not been, one after the other.

    Returns:
        The exit status, as `--help` describes it.
    """
    parser = Parser(
        prog="python -m cnn_demo prepare",
        description="Convert the bundled networks once, so that they load faster and without torch.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--background", action="store_true", help="print nothing")
    options = parser.parse_args(arguments)
    if options.background:
        logging.disable()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return _prepare_all()
    return _prepare_all()


def _prepare_all() -> int:
    missing = unprepared()
    if missing and not can_be_kept():
        complain(f"Nothing was converted: {user_cache() / 'cnn_demo'} cannot be written.")
        return 1
    warnings.simplefilter("ignore")  # of the converters, about their own code
    failed = False
    for spec in missing:
        try:
            prepare(spec)
        except ModelUnavailable as error:
            failed = True
            complain(f"{spec.key}: {error}")
        else:
            say(f"{spec.key} is converted.")
    if not failed:
        say("All networks are converted.")
    return int(failed)
