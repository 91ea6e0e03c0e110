"""The tab "Learn a kernel" of page 1: gradient descent finds the weights that turn the photo into a target picture."""

from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st

from cnn_demo.convolution import convolve
from cnn_demo.convolution.kernel_learning import Bowl, Trail, descend, fit_bowl, start_weights
from cnn_demo.drawing.pictures import display_values, reduced, signed_colours, signed_scale
from cnn_demo.images import Photo
from cnn_demo.topics import TOPICS
from cnn_demo.ui.components.flipbook import Chart, Film, Line, flipbook_of_steps
from cnn_demo.ui.convolution.learn_controls import learn_controls, play_request
from cnn_demo.ui.convolution.learn_settings import DEFAULTS, LEARNED, YES, LearnSettings
from cnn_demo.ui.convolution.learn_target import Target, target_of
from cnn_demo.ui.convolution.learn_texts import EXACT, divergence, lessons_learned
from cnn_demo.ui.convolution.result import input_image
from cnn_demo.ui.convolution.settings import ConvolutionSettings
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.frame import topic_link
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT, sync_query_param
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.number_grid import number_grid

SHOWN_SIDE = 288  # pixels of the longer side of a picture in the flipbook
SHOWN_HEIGHT, KERNEL_WIDTH, PICTURE_WIDTH = 210, 130, 300  # CSS pixels, at most
SMALLEST_SHOWN = 1e-16  # a lower loss is the rounding of the target's float32 values
CELL = 16  # pixels of a weight in the flipbook
NETWORKS = TOPICS[2]


@dataclass(frozen=True)
class _Run:
    """A photo, a target, and the descent from one to the other."""

    image: np.ndarray
    target: Target
    bowl: Bowl
    trail: Trail


@fragment
def learn_kernel(photo: Photo, settings: ConvolutionSettings) -> None:
    """Show target and controls, and after *Learn* the descent on a scrub bar, its end and least squares.

    Args:
        photo: The photo.
        settings: The page's settings, whose kernel can be the target.
    """
    sync_query_param(LEARNED, DEFAULTS[LEARNED], lambda text: text == YES)
    st.markdown(
        "Nobody has to choose the weights. Give a **photo** and the **target picture** that it should become, and "
        "gradient descent finds them: it begins with arbitrary weights and changes each a little, step by step, so "
        "that the mean squared error between the two pictures (the **loss**) falls."
    )
    panel, stage = st.columns([1, 2.6], gap="medium")
    with panel:
        learn = learn_controls()
    with stage:
        run = _run(photo, settings, learn)
        if run is None:
            return
        learned = SESSION.get(LEARNED) == YES
        _flipbook(run, learned)
        if not learned:
            return
        if sentence := divergence(run.bowl, run.trail, learn):
            st.warning(sentence, icon=":material/trending_up:")
    _end(run, learn)


def _run(photo: Photo, settings: ConvolutionSettings, learn: LearnSettings) -> _Run | None:
    """Return the descent, or show why there is none."""
    image = input_image(photo, True)
    target = target_of(photo, image, settings, learn)
    if target is None:
        st.info("Upload the photo after a filter, as the target picture.", icon=":material/upload:")
        return None
    try:
        bowl = fit_bowl(image, target.picture, learn.size, border=target.border, bias=learn.bias)
    except ValueError as error:
        st.info(plain(str(error)), icon=":material/crop_free:")
        return None
    start = start_weights(learn.size, bias=learn.bias, seed=0 if learn.start == "random" else None)
    return _Run(image, target, bowl, descend(bowl, start, rate=learn.rate, steps=learn.steps, momentum=learn.momentum))


def _flipbook(run: _Run, learned: bool) -> None:
    """Show kernel, picture and loss at each step above the target; before *Learn*, only the first step."""
    bowl, trail, target = run.bowl, run.trail, run.target
    last = len(trail.steps) if learned else 1
    weights, losses = trail.weights[:last], trail.losses[:last]
    scale = float(np.abs(bowl.best[: bowl.size**2]).max()) or 1.0
    unknown = Film([_unknown()], "The kernel to find", "Kernel to find")
    best = Film([_kernel_frame(bowl.best, bowl.size, scale)], "Kernel of least squares", "Least squares")
    height, width = run.image.shape
    flipbook_of_steps(
        [
            Film([_kernel_frame(each, bowl.size, scale) for each in weights], "Learned kernel", "Learned kernel"),
            Film(_pictures(run, weights), "Photo through the learned kernel", "Its picture", photographs=True),
            best if learned else unknown,
            Film([_shown(target.picture, target)], "Target picture", "Target", photographs=True),
        ],
        [_chart(losses, bowl.floor)] if learned else [],
        trail.steps[:last],
        key="learn_book",
        widths=(KERNEL_WIDTH, max(KERNEL_WIDTH, min(PICTURE_WIDTH, SHOWN_HEIGHT * width // height))),
        caption="Red is positive, blue negative, white zero." if target.signed else "",
        play=play_request(),
    )


def _chart(losses: np.ndarray, floor: float) -> Chart:
    """Return the loss at each step, above that of least squares unless it is 0, which a logarithmic axis has not."""
    lines = (
        Line("learned", tuple(np.maximum(losses, SMALLEST_SHOWN).tolist())),
        Line("least squares", (floor,) * len(losses)),
    )
    return Chart("Loss", lines if floor > EXACT else lines[:1], log=True)


def _pictures(run: _Run, weights: np.ndarray) -> list[np.ndarray]:
    count = run.bowl.size**2
    frames = []
    for each in weights:
        kernel, bias = each[:count].reshape(run.bowl.size, run.bowl.size), each[count:].sum()
        frames.append(_shown(convolve(run.image, kernel, bias=bias), run.target))
    return frames


def _shown(values: np.ndarray, target: Target) -> np.ndarray:
    """Return the compared part of a picture on the target's scale, (h, w, 3) uint8."""
    height, width = values.shape
    border = target.border
    values = reduced(values[border : height - border, border : width - border], SHOWN_SIDE)
    if target.signed:
        return signed_colours(np.clip(values / (signed_scale(target.picture) or 1.0), -1, 1))
    return cv2.cvtColor(display_values(values, "clip"), cv2.COLOR_GRAY2RGB)


def _kernel_frame(weights: np.ndarray, size: int, scale: float) -> np.ndarray:
    """Return the weights as coloured cells, (h, h, 3) uint8; full colour is `scale`."""
    colours = signed_colours(np.clip(weights[: size * size].reshape(size, size) / scale, -1, 1))
    cells = colours.repeat(CELL, axis=0).repeat(CELL, axis=1)
    cells[::CELL], cells[:, ::CELL] = 128, 128
    return cells


def _unknown() -> np.ndarray:
    """Return a question mark, (h, h, 3) uint8."""
    frame = np.full((256, 256, 3), 128, np.uint8)
    return cv2.putText(frame, "?", (74, 186), cv2.FONT_HERSHEY_SIMPLEX, 6, (255, 255, 255), 14, cv2.LINE_AA)


def _end(run: _Run, learn: LearnSettings) -> None:
    """Show the last weights as numbers beside those of least squares, and explain the end."""
    bowl, trail, target = run.bowl, run.trail, run.target
    hidden = learn.target == "hidden"
    if hidden:
        st.toggle("Reveal the hidden kernel", key="learn_reveal", **LINKED_AND_PERSISTENT)
    count, shape = bowl.size**2, (bowl.size, bowl.size)
    grids = st.grid(3, min_column_width=200)
    pairs = (trail.weights[-1], f"Learned, step {trail.steps[-1]:,}"), (bowl.best, "Least squares")
    for weights, title in pairs:
        note = f"Bias: {weights[count]:.3g}" if learn.bias else ""
        with grids.cell():
            number_grid(weights[:count].reshape(shape), title=title, note=note, alt=title)
    if target.weights is not None and (not hidden or SESSION.get("learn_reveal")):
        title = "Hidden kernel" if hidden else "Your kernel"
        with grids.cell():
            number_grid(target.weights, title=title, note=target.title, alt=title, numbers_up_to=9)
    st.markdown(lessons_learned(bowl, trail, learn, target))
    st.markdown(
        "A network learns its kernels in the same way: thousands of them at once, by the slope of a loss that compares "
        "its predictions with the ground truth instead of two pictures."
    )
    topic_link(NETWORKS)
    st.caption(
        f"Computed on the photo's grey values, the mean of red, green and blue, at {bowl.windows:,} positions where "
        "the kernels fit into the photo, with stride 1, dilation 1 and no padding."
    )
