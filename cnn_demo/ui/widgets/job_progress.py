"""A visitor's job on the page: stop button, position in the queue, progress."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnn_demo.jobs import Job, job_queue

POLL = 0.8  # seconds


def stop_button(
    job: Job | None, key: str, label: str = "Stop training", help: str = "What it has learned so far is kept."
) -> None:
    """Show the button that ends a training or another long work, or leaves the queue."""
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
        job: An active one; it is told that somebody is looking.
        show: Function that draws the job's latest report, or None.
        key: Key in the session state of whether the job runs or waits.
    """
    # Only while there is something to see: a page that shows a finished training asks nothing of the server.
    st.fragment(_watch, run_every=POLL)(job, show, key)


def _watch(job: Job, show: Callable[[Any], None], key: str) -> None:
    job.touch()
    before = job_queue().place(job)
    runs = before == 0
    if not job.active or runs != st.session_state.get(key, runs):
        st.session_state[key] = runs
        st.rerun()  # the buttons and what follows change too
    st.session_state[key] = runs
    if before:
        st.info(
            f"Somebody else's work is being done. You are **number {before} in the queue**; yours starts by itself.",
            icon=":material/hourglass_top:",
        )
    else:
        show(job.progress)
