"""File names that every system accepts, made of the names of photos and classes."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)  # on Windows


def safe_name(text: str, default: str = "object") -> str:
    """Replace the parts that a file name cannot have: separators, control characters, and names that Windows reserves.

    Args:
        text: Any text.
        default: File name if nothing is left of the text.

    Example:
        >>> from cnn_demo.exports.names import safe_name
        >>> safe_name("dog/cat: 1"), safe_name("Aux"), safe_name("..")
        ('dog_cat_ 1', '_Aux', 'object')
    """
    name = "".join("_" if c in '/\\:*?"<>|' or _is_control(c) else c for c in text).strip(". ")
    return f"_{name}" if _RESERVED.fullmatch(name) else name or default


def safe_stem(file_name: str) -> str:
    """Return the safe name of a file without its extension."""
    return safe_name(PurePath(file_name).stem, "photo")


def _is_control(char: str) -> bool:
    return unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"
