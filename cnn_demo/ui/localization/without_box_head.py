"""Page 5, without a box head: a box from the class activation map, or from a sliding window, against the head's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.boxes import GROUND_TRUTH, PREDICTION, box_scale, draw_boxes
from cnn_demo.drawing.heatmaps import overlay
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load_localizer
from cnn_demo.models.boxes import iou
from cnn_demo.models.localization.localizers import LocalizerDetails
from cnn_demo.models.localization.weak_localization import (
    CAM_THRESHOLD,
    SCALES,
    STEP,
    CamBox,
    WindowScan,
    cam_box,
    slide,
    windows,
)
from cnn_demo.results import duration, percent
from cnn_demo.ui.localization.prediction import CARD_SIDE, resized_map
from cnn_demo.ui.localization.state import evidence_of, pick_class, pick_localizer, truth_of
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.heatmap_controls import opacity_slider
from cnn_demo.ui.widgets.model_picker import load_with_spinner
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

LOOKED_FOR, CUT, OPACITY, SIZES, STRIDE = "cam_class", "cam_cut", "cam_opacity", "window_sizes", "window_step"
DEFAULTS: dict[str, Any] = {
    LOOKED_FOR: None,
    CUT: round(100 * CAM_THRESHOLD),
    OPACITY: 60,
    SIZES: [round(100 * scale) for scale in SCALES],
    STRIDE: round(100 * STEP),
}
ALL_SIZES = (100, 85, 70, 50, 35, 25)  # percent of the photo's sides


@fragment
def without_view(photo: Photo) -> None:
    """Find the object three times: by the box head, by the class activation map, by a sliding window.

    If the network is not available, the reason is shown.
    """
    panel, stage, details = controls_picture_and_details("without")
    with panel:
        spec = pick_localizer()
    model = load_with_spinner(spec, load_localizer)
    evidence = evidence_of(photo, spec.key)
    likely = evidence.localization.label or model.labels[int(evidence.logits[:-1].argmax())]
    with panel:
        label = pick_class("Class", model.labels[:-1], LOOKED_FOR, likely, "the most probable")
        cut = st.slider(
            "Threshold (% of the map’s maximum)",
            5,
            95,
            DEFAULTS[CUT],
            5,
            format="%d%%",
            key=CUT,
            bind="query-params",
            help="The box goes around the largest connected part above it; Zhou et al. used 20%.",
        )
        sizes, step = _window_controls(photo.size)
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
    cam = cam_box(model, evidence, label, photo.size, cut / 100)
    with stage:
        scan = _scan(photo, spec, sizes, step, st.empty()) if sizes else None
        _cards(photo, evidence, cam, scan, label, opacity)
    with details:
        st.markdown(
            "A classifier is trained without boxes, and yet it can localize. Here are two methods that use the "
            "network's **class head alone**, beside the **box head**, which was trained with boxes."
        )
        if scan is not None:
            _cost(scan, evidence, model.spec.title)


def _window_controls(size: tuple[int, int]) -> tuple[tuple[float, ...], float]:
    chosen = st.pills(
        "Window sizes (% of the photo's sides)",
        list(ALL_SIZES),
        selection_mode="multi",
        default=DEFAULTS[SIZES],
        format_func=lambda size: f"{size}%",
        key=SIZES,
        bind="query-params",
        wrap=True,
    )
    step = st.slider(
        "Stride (% of the window’s size)",
        10,
        100,
        DEFAULTS[STRIDE],
        5,
        format="%d%%",
        key=STRIDE,
        bind="query-params",
    )
    sizes = tuple(size / 100 for size in sorted(set(chosen or ()) & set(ALL_SIZES), reverse=True))
    if not sizes:
        st.info("Choose at least one window size.", icon=":material/select_all:")
        return (), step / 100
    try:
        windows(size, sizes, step / 100)
    except ValueError as error:
        st.info(plain(str(error)), icon=":material/select_all:")
        return (), step / 100
    return sizes, step / 100


def _scan(
    photo: Photo, spec: ModelSpec, sizes: tuple[float, ...], step: float, container: DeltaGenerator
) -> WindowScan:
    def compute(report: Callable[[float], None]) -> WindowScan:
        return slide(load_localizer(spec.key), photo.pixels, sizes, step, lambda done, of: report(done / of))

    return computed(
        [photo], ("scan", photo.key, spec.key, sizes, step), "Classifying every window…", container, compute
    )


def _cards(
    photo: Photo, evidence: LocalizerDetails, cam: CamBox, scan: WindowScan | None, label: str, opacity: float
) -> None:
    pixels = reduced(photo.pixels, CARD_SIDE)
    truth = truth_of(photo, evidence.localization.labels)
    height, width = pixels.shape[:2]
    scale = box_scale(photo.pixels, pixels)

    def card(title: str, box: np.ndarray | None, ground: np.ndarray, line: str) -> Card:
        boxes = [(truth, GROUND_TRUTH), (box, PREDICTION)]
        drawn = [(found * scale, colour) for found, colour in boxes if found is not None]
        source = draw_boxes(ground, [found for found, _ in drawn], [""] * len(drawn), [colour for _, colour in drawn])
        lines = (line, _compared(box, truth, evidence.box_xyxy, title == "Box head"))
        return Card(jpeg_url(source), f"The photo with the box of: {title}.", title, lines)

    cards = [
        card("Box head", evidence.box_xyxy, pixels, "Trained with boxes. 1 pass."),
        card(
            "Class activation map",
            cam.box_xyxy,
            overlay(pixels, resized_map(cam.map, (height, width)), opacity),
            f"Where the class head finds evidence of {label}. The same pass."
            if cam.box_xyxy is not None
            else f"No evidence of {label} anywhere: there is no box.",
        ),
    ]
    if scan is not None:
        best = scan.best(label)
        probability = float(scan.probabilities[best, scan.labels.index(label)])
        ground = overlay(pixels, window_map(scan, label, scale, (height, width)), opacity)
        line = f"The window with the highest probability of {label}: {percent(probability)}. {scan.passes:,} passes."
        cards.append(card("Sliding window", scan.boxes[best], ground, line))
    picture_cards(cards, width=200, columns=3, ratio=f"{width} / {height}")
    st.caption(
        "Amber: the predicted box. Draw a box in *Draw the ground truth* to compare each one with it here."
        if truth is None
        else "Amber: the predicted box. Green: the ground truth."
    )


def window_map(scan: WindowScan, label: str, scale: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the mean probability of a class over all windows that cover each pixel.

    Args:
        scan: The windows.
        label: One of its classes.
        scale: Factors (4,) from the photo's pixels to the map's.
        size: (height, width) of the map.

    Returns:
        (height, width) float32 in 0..1.
    """
    total, count = np.zeros(size, np.float32), np.zeros(size, np.float32)
    chances = scan.probabilities[:, scan.labels.index(label)]
    for (left, top, right, bottom), chance in zip((scan.boxes * scale).round().astype(int), chances, strict=True):
        total[top:bottom, left:right] += chance
        count[top:bottom, left:right] += 1
    return np.clip(total / np.maximum(count, 1), 0, 1)


def _compared(box: np.ndarray | None, truth: np.ndarray | None, head: np.ndarray, is_head: bool) -> str:
    """Return the IoU of a box with the ground truth, or with the head's box if there is no ground truth, as text."""
    if box is None:
        return "IoU 0"
    if truth is not None:
        return f"IoU with the ground truth: {float(iou(box, truth)):.2f}"
    return "" if is_head else f"IoU with the box head’s box: {float(iou(box, head)):.2f}"


def _cost(scan: WindowScan, evidence: LocalizerDetails, title: str) -> None:
    milliseconds = evidence.localization.milliseconds
    st.markdown(
        f"**Cost of the scan**: {scan.passes:,} crops through the {title}, against one pass for the box head. At "
        f"{duration(milliseconds)} a pass, as measured for the box head, that would be "
        f"{duration(scan.passes * milliseconds)}; batches are somewhat faster. A smaller stride "
        "fits the object better and costs more, but no window has the object’s own proportions. The colours are the "
        "mean probability of all windows that cover a pixel. This is how objects were localized before networks had "
        "box heads."
    )
