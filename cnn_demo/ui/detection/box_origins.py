"""Page 6, where boxes come from: cells of three grids, or the proposals of a first stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.boxes import OTHER, PREDICTION, box_at, box_scale, draw_boxes
from cnn_demo.drawing.heatmaps import overlay
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.models.detection.candidates import Candidates, select
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.results import percent
from cnn_demo.ui.components.picture import Mark, labelled_boxes, picture
from cnn_demo.ui.detection.state import candidates_of, pick_detector
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider
from cnn_demo.ui.widgets.heatmap_controls import legend
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

PROPOSALS = "proposals"
DEFAULTS: dict[str, Any] = {PROPOSALS: 30}
COUNTS = (10, 30, 100, 300, 1000)
SHOWN_SIDE = 900
CARD_SIDE = 420
_CHOSEN = "grid_chosen"  # (photo, network, size, candidate)
Containers = tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]  # for controls, picture and details


@fragment
def grid_view(photo: Photo) -> None:
    """Show which grid cell or proposal each box comes from."""
    containers = controls_picture_and_details("origins")
    panel, stage, _ = containers
    with panel:
        spec, side = pick_detector()
    candidates = candidates_of(photo, spec.key, side)
    if candidates.proposals_xyxy is not None and candidates.objectness is not None:
        _two_stages(containers, photo, spec, candidates, candidates.proposals_xyxy, candidates.objectness)
    elif candidates.cells is not None and candidates.frame is not None:
        _cells(containers, photo, spec, candidates, candidates.cells, candidates.frame, (photo.key, spec.key, side))
    else:
        stage.info(
            f"torchvision does not return the location at which {spec.title} predicted a box. Choose a YOLO model to "
            "see its cells, or a Faster R-CNN to see its proposals.",
            icon=":material/grid_off:",
        )


def _cells(
    containers: Containers,
    photo: Photo,
    spec: ModelSpec,
    candidates: Candidates,
    cells: np.ndarray,
    frame: Letterbox,
    where: tuple,
) -> None:
    panel, stage, details = containers
    with panel:
        confidence = confidence_slider(spec.threshold)
    selection = select(candidates, confidence)
    kept = selection.order[selection.kept]
    boxes = candidates.visible(kept)
    *at, chosen = st.session_state.get(_CHOSEN, (None, None))
    index: int | None = int(kept[0]) if len(kept) else None
    if tuple(at) == where and chosen in kept:
        index = chosen
    *finer, coarsest = [f"{grid.rows} × {grid.columns}" for grid in candidates.grids]
    grids = f"{', '.join(finer)} and {coarsest}" if finer else coarsest

    def pick(row: int, column: int) -> None:
        found = box_at(boxes, row, column)
        if found is not None:
            st.session_state[_CHOSEN] = (*where, int(kept[found]))

    with stage:
        others = boxes[kept != index] if index is not None else boxes
        shown = labelled_boxes(others, [""] * len(others), [OTHER] * len(others), 2)
        marks = []
        if index is not None:
            name = f"{candidates.labels[candidates.class_ids[index]]} {percent(float(candidates.scores[index]))}"
            shown += labelled_boxes(candidates.visible(np.array([index])), [name], [PREDICTION], 4)
            left, top, right, bottom = (float(value) for value in candidates.cell_xyxy(index))
            marks = [Mark(top, left, bottom - top, right - left)]
        picture(
            jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
            photo.size,
            key="grid_photo",
            alt=f"The photo with {boxes_of_count(len(kept))}, and the cell of the thick one. {photo.description}",
            max_height=520,
            marks=marks,
            boxes=shown,
            on_pick=pick,
        )
        if index is None:
            st.info("No box is above the confidence threshold: lower it.", icon=":material/search_off:")
        else:
            st.markdown(origin_sentence(candidates, cells, index))
    with details:
        st.markdown(
            f"The network predicts on grids of **{grids}** cells: the coarser the grid, the larger the objects. "
            "**Every cell** predicts one box: the distances from its centre to the four sides, and a probability for "
            "each class. Tap a box to see the cell that predicted it."
        )
        st.subheader("Confidence of each cell", anchor=False)
        st.caption("The highest class probability of each cell, before any filtering.")
        with st.container(width=420):
            legend("0", "1")
        picture_cards(_maps(photo, candidates, cells, frame, kept), width=220, columns=4, ratio=_ratio(photo))


def origin_sentence(candidates: Candidates, cells: np.ndarray, index: int) -> str:
    """Return which cell predicted a candidate, and how far its sides are from there, as Markdown.

    Args:
        candidates: The candidates of one photo.
        cells: Their cells, (N, 3).
        index: Index of the candidate.
    """
    level, row, column = (int(value) for value in cells[index])
    grid = candidates.grids[level]
    left, top, right, bottom = candidates.visible(np.array([index]))[0]
    inside = candidates.cell_xyxy(index)
    middle = (inside[:2] + inside[2:]) / 2
    cell = max(float(inside[2] - inside[0]), 1e-6)
    ways = {"left": middle[0] - left, "up": middle[1] - top, "right": right - middle[0], "down": bottom - middle[1]}
    far = ", ".join(f"{float(way) / cell:.1f} {name}" for name, way in ways.items())
    name = candidates.labels[candidates.class_ids[index]]
    return (
        f"**{name.capitalize()}**, predicted by the cell in row {row + 1}, column {column + 1} of the {grid.rows} × "
        f"{grid.columns} grid, one cell for {grid.stride} × {grid.stride} pixels of the network’s input. From its "
        f"middle, in cells: {far}."
    )


def cell_map(candidates: Candidates, cells: np.ndarray, level: int) -> np.ndarray:
    """Return the best score (rows, columns) of each cell of a grid; 0 if it has no candidate.

    Args:
        candidates: The candidates of one photo.
        cells: Their cells, (N, 3).
        level: Index of the grid.
    """
    grid = candidates.grids[level]
    values = np.zeros((grid.rows, grid.columns), np.float32)
    own = cells[:, 0] == level
    np.maximum.at(values, (cells[own, 1], cells[own, 2]), candidates.scores[own])
    return values


def _maps(photo: Photo, candidates: Candidates, cells: np.ndarray, frame: Letterbox, kept: np.ndarray) -> list[Card]:
    pixels = reduced(photo.pixels, CARD_SIDE)
    cards = []
    for level, grid in enumerate(candidates.grids):
        values = np.repeat(np.repeat(cell_map(candidates, cells, level), grid.stride, 0), grid.stride, 1)
        height, width = frame.scaled
        values = values[frame.top : frame.top + height, frame.left : frame.left + width]
        rows = np.linspace(0, height - 1, pixels.shape[0]).round().astype(int)
        columns = np.linspace(0, width - 1, pixels.shape[1]).round().astype(int)
        count = int((cells[kept, 0] == level).sum())
        cards.append(
            Card(
                jpeg_url(overlay(pixels, values[np.ix_(rows, columns)], 0.65)),
                f"A heatmap over the photo: the confidence of each cell of the {grid.rows} × {grid.columns} grid.",
                f"{grid.rows} × {grid.columns} cells",
                (
                    (f"Each cell covers {grid.stride} × {grid.stride} pixels of the input."),
                    f"Boxes kept from this grid: {count}.",
                ),
            )
        )
    return cards


def _ratio(photo: Photo) -> str:
    return f"{photo.size[1]} / {photo.size[0]}"


def _two_stages(
    containers: Containers,
    photo: Photo,
    spec: ModelSpec,
    candidates: Candidates,
    proposals_xyxy: np.ndarray,
    objectness: np.ndarray,
) -> None:
    panel, stage, details = containers
    with panel:
        count = st.select_slider(
            "Proposals shown, by objectness", COUNTS, DEFAULTS[PROPOSALS], key=PROPOSALS, bind="query-params"
        )
        confidence = confidence_slider(spec.threshold)
    selection = select(candidates, confidence, 0.5)
    final = selection.order[selection.kept]
    total = len(objectness)
    shown = min(count, total)
    with details:
        st.markdown(
            f"**Two stages.** The first, the region proposal network, predicts only *objectness* and proposes {total} "
            "regions without a class. The second crops the feature maps under each region, predicts its class, and "
            f"refines the box. Here it kept **{len(final)}**."
        )
        if total:
            st.caption(
                f"The proposals shown have an objectness of at least {percent(float(objectness[:shown].min()))}."
            )
    small = reduced(photo.pixels, SHOWN_SIDE)
    proposals = proposals_xyxy[:shown][::-1] * box_scale(photo.pixels, small)
    first = draw_boxes(small, proposals, [""] * shown, [OTHER] * shown, thickness=1)
    names = [f"{candidates.labels[candidates.class_ids[i]]} {percent(float(candidates.scores[i]))}" for i in final]
    second = labelled_boxes(candidates.visible(final), names, [PREDICTION] * len(final))
    left, right = stage.columns(2, gap="medium")
    for container, scene, boxes, key, caption in (
        (left, first, [], "proposals_photo", f"First stage: {shown} of {total} proposals"),
        (right, small, second, "second_photo", f"Second stage: {len(final)} detection{'' if len(final) == 1 else 's'}"),
    ):
        with container:
            picture(
                jpeg_url(scene),
                photo.size,
                key=key,
                alt=f"{caption}. {photo.description}",
                caption=caption,
                max_height=480,
                boxes=boxes,
            )
