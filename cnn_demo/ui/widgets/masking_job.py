"""Perturbation-based explanations as a job: a button, progress with the map so far, a stop button, and the result."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.jobs import Job, JobError, job_queue
from cnn_demo.models.explanation.masking import Masking
from cnn_demo.models.explanation.one_prediction import (
    PERTURBATION_METHODS,
    Explanation,
    perturb,
    to_unit_range,
)
from cnn_demo.models.explanation.probe import Probe
from cnn_demo.results import duration
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.job_progress import stop_button, watch
from cnn_demo.ui.widgets.pace import Pace, run_milliseconds

METHOD, MASKS = "explain_perturbation", "explain_masks"
COUNTS = (100, 250, 500, 1000, 2000)
DEFAULTS: dict[str, Any] = {METHOD: "d_rise", MASKS: 500}
_JOBS = "explain_jobs"  # (target, method, masks) -> job, of this visitor
_ERROR, _RUNS = "explain_job_error", "explain_job_runs"
_KEPT = 6  # explanations that a visitor can come back to
TITLES = {key: method.title for key, method in PERTURBATION_METHODS.items()}

Show = Callable[[np.ndarray], None]  # draws a map (H, W) over the photo


def perturbation(
    name: tuple[Hashable, ...], probe: Probe, milliseconds: float, score: float, show: Show
) -> Explanation | None:
    """Let the visitor run D-RISE or occlusion on a target, and show the map so far.

    A run of another target, which goes on after a change of photo or box, is stopped, and its result is kept.

    Args:
        name: Everything the target depends on: the photo, the network, and so on.
        probe: The target.
        milliseconds: Time of one run of the network.
        score: Score of the target.
        show: Function that draws a map.

    Returns:
        The explanation, if there is one that has ended; it may have been stopped.
    """
    method = choose("Method without gradients", TITLES, key=METHOD, default=DEFAULTS[METHOD])
    masks = DEFAULTS[MASKS]
    if method == "d_rise":
        masks = st.select_slider("Masks", COUNTS, DEFAULTS[MASKS], key=MASKS, bind="query-params")
    st.caption(PERTURBATION_METHODS[method].sentence)
    which = (name, method, masks if method == "d_rise" else 0)
    pace = ("masking", name[1], probe.picture.shape)
    jobs: dict[tuple, Job] = st.session_state.setdefault(_JOBS, {})
    for other, running in jobs.items():
        if other != which and running.active:
            job_queue().stop(running)
    job = jobs.get(which)
    with st.container(horizontal=True, gap="small"):
        label = f"Run {TITLES[method]}"
        if method == "d_rise":
            label += f", about {duration(masks * run_milliseconds(pace, milliseconds))}"
        begin = st.button(label, icon=":material/play_arrow:", key="explain_run", disabled=_is_done(job))
        if begin:
            job = _begin(which, probe, method, masks, Pace(pace))
        stop_button(job, "explain_stop", "Stop", "The map of the runs so far is kept.")
    if error := st.session_state.pop(_ERROR, None):
        st.error(plain(error), icon=":material/hourglass_disabled:")
    if job is None:
        return None
    if job.active:
        watch(job, partial(_progress, probe, show, partial(run_milliseconds, pace, milliseconds)), _RUNS)
        return None
    if job.error:
        st.error(plain(job.error), icon=":material/error:")
    state = job.progress
    if not isinstance(state, Masking):
        return None
    values = to_unit_range(probe.on_photo(state.values))
    show(values)
    ended = "" if state.complete else f", stopped after {state.done} of {state.total} runs"
    st.caption(f"{TITLES[method]}{ended}: {state.done} runs of the network, and no gradients.")
    return Explanation(values, method, None, score, state.done * milliseconds, state.done)


def _is_done(job: Job | None) -> bool:
    return job is not None and (job.active or job.state == "finished")


def _begin(which: tuple, probe: Probe, method: str, masks: int, pace: Pace) -> Job | None:
    jobs: dict[tuple, Job] = st.session_state[_JOBS]
    try:
        job = job_queue().submit(partial(_run, probe, method, masks, pace), TITLES[method])
    except JobError as error:
        st.session_state[_ERROR] = str(error)
        return None
    jobs.pop(which, None)
    jobs[which] = job
    while len(jobs) > _KEPT:
        jobs.pop(next(iter(jobs)))
    return job


def _run(probe: Probe, method: str, masks: int, pace: Pace, job: Job) -> None:
    """Explain a target, and report every state to its job."""

    def report(state: Masking) -> bool:
        pace.note(state.done)
        job.report(state)
        return job.goes_on

    perturb(probe, method, masks, report)


def _progress(probe: Probe, show: Show, milliseconds: Callable[[], float], state: Masking | None) -> None:
    if state is None:
        st.progress(0.0, "The first runs of the network…")
        return
    left = duration((state.total - state.done) * milliseconds())
    st.progress(state.done / state.total, f"{state.done} of {state.total} runs, about {left} left")
    show(to_unit_range(probe.on_photo(state.values)))
