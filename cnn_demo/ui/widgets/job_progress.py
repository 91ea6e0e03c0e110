"""A visitor's job on the page: stop button, position in the queue, progress."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnn_demo.jobs import Job, job_queue
from cnn_demo.ui.page.fragments import fragment

POLL = 0.8  # seconds


def stop_button(
    job: Job | None, key: str, label: str = "Stop training", help: str = "The weights trained so far are kept."
) -> None:
    """Show the button that stops a training or another long job, or leaves the queue."""
    running = job is not None and job.active
    waiting = job is not None and job.state == "waiting"
    st.button(
        "Leave the queue" if waiting else label,
        icon=":material/logout:" if waiting else ":material/stop:",
        key=key,
        disabled=not running,
        on_click=_stop,
        args=(job,),
        help=help,
    )


def _stop(job: Job | None) -> None:
    if job is not None:
        job_queue().stop(job)


def watch(job: Job, show: Callable[[Any], None], key: str) -> None:
    """Show an active training again and again, and run the page once more when it has ended.

    Args:
        job: An active job; it is marked as watched.
        show: Function that draws the job's latest report, or None.
        key: Key in the session state of whether the job runs or waits.
    """
    # Poll only while the job is active: a page that shows a finished training sends no requests.
    fragment(_watch, run_every=POLL)(job, show, key)


def _watch(job: Job, show: Callable[[Any], None], key: str) -> None:
    job.touch()
    before = job_queue().position(job)
    runs = before == 0
    if not job.active or runs != st.session_state.get(key, runs):
        st.session_state[key] = runs
        st.rerun()  # the buttons and the rest of the page change too
    st.session_state[key] = runs
    if before:
        st.info(
            f"Another visitor's job is running. You are **number {before} in the queue**; your job starts "
            "automatically.",
            icon=":material/hourglass_top:",
        )
    else:
        show(job.progress)
