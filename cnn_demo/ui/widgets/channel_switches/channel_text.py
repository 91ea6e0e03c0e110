"""The chosen channels as text, as the link holds it: "3 17 200-203", "top10", "all" or "none"."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

TOP, ALL, NONE = "top", "all", "none"
LONGEST = 600  # characters
_WORD = re.compile(r"(\d{1,5})(?:[-–](\d{1,5}))?")
_TOP = re.compile(rf"{TOP}\s?(\d{{1,4}})")


def fits_any_layer(text: str) -> bool:
    """Whether a text chooses channels of every layer: "all", "none" or "top10", but no indices."""
    text = text.strip().lower()
    return text in (ALL, NONE) or _TOP.fullmatch(text) is not None


def read_channels(text: str, count: int, ranked: np.ndarray) -> tuple[tuple[int, ...], str]:
    """Read the chosen channels.

    Args:
        text: Indices and ranges, separated by spaces or commas; "all"; "none"; or "top10" for the first ten of
            `ranked`.
        count: Number of channels of the layer.
        ranked: Channels, the most important one first.

    Returns:
        The channels in ascending order, and a sentence on whatever could not be read; empty if all could.

    >>> read_channels("3, 17 5-7", 10, np.arange(10))
    ((3, 5, 6, 7), 'This layer has channels 0 to 9: 17 is ignored.')
    """
    text = text.strip().lower()[:LONGEST]
    if text in (ALL, NONE):
        return tuple(range(count)) if text == ALL else (), ""
    if found := _TOP.fullmatch(text):
        return tuple(sorted(int(channel) for channel in ranked[: int(found[1])])), ""
    chosen: set[int] = set()
    beyond = []
    for word in text.replace(",", " ").split():
        match = _WORD.fullmatch(word)
        if match is None:
            return (), f"“{word}” is no channel. Please write indices such as 3 17 200-203, or all, none, top10."
        first, last = sorted((int(match[1]), int(match[2] or match[1])))
        chosen.update(range(first, min(last, count - 1) + 1))
        if last >= count:
            beyond.append(word)
    if not beyond:
        return tuple(sorted(chosen)), ""
    verb = "is" if len(beyond) == 1 else "are"
    return tuple(sorted(chosen)), f"This layer has channels 0 to {count - 1}: {', '.join(beyond)} {verb} ignored."


def write_channels(channels: Iterable[int]) -> str:
    """Write channels as text; runs of three and more as ranges.

    >>> write_channels([203, 3, 17, 200, 201, 202, 18])
    '3 17 18 200-203'
    >>> write_channels([])
    'none'
    """
    runs: list[list[int]] = []
    for channel in sorted(set(channels)):
        if runs and channel == runs[-1][-1] + 1:
            runs[-1].append(channel)
        else:
            runs.append([channel])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else " ".join(map(str, run)) for run in runs) or NONE
