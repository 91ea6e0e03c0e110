"""Command-line interface: `python -m cnn_demo serve`, `classify|localize|detect|segment PHOTO...`, `fetch [KEY...]`."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command and options; None for those of the shell.

    Returns:
        The exit status, as `command_line.main`, `fetching.main` and `serving.main` describe it.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    # These two without the second that the imports of the other commands take.
    if arguments[:1] == ["fetch"]:
        from cnn_demo.fetching import main as fetch

        return fetch(arguments[1:])
    if arguments[:1] == ["serve"]:
        from cnn_demo.serving import main as serve

        return serve(arguments[1:])
    from cnn_demo.command_line import main as ask

    return ask(arguments)


if __name__ == "__main__":
    sys.exit(main())
