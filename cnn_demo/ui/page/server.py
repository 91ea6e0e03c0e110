"""The server of this process: whether there is one, and its end, which waits for no computation."""

import logging
import os
import sys
import threading
from contextlib import suppress
from functools import cache

from streamlit import runtime
from streamlit.runtime.runtime import Runtime, RuntimeState
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from cnn_demo.models.files.downloads import stop_all
from cnn_demo.processes import end_children

GRACE = 2.0  # seconds in which the server closes its connections
TICK = 0.5


def is_served() -> bool:
    """Return whether this process has a server for browsers; tests have none."""
    manager = getattr(runtime.get_instance(), "_session_mgr", None) if runtime.exists() else None
    return isinstance(manager, WebsocketSessionManager)


def is_up() -> bool:
    """Return whether the main thread still runs; a thread that outlives it should return."""
    return threading.main_thread().is_alive()


def end_promptly() -> None:
    """Let this process end within a few seconds once its server has stopped, such as after SIGTERM or Ctrl-C.

    Python waits for threads at its end, such as one that exports a network, and aborts if another one is within the
    C++ code of a framework then. This ends the process before that.
    """
    if is_served():
        _watch(Runtime.instance())


@cache
def _watch(server: Runtime) -> None:
    # Not a daemon, as the threads of pages are: Python waits for it before the steps of its end that would abort.
    threading.Thread(target=_end_after, args=(server,), name="end of the server", daemon=False).start()


def _end_after(server: Runtime) -> None:
    main = threading.main_thread()
    while main.is_alive() and server.state not in (RuntimeState.STOPPING, RuntimeState.STOPPED):
        main.join(TICK)
    main.join(GRACE)  # it may wait for a file that a visitor downloads
    stop_all()
    end_children()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(1 if hasattr(sys, "last_type") else 0)  # Python sets it after an error that nobody caught
