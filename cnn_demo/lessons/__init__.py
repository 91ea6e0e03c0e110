"""What the pages teach, as data: experiments that one click sets up, misconceptions, papers. No Streamlit here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Experiment:
    """A setting of a page's controls that shows something worth seeing.

    Attributes:
        title: Label of its button.
        notice: What to look for, in one or two sentences.
        settings: Widget key to value; every other control of the page goes back to its default.
        photo: Key of the sample photo or pattern to show, or None to keep the visitor's.
    """

    title: str
    notice: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    photo: str | None = None


@dataclass(frozen=True)
class Answer:
    """A misconception answered on a photo.

    Attributes:
        text: The answer, with figures measured on this photo.
        pictures: (caption, values (H, W) or (H, W, 3), a key of `drawing.pictures.DISPLAYS`) to show beside it.
    """

    text: str
    pictures: tuple[tuple[str, np.ndarray, str], ...]


@dataclass(frozen=True)
class Misconception:
    """What people often get wrong.

    Attributes:
        claim: The wrong sentence.
        answer: Takes the photo, (H, W, 3) float32 in 0..1, and says what is right.
    """

    claim: str
    answer: Callable[[np.ndarray], Answer]


@dataclass(frozen=True)
class Paper:
    """Something to read next.

    Attributes:
        authors: As the field cites them.
        year: Of publication.
        title: Full title.
        url: A lasting address.
        why: What one finds in it, in a few words.
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
        experiments: Three to five of them.
        papers: In reading order.
    """

    idea: str
    experiments: tuple[Experiment, ...]
    papers: tuple[Paper, ...]


def percent(share: float) -> str:
    """Write a share from 0 to 1 in a sentence, as "84 %"."""
    return f"{share:.0%}".replace("%", " %")
