"""Text for a terminal: names and arguments that it quotes cannot control it."""

from __future__ import annotations

import argparse
import sys
import unicodedata
from typing import NoReturn

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # Unicode categories: control characters, surrogates and the like


def visible(text: object) -> str:
    r"""Write control characters, and bytes of file names that are not UTF-8, as Python escapes.

    Example:
        >>> from cnn_demo.terminal import visible
        >>> print(visible("two\nlines \x1b[31m.jpg"))
        two\nlines \x1b[31m.jpg
    """
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _HIDDEN else c for c in str(text))


def say(line: object) -> None:
    """Print a line to stdout; characters that its encoding does not have are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    print(visible(line).encode(encoding, "backslashreplace").decode(encoding), flush=True)


def complain(line: object) -> None:
    """Print a line to stderr."""
    print(visible(line), file=sys.stderr)


class Parser(argparse.ArgumentParser):
    """A parser whose messages quote arguments visibly."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and a message, and exit with status 2."""
        super().error(visible(message))


class Progress:
    """Progress on stderr, in one line that is cleared at the end; nothing if stderr is no terminal."""

    def __init__(self, title: str) -> None:
        """Begin.

        Args:
            title: Title of the work.
        """
        self._title = title
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        """Return the progress."""
        return self

    def __call__(self, done: float) -> None:
        """Show the completed fraction."""
        if self._terminal:
            print(f"\r{self._title}: {done:4.0%}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        """Clear the line."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
