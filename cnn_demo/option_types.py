"""Types of the command line's options: each parses a text, or refuses it with a reason."""

from __future__ import annotations

import argparse

from cnn_demo.models.segmentation.segmenters import LONGEST


def fraction(text: str) -> float:
    """Parse a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, not {text}")
    return value


def count(text: str) -> int:
    """Parse an integer of 1 or more."""
    return _at_least(1, text)


def image_side(text: str) -> int:
    """Parse an image size in pixels."""
    value = int(text)
    if not 1 <= value <= LONGEST:
        raise argparse.ArgumentTypeError(f"must be from 1 to {LONGEST}, not {text}")
    return value


def index(text: str) -> int:
    """Parse an index, an integer of 0 or more."""
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    value = int(text)
    if value < least:
        raise argparse.ArgumentTypeError(f"must be {least} or more, not {text}")
    return value
