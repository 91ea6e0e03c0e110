"""Page 7, paint it yourself: the prediction scored against a ground truth that the visitor paints."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.models.segmentation.metrics import IGNORED, TOLERANCE, boundary_f, score_masks
from cnn_demo.results import BACKGROUND, Segmentation, percent
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.segmentation.state import pick_segmenter, segmentation_of
from cnn_demo.ui.widgets.canvas import canvas_size, class_of, pen

WAY, WIDTH, BLANKS = "paint_way", "paint_width", "paint_blanks"
WAYS = {"Brush": "freedraw", "Polygon": "polygon"}
DEFAULTS: dict[str, Any] = {WAY: "Brush", WIDTH: 18, BLANKS: False}
CANVAS = 330  # pixels of the longer side: fits on a phone
MAX_CLASSES = 128  # that `pen` distinguishes
RIGHT, WRONG = (47, 191, 113), (255, 75, 92)
_TURN = "paint_turn"


def paint_view(photo: Photo) -> None:
    """Let the visitor paint the ground truth, and score the prediction against it.

    Raises:
        ModelUnavailable: If no segmenter is available.
    """
    spec, side, mode = pick_segmenter(photo)
    segmentation = segmentation_of(photo, spec.key, side, mode)
    _painted_and_scored(photo, spec, segmentation)


@st.fragment
def _painted_and_scored(photo: Photo, spec: ModelSpec, segmentation: Segmentation) -> None:
    drawing, shown, numbers = st.columns([4, 4, 3], gap="medium")
    with drawing:
        truth = _canvas(photo, spec, segmentation)
    with shown:
        if (truth == IGNORED).all():
            st.info(
                "Paint the ground truth, class by class; the scores of the prediction appear here.",
                icon=":material/brush:",
            )
            return
        predicted = _small(segmentation.class_map, truth.shape)
        _judged(photo, predicted, truth)
    scores = score_masks(predicted, truth, len(spec.labels))
    with numbers:
        st.metric(
            "Mean IoU",
            f"{scores.mean_iou:.3f}",
            help="Averaged over the classes that you painted or that are predicted there.",
        )
        st.metric(
            "Pixel accuracy",
            percent(scores.pixel_accuracy),
            help="Fraction of the counted pixels with the correct class.",
        )
    st.dataframe(
        scores_table(spec, predicted, truth),
        key="paint_table",
        hide_index=True,
        alt="IoU, Dice and boundary F-score of each class.",
        column_config={
            name: st.column_config.ProgressColumn(name, min_value=0, max_value=1, format="%.3f", help=why)
            for name, why in _FIGURES.items()
        },
    )
    st.caption(
        "Measured on the canvas, whose pixels are larger than the photo's. Blank pixels count only if you switch that "
        "on."
    )


_FIGURES = {
    "IoU": "Intersection divided by union.",
    "Dice": "Twice the intersection, divided by the sum of both areas: never below the IoU.",
    "boundary F": f"F-score of the outlines, with a tolerance of {TOLERANCE:g} pixels.",
}


def _canvas(photo: Photo, spec: ModelSpec, segmentation: Segmentation) -> np.ndarray:
    """Show the canvas and return the painted class ids (h, w), `IGNORED` for pixels that do not count."""
    # Imported here: the package finds its own files only inside a running app.
    from streamlit_drawable_canvas import st_canvas

    present = list(segmentation.coverage())
    names = [*present, *(name for name in spec.labels if name not in present)][:MAX_CLASSES]
    chosen = st.selectbox("Class", names, key="paint_class", help="Predicted classes come first.")
    way, width = st.columns(2)
    with way:
        mode = st.segmented_control("Tool", list(WAYS), default=DEFAULTS[WAY], key=WAY, wrap=True, bind="query-params")
    with width:
        brush = st.slider("Brush size (pixels)", 2, 40, DEFAULTS[WIDTH], key=WIDTH, bind="query-params")
    small = reduced(photo.pixels, 2 * CANVAS)
    height, wide = canvas_size(small, CANVAS)
    colour = pen(spec.labels.index(chosen))
    result = st_canvas(
        drawing_mode=WAYS[mode] if mode else "freedraw",
        background_image=jpeg_url(small),
        fill_color=colour,
        stroke_color=colour,
        stroke_width=brush if mode != "Polygon" else 1,
        width=wide,
        height=height,
        return_image_data=True,
        key=f"paint_{photo.key}_{spec.key}_{st.session_state.setdefault(_TURN, 0)}",
    )
    with st.container(horizontal=True, gap="small"):
        st.button("Clear", icon=":material/delete:", key="paint_clear", on_click=_clear)
    blanks = st.toggle(
        "Blank pixels are background",
        DEFAULTS[BLANKS],
        key=BLANKS,
        bind="query-params",
        disabled=BACKGROUND not in spec.labels,
        help="Otherwise blank pixels are ignored: paint only what you are sure of.",
    )
    truth = painted(result.image_data, used_classes(result.json_data), (height, wide))
    if blanks and BACKGROUND in spec.labels and (truth != IGNORED).any():
        truth[truth == IGNORED] = spec.labels.index(BACKGROUND)
    return truth


def _clear() -> None:
    st.session_state[_TURN] += 1  # a canvas with another key is another canvas


def used_classes(drawing: dict | None) -> list[int]:
    """Return the classes whose pens were used, from the JSON of Fabric.js."""
    strokes = [str(thing.get("stroke") or "") for thing in (drawing or {}).get("objects", [])]
    return sorted({class_of(stroke) for stroke in strokes if len(stroke) == 7})


def painted(image: np.ndarray | None, class_ids: list[int], size: tuple[int, int]) -> np.ndarray:
    """Return the classes that a canvas shows.

    Args:
        image: (h, w, 4) uint8 RGBA that the canvas hands out; None before it has.
        class_ids: Those that were painted with.
        size: (height, width) of the canvas.

    Returns:
        (height, width) int64, `IGNORED` where nothing was painted. A brush has soft edges: a pixel that is at least
        half covered counts, as the class whose pen is nearest in colour.
    """
    truth = np.full(size, IGNORED, np.int64)
    if image is None or not class_ids:
        return truth
    image = np.asarray(image, np.uint8)
    if image.shape[:2] != size:
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_NEAREST)
    pens = np.array([[int(pen(i)[at : at + 2], 16) for at in (1, 3, 5)] for i in class_ids])
    there = image[..., 3] >= 128
    distances = np.abs(image[there][:, None, :3].astype(int) - pens).sum(2)
    truth[there] = np.array(class_ids)[distances.argmin(1)]
    return truth


def _small(class_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(class_map.astype(np.int16), size[::-1], interpolation=cv2.INTER_NEAREST)


def _judged(photo: Photo, predicted: np.ndarray, truth: np.ndarray) -> None:
    st.markdown("**Correct** in green, **wrong** in red")
    small = cv2.resize(reduced(photo.pixels, 2 * CANVAS), truth.shape[::-1], interpolation=cv2.INTER_AREA)
    picture(
        jpeg_url(judged(small, predicted, truth)),
        photo.size,
        key="paint_judged",
        alt=f"The photo, green where the network agrees with the painting, red where not: {photo.description}",
        max_height=CANVAS,
    )


def judged(pixels: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Tint a photo (h, w, 3) uint8 green where both class maps agree, red where not; ignored pixels are dimmed."""
    tinted = (pixels * 0.45).astype(np.uint8)
    for where, colour in ((predicted == truth, RIGHT), (predicted != truth, WRONG)):
        where = where & (truth != IGNORED)
        tinted[where] = (pixels[where] * 0.5 + np.array(colour) * 0.5).astype(np.uint8)
    return tinted


def scores_table(spec: ModelSpec, predicted: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """Make the table of figures, a row for each class that was painted or found there."""
    scores = score_masks(predicted, truth, len(spec.labels))
    edges = boundary_f(predicted, truth, len(spec.labels))
    rows = [
        {"class": label, "IoU": scores.iou[i], "Dice": scores.dice[i], "boundary F": edges[i]}
        for i, label in enumerate(spec.labels)
        if not np.isnan(scores.iou[i])
    ]
    return pd.DataFrame(rows)
