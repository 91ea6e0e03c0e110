"""Experiments of a page: a click sets its controls and shows what to notice."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from cnn_demo.lessons import Experiment, Lesson
from cnn_demo.ui.page.photo_picker import choose


def try_this(lesson: Lesson, defaults: Mapping[str, Any]) -> None:
    """Offer the lesson's experiments: a click sets the page's controls, and the visitor can continue from there.

    Clearing the choice resets all controls.

    Args:
        lesson: Lesson with the experiments.
        defaults: Default value of every control that an experiment may move, by widget key.
    """
    experiments = {experiment.title: experiment for experiment in lesson.experiments}
    st.selectbox(
        "Try this",
        list(experiments),
        index=None,
        key="try_this",
        format_func=lambda title: f":material/science: {title}",
        placeholder="Try this",
        label_visibility="collapsed",
        filter_mode=None,
        width=240,
        on_change=_set_up_experiment,
        args=(experiments, dict(defaults)),
        persist_state="session",
    )


def notice(lesson: Lesson) -> None:
    """Show what to notice in the experiment that is on."""
    tried = st.session_state.get("try_this")
    with st.container():  # always there, so that the page below does not jump
        for experiment in lesson.experiments:
            if experiment.title == tried:
                st.info(f"**What to notice.** {experiment.notice}", icon=":material/visibility:")


def _set_up_experiment(experiments: Mapping[str, Experiment], defaults: dict[str, Any]) -> None:
    st.session_state.update(defaults)
    experiment = experiments.get(st.session_state["try_this"])
    if experiment is not None:
        st.session_state.update(experiment.settings)
        if experiment.photo:
            choose(experiment.photo)
