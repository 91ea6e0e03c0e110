"""What the pages teach, as data: experiments that one click sets up, misconceptions, papers. No Streamlit here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
