"""Options of the command line that have no effect: they are refused, not ignored."""

from __future__ import annotations

import argparse
from collections.abc import Iterable


def refuse(options: argparse.Namespace, names: Iterable[str], where: str) -> None:
    """Refuse options that have no effect, instead of ignoring them.

    Args:
        options: The parsed options; those that were not given are None, False or empty.
        names: Names of the options without effect.
        where: Where they have none, such as "with --list".

    Raises:
        ValueError: If one of them was given.

    Example:
        >>> import argparse
        >>> from cnn_demo.unused_options import refuse
        >>> refuse(argparse.Namespace(top_k=None), ["top_k"], "with --list")
        >>> refuse(argparse.Namespace(top_k=0), ["top_k"], "with --list")
        Traceback (most recent call last):
            ...
        ValueError: --top-k has no effect with --list: leave it out.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and value is not False and value != []:
            raise ValueError(f"--{name.removesuffix('_name').replace('_', '-')} has no effect {where}: leave it out.")
