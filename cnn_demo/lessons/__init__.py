"""Lessons of the pages as data: experiments, misconceptions and papers. No Streamlit here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Experiment:
    """A setting of a page's controls that shows an effect.

    Attributes:
        title: Label of its button.
        notice: The effect to look for, in one or two sentences.
        settings: Values by widget key; every other control of the page goes back to its default.
        photo: Key of the sample photo or pattern on which the notice is true, or None if it is true on any photo.
        invites: Keys of the settings that the notice tells the visitor to change, and "photo" if it does so of the
            photo; a change of any other setting ends the notice.
        look_at: Keys of the widgets and containers besides the picture that the notice speaks of, the most important
            one last; the page scrolls to them.
    """

    title: str
    notice: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    photo: str | None = None
    invites: tuple[str, ...] = ()
    look_at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Correction:
    """The correction of a misconception, shown on a photo.

    Attributes:
        text: The correction, with figures measured on this photo.
        pictures: (caption, values (H, W) or (H, W, 3), a key of `drawing.pictures.DISPLAYS`) to show beside it.
    """

    text: str
    pictures: tuple[tuple[str, np.ndarray, str], ...]


@dataclass(frozen=True)
class Misconception:
    """A common misconception.

    Attributes:
        claim: The wrong sentence.
        correct: Function from the photo, (H, W, 3) float32 in 0..1, to the correction.
    """

    claim: str
    correct: Callable[[np.ndarray], Correction]


@dataclass(frozen=True)
class Paper:
    """A paper for further reading.

    Attributes:
        authors: Authors, as cited.
        year: Year of publication.
        title: Full title.
        url: Permanent URL.
        why: Its contribution, in a few words.
    """

    authors: str
    year: int
    title: str
    url: str
    why: str


@dataclass(frozen=True)
class Lesson:
    """The texts of one page.

    Attributes:
        idea: The topic in one sentence.
        experiments: Three to twelve experiments.
        papers: Papers, in reading order.
    """

    idea: str
    experiments: tuple[Experiment, ...]
    papers: tuple[Paper, ...]


def percent(fraction: float) -> str:
    """Format a fraction from 0 to 1 as "84%"."""
    return f"{fraction:.0%}"
