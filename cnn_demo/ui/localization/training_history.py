"""Page 5, how it learned: boxes on sample photos by epoch, training curves, test results and the worst cases."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.boxes import GROUND_TRUTH, PREDICTION, draw_boxes
from cnn_demo.drawing.pictures import reduced
from cnn_demo.images import Photo, sample_photos
from cnn_demo.models import find
from cnn_demo.models.training_records import LocalizerRecord, localizer_record
from cnn_demo.results import percent
from cnn_demo.ui.components.flipbook import Chart, Line, flipbook
from cnn_demo.ui.page.caching import HashFunctions
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import CHART_CONFIG, LEGEND_ABOVE, REFERENCE_LINE, chart_colours
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

DEFAULTS: dict[str, Any] = {}
TILE = (150, 200)  # height, width of one photo in a frame
COLUMNS = 3
TEXT_SCALE = 0.5  # of OpenCV's font: labels two thirds as wide as a tile
SHOWN = ("astronaut", "grace_hopper", "chelsea", "rocket", "coffee", "china")
_GROUND, _DIM = 236, "#8c96a8"
_BY_IDENTITY: HashFunctions = {LocalizerRecord: id}  # read once for the process


def learned_view(photo: Photo) -> None:
    """Show how the Caltech localizer learned, and how good it became.

    Raises:
        FileNotFoundError: If its record is missing.
    """
    record = localizer_record()
    figures = record.figures
    count = sum(len(values) for values in record.overlaps.values())
    flipbook(
        _frames(record),
        _charts(record),
        key="localizer_book",
        alt="Sample photos with the box that the network predicts",
        caption="Amber: found. Grey: its box, while “nothing” is the more probable class.",
        max_width=640,
        photographs=True,
    )
    st.markdown(
        "This is the **Caltech localizer**, a small network of three classes (airplane, face and motorcycle), trained "
        f"from scratch. Drag the bar: in **{len(record.epochs)} epochs** its box settles on the astronaut’s face and, "
        "wrongly, on the admiral’s cap, which it takes for an airplane; for the other four it learns to predict "
        "“nothing”. None of these photos was in its training data. " + _growth(record)
    )
    st.subheader(f"On {count} held-out photos", anchor=False)
    chart, words = two_cells()
    with chart:
        st.plotly_chart(
            _histogram(record),
            key="localizer_histogram",
            config=CHART_CONFIG,
            alt="Histogram of the IoU on held-out photos, by class.",
        )
    with words:
        st.markdown(_in_figures(record))
    st.markdown(
        f"**The {len(record.worst)} worst predictions.** The photos belong to Caltech-101 and are not part of this "
        "app; these are their outlines, with the ground truth in green and the prediction in amber."
    )
    picture_cards(_worst(record), width=120, columns=6)
    st.caption(f"Mean IoU {figures['iou']:.3f}; `training/evaluate.py` prints these figures.")


def _growth(record: LocalizerRecord) -> str:
    """Return a sentence on when the training pictures became larger, a jump in the curves."""
    sides = [epoch["side"] for epoch in record.epochs]
    if sides[0] == sides[-1]:
        return ""
    grown = [f"from epoch {sides.index(side) + 1} on {side}" for side in sorted(set(sides)) if side > sides[0]]
    return f"Its pictures had {sides[0]} pixels a side, {', '.join(grown)}."


@st.cache_data(max_entries=1, show_spinner=False, hash_funcs=_BY_IDENTITY)
def _frames(record: LocalizerRecord) -> list[np.ndarray]:
    """One mosaic of photos for each epoch, and one from before training."""
    shown = [key for key in SHOWN if key in record.samples]
    photos = {sample.key: sample for sample in sample_photos()}
    tiles = [_tile(photos[key].load(max_side=2 * max(TILE)).pixels) for key in shown]
    frames = []
    for epoch in range(len(record.boxes)):
        drawn = []
        for (ground, position), key in zip(tiles, shown, strict=True):
            index = record.samples.index(key)
            drawn.append(
                _with_box(
                    ground, position, record.boxes[epoch, index], record.probabilities[epoch, index], record.labels
                )
            )
        drawn += [np.full((*TILE, 3), _GROUND, np.uint8)] * (-len(drawn) % COLUMNS)
        rows = [np.concatenate(drawn[i : i + COLUMNS], axis=1) for i in range(0, len(drawn), COLUMNS)]
        frames.append(np.concatenate(rows))
    return frames


def _tile(pixels: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """A photo in the middle of a tile, and its (left, top, width, height) there."""
    height, width = pixels.shape[:2]
    scale = min(TILE[0] / height, TILE[1] / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    small = cv2.resize(reduced(pixels, 2 * max(rows, columns)), (columns, rows), interpolation=cv2.INTER_AREA)
    top, left = (TILE[0] - rows) // 2, (TILE[1] - columns) // 2
    ground = np.full((*TILE, 3), _GROUND, np.uint8)
    ground[top : top + rows, left : left + columns] = small
    return ground, (left, top, columns, rows)


def _with_box(
    ground: np.ndarray,
    position: tuple[int, int, int, int],
    box: np.ndarray,
    probabilities: np.ndarray,
    labels: tuple[str, ...],
) -> np.ndarray:
    left, top, width, height = position
    corners = np.clip(box, 0, 1) * (width, height, width, height) + (left, top, left, top)
    best = int(probabilities.argmax())
    found = best < len(labels) - 1
    drawn = draw_boxes(ground, [corners], [""], [PREDICTION if found else _DIM], thickness=2 if found else 1)
    if not found:
        return drawn
    name = f"{labels[best]} {percent(float(probabilities[best]))}"
    font = cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), _ = cv2.getTextSize(name, font, TEXT_SCALE, 1)
    foot = TILE[0] - 6  # at the foot of the tile, so that it does not cover the box
    amber = tuple(bytes.fromhex(PREDICTION[1:]))
    cv2.rectangle(drawn, (left, foot - high - 4), (left + wide + 8, TILE[0]), amber, -1)
    cv2.putText(drawn, name, (left + 4, foot), font, TEXT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    return drawn


def _charts(record: LocalizerRecord) -> list[Chart]:
    def line(name: str, key: str) -> Line:
        return Line(name, tuple(float(epoch[key]) for epoch in record.epochs))

    return [
        Chart(
            "Mean IoU, validation photos",
            (line("as they are", "whole_iou"), line("pasted", "pasted_iou")),
            percent=True,
        ),
        Chart(
            "Accuracy, and false positives",
            (line("accuracy", "whole_accuracy"), line("false positives", "false_boxes")),
            percent=True,
        ),
        Chart("Loss terms", (line("class", "class"), line("1 − GIoU", "giou"))),
    ]


def _histogram(record: LocalizerRecord) -> go.Figure:
    edges = np.linspace(0, 1, 21)
    figure = go.Figure()
    for (name, values), colour in zip(record.overlaps.items(), chart_colours(), strict=False):
        counts = np.histogram(values, edges)[0]
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            name=name,
            marker_color=colour,
            width=0.05,
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate="IoU %{customdata[0]:.2f} to %{customdata[1]:.2f}: %{y} photos<extra>" + name + "</extra>",
        )
    figure.add_vline(x=0.5, line=REFERENCE_LINE)
    figure.update_layout(
        height=320,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        barmode="stack",
        bargap=0.05,
        legend=LEGEND_ABOVE,
    )
    figure.update_xaxes(title="IoU with the ground truth", range=[0, 1], dtick=0.1)
    figure.update_yaxes(title="photos")
    return figure


def _in_figures(record: LocalizerRecord) -> str:
    figures = record.figures
    last = record.epochs[-1]
    threshold = find("caltech_localizer").threshold
    by_class = "; ".join(f"{name} {np.mean(values):.2f}" for name, values in record.overlaps.items())
    return (
        f"- **Accuracy**: {percent(figures['accuracy'])}\n- **Mean IoU**: {figures['iou']:.2f} ({by_class})\n- **IoU "
        f"above 0.5**: {percent(figures['over_50'])}; above 0.75: {percent(figures['over_75'])}\n- **Pasted** small "
        f"and anywhere onto other photos: mean IoU {last['pasted_iou']:.2f}. Where the object is small, the same error "
        "in pixels costs more IoU.\n- **On photos with none of the three**, one of them was more probable than "
        f"“nothing” in {percent(last['false_boxes'])}: hence its confidence threshold of {percent(threshold)} in "
        "*Localize*."
    )


def _worst(record: LocalizerRecord) -> list[Card]:
    """The frames of the worst photos as drawings: their proportions, the ground-truth box and the predicted one."""
    cards = []
    for case in record.worst:
        width, height = (160, 160 / case["aspect"]) if case["aspect"] > 4 / 3 else (120 * case["aspect"], 120)
        left, top = (160 - width) / 2, (120 - height) / 2
        drawn = f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="#8c96a8" fill-opacity=".2"/>'
        for box, colour in ((case["truth"], GROUND_TRUTH), (case["box"], PREDICTION)):
            x, y, right, bottom = np.array(box) * np.tile([width, height], 2) + np.tile([left, top], 2)
            drawn += (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(right - x, 0):.1f}" height="{max(bottom - y, 0):.1f}" '
                f'fill="none" stroke="{colour}" stroke-width="3"/>'
            )
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120">{drawn}</svg>'
        source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
        predicted = case["answer"] if case["answer"] == case["label"] else f"{case['answer']} ✗"
        alt = f"The outline of a photo with the ground-truth box and the predicted one: IoU {case['iou']:.2f}."
        cards.append(Card(source, alt, f"IoU {case['iou']:.2f}", (f"{case['label']} → {predicted}",)))
    return cards
