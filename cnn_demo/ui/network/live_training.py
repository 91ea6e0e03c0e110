"""Page 3, live training: a tiny network on handwritten digits, and its predictions for a drawn digit."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.jobs import Job, JobError, job_queue
from cnn_demo.models import frameworks
from cnn_demo.models.classification.digits import DigitRun, DigitSettings, digit_data, train
from cnn_demo.ui.network import live_training_charts as views
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.choice import choose

FILTERS = (4, 8, 16, 32)
RATES = (0.0001, 0.001, 0.003, 0.01, 0.1)
EPOCHS = (5, 150)
DEFAULTS: dict[str, Any] = {"live_filters": 16, "live_rate": 0.003, "live_epochs": 25, "live_pooling": True}
POLL = 0.8  # seconds
_JOB, _WANTED = "live_job", "live_wanted"


def live_training_view() -> None:
    """Show the controls, the waiting or running training, and its results."""
    data = digit_data()
    panel, stage, details = controls_picture_and_details("live")
    buttons = panel.container()
    with panel:
        settings = _controls()
    with stage.container():  # always there, so that the page below does not move
        if st.session_state.get(_WANTED):
            _submit(settings)
    job: Job | None = st.session_state.get(_JOB)
    with buttons:
        _buttons(job)
    stage.markdown(
        f"Train a network on **{len(data.images):,}** handwritten digits, test it on **{len(data.held_out_images)}** "
        "others, and draw a digit for it."
    )
    with stage.container():  # always there, so that the page below does not move
        if message := st.session_state.pop("live_error", None) or (job.error if job else ""):
            st.error(plain(message), icon=":material/error:")
    with stage:
        if job is None:
            views.before_training()
        elif job.active:
            # A page that shows a finished training does not poll the server.
            fragment(_watch, run_every=POLL)(job)
        else:
            _result(job, settings, details)


def _controls() -> DigitSettings:
    count = choose(
        "Filters",
        FILTERS,
        key="live_filters",
        default=DEFAULTS["live_filters"],
        help="Kernels of the first convolution; the second one has twice as many.",
    )
    step = st.select_slider(
        "Learning rate",
        RATES,
        value=DEFAULTS["live_rate"],
        key="live_rate",
        bind="query-params",
        help="Size of each step. Too small is slow, too large overshoots the minimum.",
    )
    rounds = st.slider(
        "Epochs",
        EPOCHS[0],
        EPOCHS[1],
        DEFAULTS["live_epochs"],
        key="live_epochs",
        bind="query-params",
        help="Number of passes over the training data.",
    )
    pooled = st.toggle(
        "Max pooling",
        DEFAULTS["live_pooling"],
        key="live_pooling",
        bind="query-params",
        help="Halves height and width between the two convolutions.",
    )
    settings = DigitSettings(count, step, rounds, pooled)
    st.caption(f"{settings.parameters:,} trainable parameters")
    return settings


def _buttons(job: Job | None) -> None:
    running = job is not None and job.active
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Training…" if running else "Train" if job is None else "Train again",
            type="secondary" if running else "primary",
            icon=":material/play_arrow:",
            key="live_start",
            disabled=running,
            on_click=_request_training,
        )
        waiting = job is not None and job.state == "waiting"
        st.button(
            "Leave the queue" if waiting else "Stop training",
            icon=":material/logout:" if waiting else ":material/stop:",
            key="live_stop",
            disabled=not running,
            on_click=_stop,
            help="The weights trained so far are kept.",
        )


def _request_training() -> None:
    old = st.session_state.get(_JOB)
    if old is None or not old.active:  # otherwise a second click came before the page was updated
        st.session_state[_WANTED] = True


def _submit(settings: DigitSettings) -> None:
    try:
        with st.spinner("Loading the framework…"):
            frameworks.torch()  # before the page begins to poll
        st.session_state[_JOB] = job_queue().submit(
            lambda job: train(settings, job.report, lambda: job.goes_on), "training"
        )
    except JobError as error:
        st.session_state["live_error"] = str(error)
    except Exception:
        st.session_state[_WANTED] = False  # otherwise each run of the page would try again
        raise
    st.session_state[_WANTED] = False


def _stop() -> None:
    job = st.session_state.get(_JOB)
    if job is not None:
        job_queue().stop(job)


def _watch(job: Job) -> None:
    """Show the training progress; reruns by itself, and signals the training that it is being watched."""
    job.touch()
    before = job_queue().position(job)
    if not job.active or (before == 0) != st.session_state.get("live_running", before == 0):
        st.session_state["live_running"] = before == 0
        st.rerun()  # the buttons and the page below change too
    st.session_state["live_running"] = before == 0
    run: DigitRun | None = job.progress
    if before:
        st.info(
            f"Another visitor's network is being trained. You are **number {before} in the queue**; your training "
            "starts automatically.",
            icon=":material/hourglass_top:",
        )
    elif run is None:
        st.progress(0.0, "Starting…")
    else:
        done = len(run.epochs)
        st.progress(done / run.settings.epochs, f"Epoch {done} of {run.settings.epochs} · {run.seconds:.1f} s")
        views.curves(run, live=True)


def _result(job: Job, settings: DigitSettings, details: DeltaGenerator) -> None:
    run: DigitRun | None = job.progress
    if run is None or not run.epochs:
        if not job.error:
            st.info("This training ended before its first epoch: start it again.", icon=":material/info:")
        views.before_training()
        return
    st.markdown(_end_sentence(job.state, run))
    if run.settings != settings:
        st.caption("You have changed the controls since: the results below were trained with the earlier settings.")
    views.figures(run)
    views.curves(run)
    if job.state == "failed":
        return  # a network with NaN weights cannot predict a digit
    with details:
        views.drawing(run)
        views.mistakes(run)


def _end_sentence(state: str, run: DigitRun) -> str:
    if len(run.epochs) == run.settings.epochs:
        return f"Trained for all **{run.settings.epochs} epochs**."
    epochs = f"**{len(run.epochs)} of {run.settings.epochs} epochs**"
    return {
        "stopped": f"You stopped it after {epochs}. The weights trained until then are kept.",
        "abandoned": f"It ended after {epochs}, because the page was closed. The weights trained until then are kept.",
    }.get(state, f"It ended after {epochs}.")
