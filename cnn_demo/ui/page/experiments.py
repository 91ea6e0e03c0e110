"""Experiments of a page: a click sets its controls and shows what to notice; *Undo* restores the visitor's state.

The session has one record for each page. The menu is a view of it: `start` and `undo` are the callbacks.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from cnn_demo.convolution import PATTERNS
from cnn_demo.lessons import Experiment, Lesson
from cnn_demo.ui.components.annotator import all_drawings, restore_drawings
from cnn_demo.ui.components.history import one_entry_for_each_click
from cnn_demo.ui.components.reveal import reveal
from cnn_demo.ui.page.link import went_back_or_forward
from cnn_demo.ui.page.photo_picker import PhotoChoice, chosen_photo, restore_photo

NAME = "try"  # the experiment's name in the link
_MENU = "try_this"
_RECORDS, _PAGE = "experiments", "experiments_page"


@dataclass
class Record:
    """The experiment of a page.

    Attributes:
        defaults: Default value of every control of the page, by widget key.
        experiment: The experiment whose notice is shown, or None.
        settings: The visitor's own settings, to which *Undo* returns; None if no experiment was started.
        photo: The visitor's own photo, to which *Undo* returns.
        drawings: The visitor's own drawings, to which *Undo* returns.
        shown: Key of the photo on which the experiment is shown.
        undone: Whether Back has undone the experiment already; Forward may return to it.
        drawn: Whether the controls have been drawn since the experiment came from a link; until then the session does
            not have their values.
        clicks: Number of experiments that the visitor has started on the page.
        menus: Number of times that something else than the menu has changed the experiment.
    """

    defaults: dict[str, Any]
    experiment: Experiment | None = None
    settings: dict[str, Any] | None = None
    photo: PhotoChoice = field(default_factory=PhotoChoice)
    drawings: dict[str, Any] = field(default_factory=dict, repr=False)
    shown: str = ""
    undone: bool = False
    drawn: bool = True
    clicks: int = 0
    menus: int = 0

    @property
    def menu(self) -> str:
        """Key of the menu, another one after each change from outside.

        The browser sends the old choice with the next move of any control, which would start the experiment again.
        """
        return f"{_MENU}_{self.menus}" if self.menus else _MENU


def link_name(experiment: Experiment) -> str:
    """Return the name of an experiment in the link, such as "blur-before-stride"."""
    return re.sub(r"[^a-z0-9]+", "-", experiment.title.lower()).strip("-")


def try_this(lesson: Lesson, defaults: Mapping[str, Any]) -> None:
    """Offer the lesson's experiments: a click sets the page's controls, and the visitor can continue from there.

    *Undo* stands beside the menu as long as there is something to restore; clearing the menu does the same.

    Args:
        lesson: Lesson with the experiments.
        defaults: Default value of every control of the page, by widget key.
    """
    record = follow_link(lesson, defaults)
    title = record.experiment.title if record.experiment else None
    if st.session_state.get(record.menu) != title:
        record.menus += 1
        st.session_state[record.menu] = title
    with st.container(horizontal=True, gap="xsmall", width="content"):
        if record.settings is not None and not record.undone:
            st.button(
                "Undo",
                key="undo_experiment",
                icon=":material/undo:",
                help="Restores the settings, the photo and the tab from before the experiment.",
                on_click=undo,
                args=(lesson,),
            )
        st.selectbox(
            "Try this",
            [experiment.title for experiment in lesson.experiments],
            index=None,
            key=record.menu,
            placeholder="Try this",
            label_visibility="collapsed",
            filter_mode=None,
            width=240,
            on_change=_choose,
            args=(lesson, record.menu),
        )


def notice(lesson: Lesson) -> None:
    """Show what to notice in the experiment that is on."""
    record = _record(lesson)
    experiment = record.experiment
    with st.container(key="notice"):  # always there, so that the page below does not jump
        with st.container(height=1, border=False, key="scripts"):  # they show nothing, but their placeholders would
            one_entry_for_each_click()
            if experiment is None or not record.clicks:
                reveal((), "")
            else:
                reveal(experiment.look_at, f"{link_name(experiment)} {record.clicks}")
        if experiment is not None:
            st.info(f"**What to notice.** {experiment.notice}", icon=":material/visibility:")


def start(lesson: Lesson, experiment: Experiment) -> None:
    """Set up an experiment, and keep the visitor's own settings and photo.

    After another experiment, these are the ones from before it, unless the visitor has gone on from it by hand.

    Args:
        lesson: Lesson of the page.
        experiment: One of its experiments.
    """
    record = _record(lesson)
    now = chosen_photo()
    own = now if record.settings is None or now.key != record.shown else record.photo
    if record.experiment is None or record.settings is None:
        record.settings = {key: st.session_state.get(key, default) for key, default in record.defaults.items()}
        record.photo = own
        record.drawings = all_drawings()
    _set({**record.defaults, **experiment.settings}, record.defaults)
    restore_photo(PhotoChoice(experiment.photo) if experiment.photo else _real(own))
    record.experiment, record.shown, record.drawn, record.undone = experiment, chosen_photo().key, True, False
    st.query_params[NAME] = link_name(experiment)


def undo(lesson: Lesson) -> None:
    """Restore the settings, the photo, the drawings and the tab from before the experiment."""
    record = _record(lesson)
    if record.settings is not None:
        _set(record.settings, record.defaults)
        restore_photo(record.photo)
        restore_drawings(record.drawings)
    record.experiment = record.settings = None
    st.query_params.pop(NAME, None)


def follow_link(lesson: Lesson, defaults: Mapping[str, Any]) -> Record:
    """Return the page's record: take the experiment from the link if it decides, else write it there.

    Args:
        lesson: Lesson of the page.
        defaults: Default value of every control of the page, by widget key.
    """
    records: dict[str, Record] = st.session_state.setdefault(_RECORDS, {})
    is_new = lesson.idea not in records
    record = records.setdefault(lesson.idea, Record(dict(defaults)))
    st.session_state[_PAGE] = lesson.idea
    if is_new or went_back_or_forward():
        _take_from_link(lesson, record)
    elif record.drawn and not _holds(record):
        record.experiment = None
    if record.experiment is None:
        st.query_params.pop(NAME, None)
    elif st.query_params.get(NAME) != link_name(record.experiment):
        st.query_params[NAME] = link_name(record.experiment)
    return record


def left_experiment() -> bool:
    """Whether the page shows an experiment whose setting its controls have left; called when they have been drawn."""
    record = st.session_state.get(_RECORDS, {}).get(st.session_state.get(_PAGE))
    if record is None or record.experiment is None:
        return False
    record.drawn = True
    return not _holds(record)


def _record(lesson: Lesson) -> Record:
    return st.session_state[_RECORDS][lesson.idea]


def _set(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Set controls; those that get their default leave the link, also if their tab is not open."""
    st.session_state.update(settings)
    for key in st.query_params.keys() & settings.keys():
        if settings[key] == defaults[key]:
            with suppress(StreamlitAPIException):  # a widget holds it, and Streamlit does the same
                del st.query_params[key]


def _choose(lesson: Lesson, menu: str) -> None:
    """Start the chosen experiment; if there is none, because the menu was cleared, undo it. Ignore former menus."""
    if menu != _record(lesson).menu:
        return
    title = st.session_state[menu]
    experiment = next((each for each in lesson.experiments if each.title == title), None)
    if experiment is None:
        undo(lesson)
    else:
        start(lesson, experiment)
        _record(lesson).clicks += 1


def _take_from_link(lesson: Lesson, record: Record) -> None:
    name = st.query_params.get(NAME)
    record.experiment = next((each for each in lesson.experiments if link_name(each) == name), None)
    if record.experiment is None:
        record.undone = True
        return
    record.undone = False
    if record.settings is None:  # Undo leads to the page as it opens without a link
        record.settings, record.photo = dict(record.defaults), PhotoChoice()
    if list(st.query_params) == [NAME]:  # a link written by hand: only the experiment's name
        start(lesson, record.experiment)
    else:
        record.shown, record.drawn = record.experiment.photo or "", False


def _real(choice: PhotoChoice) -> PhotoChoice:
    """The visitor's photo, or the first sample instead of a test pattern, for which a notice may not hold."""
    return PhotoChoice() if choice.key in PATTERNS else choice


def _holds(record: Record) -> bool:
    """Whether the experiment's photo is shown, and its settings hold, except those that it invites to change."""
    experiment = record.experiment
    if experiment is None:
        return True
    held = {key: st.session_state.get(key) for key in experiment.settings}
    settings = {key: record.defaults[key] if value is None else value for key, value in held.items()}
    wanted = dict(experiment.settings)
    if experiment.photo:
        settings["photo"], wanted["photo"] = chosen_photo().key, experiment.photo
    return all(settings[key] == value for key, value in wanted.items() if key not in experiment.invites)
