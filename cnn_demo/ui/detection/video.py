"""Page 6, video: a short clip with boxes and tracks, to play and to download."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import streamlit as st
import supervision as sv
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.detections import class_names
from cnn_demo.drawing.boxes import class_colour
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.jobs import Job, JobError, job_queue
from cnn_demo.limits import VIDEO_MB
from cnn_demo.models import ModelSpec, load_detector
from cnn_demo.models.detection.candidates import IOU, select
from cnn_demo.project import ROOT
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.detection.state import candidates_of, pick_detector
from cnn_demo.ui.page.barrier import unexpected
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.uploads import received, take
from cnn_demo.ui.widgets.detection_controls import confidence_slider, counted
from cnn_demo.ui.widgets.job_progress import stop_button, watch
from cnn_demo.video import (
    ACCEPTED,
    DETECTED_RATE,
    MAX_SECONDS,
    AnnotatedVideo,
    Progress,
    VideoError,
    annotate_video,
    first_frame,
)

MAX_HEIGHT = 400  # CSS pixels of a frame
SHOWN_SIDE = 960  # pixels of the photo's longer side
SAMPLE = ROOT / "assets" / "sample_video" / "portraits.mp4"
_JOB, _ERROR, _TURN, _VIDEO, _STATE = "video_job", "video_error", "video_turn", "video", "video_state"


@dataclass(frozen=True)
class LoadedVideo:
    """The chosen video: its bytes, and its first frame as a data URL with (height, width)."""

    data: bytes = field(repr=False)
    first: str = field(repr=False)
    size: tuple[int, int]


def video_view(photo: Photo) -> None:
    """Let the visitor upload a video, and show it with boxes and tracks.

    Raises:
        ModelUnavailable: If no detector is available.
    """
    panel, stage, details = controls_picture_and_details("video")
    upload = panel.container()
    with panel:
        spec, side = pick_detector()
        confidence = confidence_slider(spec.threshold)
    with upload:
        _choose_video()
        job: Job | None = st.session_state.get(_JOB)
        if (video := st.session_state.get(_VIDEO)) is not None:
            job = _buttons(job, video.data, spec, side, confidence)
    with stage:
        if job is not None and job.active:
            watch(job, _show_progress, _STATE)
        elif job is not None and job.error:
            st.error(plain(job.error), icon=":material/movie_off:")
        elif job is not None and isinstance(job.progress, AnnotatedVideo):
            _show_result(job.progress, details)
        elif video is not None:
            picture(
                video.first, video.size, key="video_first", alt="The first frame of your video.", max_height=MAX_HEIGHT
            )
        else:
            _show_example(photo, spec, side, confidence)


def _show_example(photo: Photo, spec: ModelSpec, side: int, confidence: float) -> None:
    """Show the photo as if it were the first frame of a video: every object has its ID."""
    found = select(candidates_of(photo, spec.key, side), confidence, IOU).detections()
    names = [f"{name} {number}" for number, name in enumerate(class_names(found), 1)]
    colours = [class_colour(number) for number in range(1, len(found) + 1)]
    picture(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key="video_example",
        alt=f"The photo as the first frame of a video, its objects numbered. {photo.description}",
        max_height=MAX_HEIGHT,
        boxes=labelled_boxes(found.xyxy, names, colours),
    )
    st.info(
        "Upload a video of a street, of animals or of people at play, or use the sample, in which the camera pans over "
        "two people and a cat: every object gets an ID, as here on the photo, and keeps it from frame to frame.",
        icon=":material/movie:",
    )


def _choose_video() -> None:
    """Show the uploader, and why the last file could not be read."""
    turn = st.session_state.setdefault(_TURN, 0)
    st.file_uploader(
        f"Video: {ACCEPTED}, up to {VIDEO_MB} MB",
        key=f"video_{turn}",
        max_upload_size=VIDEO_MB,
        on_change=_receive,
        args=(f"video_{turn}",),
        help=(
            f"Only the first {MAX_SECONDS:.0f} seconds are used, and objects are detected on at most {DETECTED_RATE} "
            "frames a second. The video stays in this server's memory until your session ends."
        ),
    )
    st.button(
        "Use the sample video", icon=":material/movie:", key="video_sample", on_click=_receive_sample, type="tertiary"
    )
    if error := st.session_state.get(_ERROR):
        st.error(plain(error), icon=":material/movie_off:")


def _buttons(job: Job | None, data: bytes, spec: ModelSpec, side: int, confidence: float) -> Job | None:
    """Show the buttons that start and stop a job; return the job, which may have just begun."""
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Track objects",
            icon=":material/play_arrow:",
            type="primary",
            key="video_go",
            disabled=job is not None and job.active,
        ):
            job = _begin(data, spec, side, confidence)
        stop_button(job, "video_stop", "Stop", "The frames done so far are kept.")
    return job


def _receive(key: str) -> None:
    file = received(key)
    if file is None:
        return
    st.session_state[_TURN] += 1
    _use(take(file))


def _receive_sample() -> None:
    _use(SAMPLE.read_bytes())


def _use(data: bytes) -> None:
    """Make a file the video of the session, or keep the message why it is refused."""
    st.session_state.pop(_ERROR, None)
    try:
        frame = first_frame(data)
    except VideoError as error:
        st.session_state[_ERROR] = str(error)
        return
    except Exception as error:  # such as no memory for it
        st.session_state[_ERROR] = unexpected(error)
        return
    if (job := st.session_state.pop(_JOB, None)) is not None:
        job_queue().stop(job)
    st.session_state[_VIDEO] = LoadedVideo(data, jpeg_url(frame), frame.shape[:2])


def _begin(data: bytes, spec: ModelSpec, side: int, confidence: float) -> Job | None:
    try:
        job = job_queue().submit(partial(follow, data, spec.key, side, confidence), "object tracking")
    except JobError as error:
        st.session_state[_ERROR] = str(error)
        return None
    st.session_state[_JOB] = job
    return job


def follow(data: bytes, key: str, side: int, confidence: float, job: Job) -> None:
    """Annotate one video and report to its job: a `Progress` after each frame, an `AnnotatedVideo` at the end.

    Raises:
        JobError: If the video cannot be read.
    """
    detector = load_detector(key)

    def detect(pixels: np.ndarray) -> sv.Detections:
        return detector.predict(pixels, confidence / 2, IOU, side=side)

    def report(progress: Progress) -> bool:
        job.report(progress)
        return job.goes_on

    try:
        result = annotate_video(data, detect, confidence, report)
    except VideoError as error:
        raise JobError(str(error)) from error
    job.report(result)


def _show_progress(progress: Progress | None) -> None:
    if not isinstance(progress, Progress):
        st.progress(0.0, "Opening the video…")
        return
    st.progress(progress.done / progress.total, f"Frame {progress.done} of at most {progress.total}")
    picture(
        jpeg_url(progress.pixels),
        progress.pixels.shape[:2],
        key="video_now",
        alt="The latest frame, with its boxes.",
        max_height=MAX_HEIGHT,
    )


def _show_result(result: AnnotatedVideo, details: DeltaGenerator) -> None:
    height, width = result.size
    st.video(
        result.mp4,
        format="video/mp4",
        autoplay=True,
        muted=True,
        loop=True,
        alt="Your video with the tracked objects.",
        width=round(MAX_HEIGHT * width / height),
    )
    with details:
        st.markdown(f"### {counted(result.tracks)}")
        st.markdown("Number of tracked objects, each with its own ID.")
        end = "; yours is longer" if result.cut else ""
        held = ""
        if result.detected < result.frames:
            held = (
                f" Objects were detected on {result.detected} of them; the others show the boxes of the frame before."
            )
        st.caption(
            f"{result.frames} frames, {result.seconds:.1f} s{end}.{held} "
            "ByteTrack matches the boxes of each frame with the predicted positions of the tracks. It does not "
            "compare their appearance: two people who cross may swap IDs, and an object that is hidden for more than a "
            "second gets a new one."
        )
        st.download_button(
            "Video",
            result.mp4,
            "detected.mp4",
            "video/mp4",
            key="video_download",
            icon=":material/download:",
            on_click="ignore",
        )
