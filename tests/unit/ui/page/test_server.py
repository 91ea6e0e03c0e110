"""The end of a server: its process waits for no thread, and leaves no process behind."""

import subprocess
import sys

import psutil
import pytest
from streamlit.runtime.runtime import RuntimeState

from cnn_demo.project import ROOT

ENDING = """
import subprocess, sys, threading, time
from unittest.mock import Mock
from streamlit.runtime.runtime import RuntimeState
from cnn_demo.ui.page import server

def page():  # as Streamlit runs it: in a thread that is a daemon
    server._watch(Mock(state=RuntimeState[sys.argv[1]]))

server.GRACE = 0.1
threading.Thread(target=time.sleep, args=(120,), daemon=False).start()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
thread = threading.Thread(target=page, daemon=True)
thread.start()
thread.join()
print(child.pid, flush=True)
if sys.argv[2] == "waits":
    time.sleep(120)
if sys.argv[2] == "fails":
    raise RuntimeError
"""


@pytest.mark.parametrize(
    ("state", "main", "status"),
    [
        (RuntimeState.ONE_OR_MORE_SESSIONS_CONNECTED, "ends", 0),
        (RuntimeState.ONE_OR_MORE_SESSIONS_CONNECTED, "fails", 1),
        (RuntimeState.STOPPING, "waits", 0),
    ],
)
def test_a_server_that_has_stopped_ends_its_process(state, main, status):
    command = [sys.executable, "-c", ENDING, state.name, main]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=100, check=False)
    assert ended.returncode == status
    child = int(ended.stdout)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
