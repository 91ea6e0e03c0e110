"""Loading of pages, frameworks and networks in the background, once the server is up: no visitor waits for imports."""

import importlib
import logging
import pkgutil
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import streamlit as st

import cnn_demo.ui
from cnn_demo.environment import PRELOAD, is_on
from cnn_demo.models.cluster.settings import uses_cluster
from cnn_demo.ui.page.server import end_promptly, is_served, is_up

DELAY = 2.0  # seconds, in which a browser that opens with the server gets its first page
_LOG = logging.getLogger(__name__)


def warm_up_when_served() -> None:
    """Wait until the server of this process is up, and warm it up; for a thread that begins before the server does."""
    while not is_served():
        time.sleep(0.1)
    end_promptly()
    warm_up()


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Begin to load, once in the life of a server, unless `CNN_DEMO_PRELOAD` is "off"."""
    if uses_cluster():  # which has the networks
        return
    if is_served() and is_on(PRELOAD, default=True):
        # Not a daemon, as the threads of pages are: a process that exits while a framework is imported would abort.
        threading.Thread(target=_load, name="warm up", daemon=False).start()


def _load() -> None:
    """Convert networks, import all pages, and run each page's first network; it ends early with the server."""
    end = time.monotonic() + DELAY
    while time.monotonic() < end and is_up():
        time.sleep(0.1)
    try:
        if is_up():
            _prepare()
        for page in pkgutil.iter_modules(cnn_demo.ui.__path__, "cnn_demo.ui."):
            if is_up() and page.ispkg and importlib.util.find_spec(f"{page.name}.workbench"):
                importlib.import_module(f"{page.name}.workbench")
        from cnn_demo.models.idle_memory import give_back
        from cnn_demo.models.warm_up import steps

        for step in steps():
            if not is_up():
                return
            step()
        give_back()
    except Exception as error:  # whatever the reason, the pages load what they need themselves
        _LOG.log(logging.WARNING, "Not everything was loaded before the first visitor: %s", error)


def _prepare() -> None:
    """Convert networks that have not been converted, in a process of its own: torch stays out of this one."""
    from cnn_demo.models.preparation import can_be_kept, unprepared

    if not unprepared() or not can_be_kept():
        return
    command = [sys.executable, "-m", "cnn_demo", "prepare", "--background"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with suppress(psutil.Error, OSError):
        if sys.platform == "win32":
            psutil.Process(process.pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            psutil.Process(process.pid).nice(10)
    while process.poll() is None:
        if not is_up():
            process.terminate()
        time.sleep(0.1)
