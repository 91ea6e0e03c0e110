"""Page 7, confidence: confidence and entropy of every pixel, a confidence threshold, and one pixel's probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.heatmaps import overlay as heat_overlay
from cnn_demo.drawing.masks import OPACITY as MASK_OPACITY
from cnn_demo.drawing.masks import overlay as mask_overlay
from cnn_demo.drawing.palette import class_colours
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load_segmenter
from cnn_demo.models.segmentation.metrics import REACH, border_confidence
from cnn_demo.results import Segmentation, percent
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.segmentation.state import pick_segmenter, reduced_segmentation, segmentation_of
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import CHART_CONFIG, REFERENCE_LINE, chart_colours
from cnn_demo.ui.widgets.heatmap_controls import legend, opacity_slider
from cnn_demo.ui.widgets.probability_bars import probability_bars

OPACITY, BLANK = "sure_opacity", "sure_blank"
DEFAULTS: dict[str, Any] = {OPACITY: 80, BLANK: 60}
SHOWN_SIDE = 720  # pixels of the longer side: the maps stand beside each other
THRESHOLDS = np.arange(101) / 100
FEW_CLASSES = 25  # of so many, all probabilities are kept: up to 60 megabytes for a photo
_SELECTED = "sure_asked"  # (photo, row, column) that the visitor tapped
_WHITE = 0.85  # how white a blank pixel is


@fragment
def confidence_view(photo: Photo) -> None:
    """Show the network's confidence at each pixel."""
    panel, stage, details = controls_picture_and_details("confidence")
    with panel:
        spec, side, mode = pick_segmenter(photo)
    with stage:
        segmentation = segmentation_of(photo, spec.key, side, mode)
        _maps(photo, spec.key, side, mode)
    with details:
        _near_borders(segmentation)
        with st.container(key="hide_uncertain"):
            st.subheader("Hide uncertain pixels", anchor=False)
            _blank(photo, spec, side, mode)
        st.subheader("Probabilities of a pixel", anchor=False)
        _ask(photo, spec, side, mode)


@fragment
def _maps(photo: Photo, key: str, side: int, mode: str) -> None:
    """Show both maps above the slider of their opacity, which redraws nothing else."""
    segmentation = segmentation_of(photo, key, side, mode)
    maps = st.container()
    with st.container(width=420):
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
    small = reduced(photo.pixels, SHOWN_SIDE)
    entropy = segmentation.entropy()
    mean = float(segmentation.confidence.mean())
    sure, undecided = maps.columns(2, gap="medium")
    with sure:
        _heat(photo, small, segmentation.confidence, opacity, "confidence", f"Confidence, {percent(mean)} on average")
        legend("0%", "100%")
        st.caption("The probability of the predicted class. Bright is confident.")
    with undecided:
        _heat(photo, small, entropy, opacity, "entropy", f"Entropy, {entropy.mean():.2f} on average")
        legend("0: one class", "1: all classes equal")
        st.caption("How evenly the probability is spread over the classes. Bright is uncertain.")


def _near_borders(segmentation: Segmentation) -> None:
    near, far = border_confidence(segmentation)
    if np.isfinite([near, far]).all():
        st.markdown(
            f"Within {REACH} pixels of a border between classes the mean confidence is **{percent(near)}**, everywhere "
            f"else **{percent(far)}**. "
            + ("It is lowest along borders." if near < far else "On this photo, it is not lower along borders.")
        )


def _heat(photo: Photo, small: np.ndarray, values: np.ndarray, opacity: float, name: str, caption: str) -> None:
    picture(
        jpeg_url(heat_overlay(small, reduced(values, SHOWN_SIDE), opacity)),
        photo.size,
        key=f"sure_{name}",
        alt=f"A heatmap over the photo: the {name} of each pixel. {photo.description}",
        caption=f"{caption}.",
    )


def fractions_left(confidence: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the fraction of pixels whose confidence is at least each threshold, (T,) float64."""
    ordered = np.sort(confidence, axis=None)
    doubtful = np.searchsorted(ordered, np.asarray(thresholds, ordered.dtype), side="left")
    return 1 - doubtful / ordered.size


@fragment
def _blank(photo: Photo, spec: ModelSpec, side: int, mode: str) -> None:
    segmentation = segmentation_of(photo, spec.key, side, mode)
    shown, details = two_cells()
    with details:
        threshold = (
            st.slider("Confidence threshold", 0, 99, DEFAULTS[BLANK], format="%d%%", key=BLANK, bind="query-params")
            / 100
        )
        doubtful = segmentation.doubtful(threshold)
        st.metric("Pixels above the threshold", percent(1 - float(doubtful.mean())), border=True)
        st.plotly_chart(
            _curve(segmentation, threshold),
            key="sure_curve",
            config=CHART_CONFIG,
            alt="Fraction of pixels above each confidence threshold.",
        )
    with shown:
        small, prediction = reduced_segmentation(photo, segmentation, SHOWN_SIDE)
        picture(
            jpeg_url(certain_pixels(small, prediction, threshold)),
            photo.size,
            key="sure_blanked",
            alt=f"The photo under its classes, white below the confidence threshold. {photo.description}",
            max_height=480,
        )
        st.caption(
            "White: below the threshold. In colour: the predicted classes. A high confidence is no guarantee of a "
            "correct class."
        )
        _left_of_each(segmentation, doubtful)


def certain_pixels(pixels: np.ndarray, segmentation: Segmentation, threshold: float) -> np.ndarray:
    """Draw the classes over a photo (H, W, 3) uint8; pixels below the confidence threshold are white."""
    colours = class_colours(segmentation.labels)
    doubtful = segmentation.doubtful(threshold)
    shown = segmentation.foreground() & ~doubtful
    scene = mask_overlay(pixels, segmentation.class_map, colours, MASK_OPACITY, shown).copy()
    scene[doubtful] = (pixels[doubtful] * (1 - _WHITE) + 255 * _WHITE).astype(np.uint8)
    return scene


def _curve(segmentation: Segmentation, threshold: float) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=100 * THRESHOLDS,
        y=100 * fractions_left(segmentation.confidence, THRESHOLDS),
        mode="lines",
        line={"color": chart_colours().blue},
        hovertemplate="threshold %{x:.0f}%: %{y:.1f}% above<extra></extra>",
    )
    figure.add_vline(100 * threshold, line=REFERENCE_LINE)
    figure.update_layout(height=260, margin={"l": 0, "r": 24, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(title="confidence threshold", ticksuffix="%", dtick=50, range=[0, 100])
    figure.update_yaxes(title="pixels above the threshold", ticksuffix="%", range=[0, 102])
    return figure


def _left_of_each(segmentation: Segmentation, doubtful: np.ndarray) -> None:
    counts = np.bincount(segmentation.class_map.ravel(), minlength=len(segmentation.labels))
    left = np.bincount(segmentation.class_map[~doubtful], minlength=len(segmentation.labels))
    coverage = segmentation.coverage()
    indices = [segmentation.labels.index(label) for label in coverage]
    percentage = st.column_config.NumberColumn(format="%.1f%%")
    st.dataframe(
        pd.DataFrame(
            {
                "Class": list(coverage),
                "Pixels": [100 * value for value in coverage.values()],
                "Above the threshold": [100 * left[i] / counts[i] for i in indices],
            }
        ),
        key="sure_classes",
        hide_index=True,
        height=min(35 * (len(coverage) + 1) + 3, 220),
        alt="Each class with its fraction of the photo, and the fraction of it above the threshold.",
        column_config={"Pixels": percentage, "Above the threshold": percentage},
    )


@photo_cache(spinner="Running the network…", queued=True)
def probabilities_of(photo: Photo, key: str, side: int | None, mode: str) -> np.ndarray:
    """Return the probabilities of all classes at every pixel, (C, H, W) float16; it must not be modified.

    They take much more memory than the prediction: another run of the network, once this view is open, costs less.

    Args:
        photo: The visitor's.
        key: The network's.
        side: Shorter side of the network's input in pixels; None for the network's default.
        mode: A key of `MODES`.

    Raises:
        ModelUnavailable: If the network is not available.
    """
    found = load_segmenter(key).predict(photo.pixels, mode, side, keep_probabilities=True).probabilities
    assert found is not None
    return found


@fragment
def _ask(photo: Photo, spec: ModelSpec, side: int, mode: str) -> None:
    segmentation = segmentation_of(photo, spec.key, side, mode)
    row, column = _selected(photo, segmentation)

    def ask(row: int, column: int) -> None:
        st.session_state[_SELECTED] = (photo.key, row, column)

    shown, details = two_cells()
    with shown:
        picture(
            jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
            photo.size,
            key="sure_photo",
            alt=f"The photo; tap it to select a pixel. {photo.description}",
            caption="Tap the photo. The default is the pixel with the highest entropy.",
            marks=[Mark(row, column, 1, 1)],
            step=(4, 4),
            on_pick=ask,
        )
    with details:
        _show_pixel(segmentation, row, column)
        if len(segmentation.labels) <= FEW_CLASSES:
            values = probabilities_at(segmentation, probabilities_of(photo, spec.key, side, mode), row, column)
            probability_bars(segmentation.labels, values, caption="The probabilities of all classes at this pixel")
        else:
            st.info(
                f"{spec.title} has {len(segmentation.labels)} classes. Their probabilities at every pixel would take "
                f"too much memory, so they are kept only for networks with at most {FEW_CLASSES} classes.",
                icon=":material/memory:",
            )


def probabilities_at(segmentation: Segmentation, probabilities: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return the probabilities (C,) float32 of one pixel.

    Args:
        segmentation: The prediction, whose confidence is not rounded.
        probabilities: (C, H, W) float16, of all classes.
        row: Row of the pixel.
        column: Column of the pixel.
    """
    values = probabilities[:, row, column].astype(np.float32)
    values[segmentation.class_map[row, column]] = segmentation.confidence[row, column]
    return values


def _selected(photo: Photo, segmentation: Segmentation) -> tuple[int, int]:
    """The pixel (row, column) that was tapped on this photo, else the one of greatest entropy."""
    key, row, column = st.session_state.get(_SELECTED, (None, 0, 0))
    height, width = segmentation.class_map.shape
    if key == photo.key and 0 <= row < height and 0 <= column < width:
        return row, column
    row, column = np.unravel_index(int(segmentation.entropy().argmax()), (height, width))
    return int(row), int(column)


def _show_pixel(segmentation: Segmentation, row: int, column: int) -> None:
    label = segmentation.labels[segmentation.class_map[row, column]]
    st.markdown(
        f"Row {row}, column {column}: **{label}**, confidence {percent(float(segmentation.confidence[row, column]))}; "
        f"entropy {segmentation.entropy()[row, column]:.2f}."
    )
