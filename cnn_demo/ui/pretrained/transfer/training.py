"""Page 4, transfer learning, training: choice of network and hold-out, and training of two heads at once."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.jobs import Job, JobError, job_queue
from cnn_demo.models import ModelSpec, ModelUnavailable, load_classifier
from cnn_demo.models.transfer.photo_set_builder import PhotoSetBuilder
from cnn_demo.models.transfer.photo_sets import PhotoSet, PhotoSetError
from cnn_demo.models.transfer.session import PRETRAINED, TUNED, Task, TransferState, teach, tune
from cnn_demo.ui.page.link import link_binding
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.transfer.curves import head_curves, tuning_curves
from cnn_demo.ui.pretrained.transfer.state import DEFAULTS, DRAW, JOB, TAUGHT, WANTED
from cnn_demo.ui.widgets.job_progress import stop_button, watch
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model

MODEL = "model"
HEADS, TUNING = "heads", "tuning"  # the two kinds of training
_GOAL = {HEADS: PRETRAINED, TUNING: TUNED}  # the run that each kind of training produces
_KIND, _ERROR, _RUNS = "teach_kind", "teach_error", "teach_running"


def training_section(draft: PhotoSetBuilder, panel: DeltaGenerator, stage: DeltaGenerator) -> tuple[ModelSpec, int]:
    """Show the controls in the panel, and the queued or running training on the stage.

    Returns:
        The chosen network's spec, and the number of the hold-out draw.

    Raises:
        ModelUnavailable: If no network's weights are available locally.
    """
    with panel:
        spec, draw = _controls()
    with stage.container():  # always present, to keep the layout stable
        if requested := st.session_state.pop(WANTED, None):
            _submit(requested, draft, spec, draw)
    job: Job | None = st.session_state.get(JOB)
    _keep(job)
    ready, readiness = _readiness(draft, draw)
    with panel.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Train again" if TAUGHT in st.session_state else "Train",
            type="primary" if ready else "secondary",
            icon=":material/play_arrow:",
            key="teach_start",
            disabled=not ready or (job is not None and job.active),
            on_click=request_training,
            args=(HEADS,),
        )
        stop_button(job, "teach_stop")
    panel.caption(readiness)
    with panel.container():
        if message := st.session_state.pop(_ERROR, None) or (job.error if job else ""):
            st.error(plain(message), icon=":material/error:")
    if job is not None and job.active:
        with stage:
            watch(job, _progress, _RUNS)
    elif job is not None and not job.error and not _has_result(job):
        stage.info("This training ended before its first epoch: start it again.", icon=":material/info:")
    return spec, draw


def request_training(run: str) -> None:
    """Request a training; it is queued while the page is drawn."""
    job = st.session_state.get(JOB)
    if job is None or not job.active:  # ignores a second click before the page was redrawn
        st.session_state[WANTED] = run


def _controls() -> tuple[ModelSpec, int]:
    spec = pick_model(MODEL, "Model")
    draw = st.number_input(
        "Seed of the split",
        1,
        99,
        value=DEFAULTS[DRAW],
        key=DRAW,
        bind=link_binding(DRAW),
        help=(
            "Random seed of the split into training and held-out photos. Another seed gives another accuracy: with few "
            "photos the figure is uncertain."
        ),
    )
    return spec, int(draw)


def _readiness(draft: PhotoSetBuilder, draw: int) -> tuple[bool, str]:
    """Return whether a training may start, and its photos or the reason why not, as Markdown."""
    try:
        return True, _parts(draft.checked(), draw)
    except PhotoSetError as error:
        return False, f"**You cannot train yet.** {plain(str(error))}"


def _parts(photos: PhotoSet, draw: int) -> str:
    held = len(Task(photos, "", draw).hold_out)
    return (
        f"**{len(photos.photos) - held} training photos** and **{held} held-out photos**, about a quarter of each "
        "class, chosen at random, which are used for nothing but the test."
    )


def _submit(requested: str, draft: PhotoSetBuilder, spec: ModelSpec, draw: int) -> None:
    """Queue a training; nothing changes if it is refused."""
    try:
        if requested == HEADS:
            task = Task(draft.checked(), spec.key, draw)
            load_with_spinner(spec, load_classifier)  # before the page starts polling
            work = partial(teach, task)
        else:
            work = partial(tune, st.session_state[TAUGHT])
        st.session_state[JOB] = job_queue().submit(lambda job: work(job.report, lambda: job.goes_on), "training")
        st.session_state[_KIND] = requested
    except (PhotoSetError, JobError, ModelUnavailable) as error:
        st.session_state[_ERROR] = str(error)


def _has_result(job: Job) -> bool:
    """Return whether the job completed at least one epoch."""
    return job.progress is not None and _GOAL[st.session_state[_KIND]] in job.progress.runs


def _keep(job: Job | None) -> None:
    """Store the final state of a training, replacing that of the previous one."""
    if job is not None and not job.active and _has_result(job):
        st.session_state[TAUGHT] = job.progress


def _progress(taught: TransferState | None) -> None:
    if taught is None:
        st.progress(0.0, "Starting…")
        return
    st.progress(taught.done, taught.step)
    if TUNED in taught.runs:
        tuning_curves(taught)
    elif PRETRAINED in taught.runs:
        head_curves(taught)
