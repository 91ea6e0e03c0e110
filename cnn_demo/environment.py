"""The operator's settings: all variables of the environment that begin with `CNN_DEMO_`, and the check on their values.

`serve` and all other commands check them before they begin, and the pages before they are shown: a wrong value is one
sentence, not the default in silence. Modules read their variable with `setting` and `is_on`, or as it is where pages do
without it. An empty variable counts as unset, since Compose files pass those.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "CNN_DEMO_"
BACKEND = "CNN_DEMO_BACKEND"
BATCH = "CNN_DEMO_BATCH"
CPUS = "CNN_DEMO_CPUS"
DEBUG = "CNN_DEMO_DEBUG"
DOWNLOADS = "CNN_DEMO_DOWNLOADS"
GPUS = "CNN_DEMO_GPUS"
HALF = "CNN_DEMO_HALF"
KERAS = "CNN_DEMO_KERAS"
PRELOAD = "CNN_DEMO_PRELOAD"
QUEUE = "CNN_DEMO_QUEUE"
REPLICAS = "CNN_DEMO_REPLICAS"
SOURCE = "CNN_DEMO_SOURCE"
THREADS = "CNN_DEMO_THREADS"
WEIGHTS = "CNN_DEMO_WEIGHTS"

OFF, ON = ("off", "false", "no", "0"), ("on", "true", "yes", "1")
BACKENDS = ("local", "ray")
HALF_CHOICES = ("auto", "on", "off")
KERAS_BACKENDS = ("tensorflow", "torch")
CHECKED = "checked"  # of `DOWNLOADS`: only files whose checksum is known
SIMILAR = 0.8  # names at least this similar to a variable's are taken for typing errors


@dataclass(frozen=True)
class Variable:
    """A variable of the environment.

    Attributes:
        allowed: The allowed values in words, which complete "must be ...".
        accepts: Function that tells whether a value is allowed.
        pages_need_it: Whether pages cannot be shown with a wrong value. Otherwise they do without a link to the source,
            downloads or a folder that has gone, and say so in its place.
    """

    allowed: str
    accepts: Callable[[str], bool]
    pages_need_it: bool = True


def setting(name: str) -> str:
    """Return the value of a variable without spaces around it; an empty text if it is not set.

    Raises:
        ValueError: If the value is not allowed; the message names the variable, the value and the allowed ones.
    """
    value = os.environ.get(name, "").strip()
    variable = VARIABLES[name]
    if value and not variable.accepts(value):
        raise ValueError(f"{name} must be {variable.allowed}, not {value!r}.")
    return value


def is_on(name: str, *, default: bool) -> bool:
    """Return whether a variable is "on" rather than "off".

    Raises:
        ValueError: If it is neither.
    """
    value = setting(name).lower()
    return value in ON if value else default


def wrong_settings(*, of_pages: bool = False) -> list[str]:
    """Return a sentence for each variable whose value is not allowed, or whose name looks like a typing error.

    Args:
        of_pages: Only those without which pages cannot be shown.
    """
    problems = []
    for name in [name for name, variable in VARIABLES.items() if variable.pages_need_it or not of_pages]:
        try:
            setting(name)
        except ValueError as error:
            problems.append(str(error))
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in VARIABLES:
            # Others may be of use elsewhere: Kubernetes sets CNN_DEMO_PORT for a service of the name cnn-demo.
            for similar in difflib.get_close_matches(name.removeprefix(PREFIX), _SHORT, 1, SIMILAR):
                problems.append(f"There is no setting {name}: did you mean {PREFIX}{similar}?")
    return problems


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda text: text.lower() in values


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) >= 1


def _is_range(text: str) -> bool:
    """Accept numbers of replicas such as 2 or 1:4."""
    fewest, colon, most = text.partition(":")
    return _is_count(fewest) and (not colon or (_is_count(most) and int(fewest) <= int(most)))


def _is_part(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False


def _is_download_limit(text: str) -> bool:
    words = [word.strip().lower() for word in text.split(",")]
    rest = [word for word in words if word != CHECKED]
    number = all(word in (*ON, *OFF) or (word.isascii() and word.isdecimal()) for word in rest)
    return number and len(rest) <= 1 and len(words) - len(rest) <= 1


def is_web_address(text: str) -> bool:
    """Return whether a text is an address that a page can link to."""
    return re.fullmatch(r"https?://[^\s<>]+", text) is not None


_COUNT = "a whole number of 1 or more"
VARIABLES: Mapping[str, Variable] = {
    BACKEND: Variable("local or ray", _one_of(*BACKENDS)),
    BATCH: Variable(_COUNT, _is_count),
    CPUS: Variable(_COUNT, _is_count),
    DEBUG: Variable("on or off", _one_of(*ON, *OFF)),
    DOWNLOADS: Variable("off, checked, a number such as 2, or both as in checked,2", _is_download_limit, False),
    GPUS: Variable("a number of 0 or more, such as 0.25", _is_part),
    HALF: Variable("auto, on or off", _one_of(*HALF_CHOICES)),
    KERAS: Variable("tensorflow or torch", _one_of(*KERAS_BACKENDS)),
    PRELOAD: Variable("on or off", _one_of(*ON, *OFF)),
    QUEUE: Variable(_COUNT, _is_count),
    REPLICAS: Variable("a number such as 2, or the fewest and the most as in 1:4", _is_range),
    SOURCE: Variable("an address that begins with https:// or http://", is_web_address, False),
    THREADS: Variable(_COUNT, _is_count),
    WEIGHTS: Variable("an existing folder", lambda text: Path(text).is_dir(), False),
}
_SHORT = [name.removeprefix(PREFIX) for name in VARIABLES]
