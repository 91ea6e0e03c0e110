"""Command-line interface: `python -m cnn_demo COMMAND`.

Commands are `serve`, `classify|localize|detect|segment PHOTO...`, `explain PHOTO... --task TASK`, `fetch [KEY...]`,
`prepare` and `cluster [KEY...]`.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

from cnn_demo.environment import wrong_settings
from cnn_demo.processes import end_children
from cnn_demo.terminal import complain

WRONG_SETTING = 2  # as for options
INTERRUPTED, NO_READER = 130, 141  # as shells have it for Ctrl-C, and for a reader that has gone


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command and options; None for those of the shell.

    Returns:
        The exit status, as `main` of `command_line`, `explaining.command`, `fetching`, `serving` and
        `models.cluster.command` describe it; `WRONG_SETTING` if a variable of the environment has a wrong value.
    """
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER


def _run(arguments: list[str]) -> int:
    if problems := [] if {"-h", "--help"} & set(arguments) else wrong_settings():
        for problem in problems:
            complain(problem)
        return WRONG_SETTING
    # Each command imports its own module alone: `fetch` and `serve` need not wait for the imports of the others.
    if arguments[:1] == ["fetch"]:
        from cnn_demo.fetching import main as fetch

        return fetch(arguments[1:])
    if arguments[:1] == ["serve"]:
        from cnn_demo.serving import main as serve

        return serve(arguments[1:])
    if arguments[:1] == ["explain"]:
        from cnn_demo.explaining.command import main as explain

        return explain(arguments[1:])
    if arguments[:1] == ["cluster"]:
        from cnn_demo.models.cluster.command import main as cluster

        return cluster(arguments[1:])
    if arguments[:1] == ["prepare"]:
        from cnn_demo.preparing import main as prepare

        return prepare(arguments[1:])
    from cnn_demo.command_line import main as ask

    return ask(arguments)


def console() -> NoReturn:
    """Run the command of the shell, and exit with its status.

    After Ctrl-C, and when the server has ended, threads that export a network are not waited for: they cannot be
    stopped, may take 20 seconds, and abort a process that Python ends under them.
    """
    serves = sys.argv[1:2] == ["serve"]  # asked now: Streamlit gets arguments of its own
    status = main()
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    interrupted = status == INTERRUPTED and not all(thread.daemon for thread in others)
    if interrupted or serves:
        _leave_at_once(status)
    sys.exit(status)


def _leave_at_once(status: int) -> NoReturn:
    """End the process and those that it has started, without waiting for threads."""
    end_children()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    console()
