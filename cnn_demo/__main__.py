"""Command-line interface: `python -m cnn_demo classify|localize|detect|segment PHOTO...`, and `fetch [KEY...]`."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command and options; None for those of the shell.

    Returns:
        The exit status, as `command_line.main` and `fetching.main` describe it.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["fetch"]:  # without the second that the imports of the other commands take
        from cnn_demo.fetching import main as fetch

        return fetch(arguments[1:])
    from cnn_demo.command_line import main as ask

    return ask(arguments)


if __name__ == "__main__":
    sys.exit(main())
