"""A served app and a browser, for the benchmarks and the browser tests."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Path of an installed Chromium; None if there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


def serve(script: str | None, output: int | IO = subprocess.DEVNULL) -> tuple[subprocess.Popen, str]:
    """Serve a Streamlit script on a free port, without a weights folder, and wait until it is healthy.

    Args:
        script: Path of the script, relative to the project's root; None for the app, by `python -m cnn_demo serve`.
        output: File for the server's log.

    Returns:
        The process, to be terminated by the caller, and the address, such as "http://127.0.0.1:40123".

    Raises:
        RuntimeError: If it is not healthy within about two minutes.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "CNN_DEMO_WEIGHTS"}
    command = ["cnn_demo", "serve", "--no-fetch", "--port", str(port)]
    if script is not None:
        command = ["streamlit", "run", script, "--server.port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT), "STREAMLIT_SERVER_HEADLESS": "true"},
        stdout=output,
        stderr=output,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
            return process, address
        except OSError:
            time.sleep(0.1)
    process.terminate()
    raise RuntimeError(f"{script or 'The app'} did not start.")
