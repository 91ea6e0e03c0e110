"""Command-line server: `python -m cnn_demo serve`, from any folder."""

from __future__ import annotations

import argparse
import runpy
import signal
import subprocess
import sys
import threading
import time

import psutil

from cnn_demo.project import ROOT
from cnn_demo.terminal import Parser

_EPILOG = """\
Without --no-fetch, official weights of three small networks (about 30 MB) are downloaded once, in the background; the
server never waits for them. Frameworks and networks are loaded before the first visitor comes, unless CNN_DEMO_PRELOAD
is off. If a CNN_DEMO_ variable has a wrong value, it is named and nothing is served. Other settings are Streamlit's:
STREAMLIT_SERVER_BASE_URL_PATH and so on.
"""


def main(arguments: list[str] | None = None) -> int:
    """Serve the pages until the process is interrupted.

    Args:
        arguments: Options; None for those of the shell.

    Returns:
        The exit status: 0 after SIGTERM or Ctrl-C, 1 if the port is taken; `__main__` returns 2 if a variable is wrong.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until Streamlit handles it: the download must end, too
    fetching = None if options.no_fetch else _fetch_in_background()
    threading.Thread(target=_warm_up, name="warm up", daemon=True).start()
    sys.argv = ["streamlit", "run", str(ROOT / "app.py")]
    for option in ("port", "address"):
        if (value := getattr(options, option)) is not None:
            sys.argv += [f"--server.{option}", str(value)]
    try:
        runpy.run_module("streamlit", run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        if fetching is not None:
            fetching.terminate()
    return 0


def _warm_up() -> None:
    """Load frameworks and networks once the server is up, before the first visitor comes."""
    time.sleep(1)  # the server, which imports Streamlit too, goes first
    from cnn_demo.ui.page.warm_up import warm_up_when_served

    warm_up_when_served()


def _fetch_in_background() -> subprocess.Popen[bytes]:
    """Start `fetch --defaults --background` at a low priority: the start of the server goes first."""
    process = subprocess.Popen([sys.executable, "-m", "cnn_demo", "fetch", "--defaults", "--background"], cwd=ROOT)
    if sys.platform == "win32":
        psutil.Process(process.pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        psutil.Process(process.pid).nice(19)
    return process


def _parser() -> Parser:
    parser = Parser(
        prog="python -m cnn_demo serve",
        description="Serve the pages at http://localhost:8501, and open them in a browser if there is one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, help="port of the server (8501, or STREAMLIT_SERVER_PORT)")
    parser.add_argument("--address", help="address to listen on, such as 127.0.0.1 (default: all of this machine)")
    parser.add_argument("--no-fetch", action="store_true", help="download nothing")
    return parser


def _port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: choose a number from 1 to 65535.")
