"""Page 6, tiles: small objects that are found on tiles of the photo's file, and the merging of their boxes (SAHI)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.boxes import GROUND_TRUTH, NEUTRAL, PREDICTION, WRONG
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.boxes import counts
from cnn_demo.exports.full_size import file_pixels, file_size
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import TILES
from cnn_demo.models import load_detector
from cnn_demo.models.detection.tiled import (
    METHODS,
    METRICS,
    THRESHOLD,
    WHOLE,
    Merged,
    TiledBoxes,
    detect_in_tiles,
    merge,
)
from cnn_demo.models.tiling import Tile, tiles
from cnn_demo.results import percent
from cnn_demo.ui.components.picture import LabelledBox, labelled_boxes, picture
from cnn_demo.ui.detection.state import pick_detector
from cnn_demo.ui.detection.tile_figures import show_merged, show_times, tiles_of_count
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.cached_progress import stoppable
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider, counted

SIZE, OVERLAP, SHOWN = "tiles_size", "tiles_overlap", "tiles_shown"
DROP_CUT = "tiles_drop_cut"
METHOD, METRIC, LIMIT = "tiles_merging", "tiles_metric", "tiles_threshold"
AUTO = 0  # stands for the largest tiles of which the photo has at least `FEWEST`
DEFAULTS: dict[str, Any] = {
    SIZE: AUTO,
    OVERLAP: 20,
    DROP_CUT: True,
    SHOWN: "merged",
    METHOD: "nmm",
    METRIC: "ios",
    LIMIT: round(100 * THRESHOLD),
}
SIZES = (160, 240, 320, 480, 640, 960, 1280, 1920)
FEWEST, MOST = 4, 64  # tiles of a photo
SHOW = {"merged": "Merged", "before": "Before merging", "whole": "Whole photo"}
SHOWN_SIDE = 1280  # pixels of the longer side that are sent to the browser: small objects should be recognizable


@fragment
def tiles_view(photo: Photo) -> None:
    """Show the detections of the whole photo and of its tiles, and how they are merged.

    Args:
        photo: The visitor's photo; its file has all pixels.
    """
    panel, stage, details = controls_picture_and_details("tiles", TILES)
    with panel:
        spec, side = pick_detector()
        size, overlap, drop_cut = _tile_controls()
        confidence = confidence_slider(spec.threshold)
        shown = choose("Boxes", SHOW, key=SHOWN, default=DEFAULTS[SHOWN])
        method, metric, threshold = _merge_controls()
    parts, used = tiles_within_limit(file_size(photo), size, overlap)
    with stage:
        found = _found(photo, spec.key, side, parts, st.empty())
        if found is None:
            st.info("The tiles were stopped: continue when you like.", icon=":material/play_arrow:")
            return
        cut = int((found.cut & (found.scores > confidence)).sum())
        merged = merge(found.without_cut() if drop_cut else found, confidence, method, metric, threshold)
        _picture(photo, found, merged, shown, used)
        st.markdown(in_words(merged, found, cut if drop_cut else 0))
    with details:
        if size not in (used, AUTO):
            wanted = len(tiles(file_size(photo), size, overlap))
            st.info(
                f"Tiles of {size} pixels would be {wanted:,}, more than the {MOST} that run here: these have {used} "
                "pixels.",
                icon=":material/grid_on:",
            )
        show_times(photo, found, used)
        show_merged(merged)
        st.caption(
            f"Each tile is resized to {side} pixels, as the whole photo is, so that an object in it becomes larger "
            "([Akyon et al. 2022](https://arxiv.org/abs/2202.06934)). A tile also lacks the rest of the "
            "photo: a part of an object, or an object without its surroundings, may get a wrong class."
        )


def _tile_controls() -> tuple[int, float, bool]:
    size = st.select_slider(
        "Tile size",
        (AUTO, *SIZES),
        DEFAULTS[SIZE],
        format_func=lambda pixels: f"{pixels} px" if pixels else "Auto",
        key=SIZE,
        bind="query-params",
        help=(
            "Height and width of a tile, in pixels of the photo's file. Smaller tiles enlarge objects more. "
            f"*Auto*: the largest tiles of which the photo has at least {FEWEST}."
        ),
    )
    overlap = st.slider(
        "Overlap of tiles",
        0,
        50,
        DEFAULTS[OVERLAP],
        5,
        format="%d%%",
        key=OVERLAP,
        bind="query-params",
        help="At least this much: an object in the overlap is whole in at least one tile if it is no larger.",
    )
    drop_cut = st.toggle(
        "Drop boxes that a tile cuts",
        DEFAULTS[DROP_CUT],
        key=DROP_CUT,
        bind="query-params",
        help=(
            "A box that ends at the edge of its tile may be a part of a larger object, and parts often get a wrong "
            "class. Tiles then find only objects that fit into one of them."
        ),
    )
    return size, overlap / 100, drop_cut


def _merge_controls() -> tuple[str, str, float]:
    method = choose(
        "Merge by",
        METHODS,
        key=METHOD,
        default=DEFAULTS[METHOD],
        help="NMS keeps the most confident box of a group; greedy merging takes the box around all of them.",
    )
    metric = choose(
        "Overlap of boxes",
        METRICS,
        key=METRIC,
        default=DEFAULTS[METRIC],
        help=(
            "IoS: intersection over the smaller box. For a part of an object within the whole one it is high, while "
            "the IoU is low."
        ),
    )
    threshold = st.slider(
        f"{METRICS[metric]} threshold",
        5,
        95,
        DEFAULTS[LIMIT],
        5,
        format="%d%%",
        key=LIMIT,
        bind="query-params",
        help="Boxes of one class with a larger overlap are merged.",
    )
    return method, metric, threshold / 100


def tiles_within_limit(size: tuple[int, int], tile: int, overlap: float) -> tuple[tuple[Tile, ...], int]:
    """Return the tiles of a photo, at most `MOST`, and their size; they are larger if there would be more.

    Args:
        size: (height, width) of the photo's file.
        tile: Wanted size of a tile, in pixels, or `AUTO`.
        overlap: Overlap of neighbouring tiles, 0 to below 1.
    """
    if tile == AUTO:
        tile = next((each for each in SIZES[::-1] if len(tiles(size, each, overlap)) >= FEWEST), SIZES[0])
    parts = tiles(size, tile, overlap)
    while len(parts) > MOST:
        tile = next((larger for larger in SIZES if larger > tile), 2 * tile)
        parts = tiles(size, tile, overlap)
    return parts, tile


def _found(photo: Photo, key: str, side: int, parts: tuple[Tile, ...], container: DeltaGenerator) -> TiledBoxes | None:
    """Return the boxes of the photo and of all its tiles; None if the visitor has stopped the run."""

    def run(report: Callable[[float], None]) -> TiledBoxes:
        detector, pixels = load_detector(key), file_pixels(photo)
        detector.candidates(pixels, side)  # a first run compiles, and is not timed
        last = None
        for last in detect_in_tiles(detector, pixels, parts, side):
            report((1 + last.done) / (1 + len(parts)))
        if last is None:
            raise ValueError("A photo is detected at least once.")
        return last

    name = ("tiles", photo.key, key, side, parts)
    return stoppable([photo], name, f"The whole photo and {tiles_of_count(len(parts))}…", container, run)


def _picture(photo: Photo, found: TiledBoxes, merged: Merged, shown: str, used: int) -> None:
    boxes = [*_tile_outlines(photo, found), *shown_boxes(photo, merged, shown)]
    picture(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key="tiles_photo",
        alt=f"The photo with {tiles_of_count(len(found.tiles))} and {boxes_of_count(len(merged.merged_xyxy))}. "
        f"{photo.description}",
        max_height=520,
        boxes=boxes,
    )
    outlines = f"the {tiles_of_count(len(found.tiles))} of {used} px" if len(found.tiles) > 1 else "the tile"
    st.caption(f"Amber: found on the whole photo. Green: **found only in tiles**. Grey: {outlines}.")


def shown_boxes(photo: Photo, merged: Merged, shown: str) -> list[LabelledBox]:
    """Return the boxes of a choice of `SHOW`, in pixels of the reduced photo, the most confident on top.

    Args:
        photo: The photo.
        merged: The merged boxes, in pixels of the file.
        shown: "merged", "before" or "whole".
    """
    if shown == "merged":
        boxes, index, in_tiles = merged.merged_xyxy, merged.leaders, merged.only_in_tiles
    else:
        index = np.flatnonzero(merged.sources == WHOLE) if shown == "whole" else np.arange(len(merged.scores))
        boxes, in_tiles = merged.boxes_xyxy[index], merged.sources[index] != WHOLE
    names = [f"{merged.labels[merged.class_ids[k]]} {percent(float(merged.scores[k]))}" for k in index]
    colours = [GROUND_TRUTH if alone else PREDICTION for alone in in_tiles]
    joined = merged.leader[index] != index
    if shown == "before":  # boxes that go into another one are red and without a label
        names = ["" if gone else name for name, gone in zip(names, joined, strict=True)]
        colours = [WRONG if gone else colour for colour, gone in zip(colours, joined, strict=True)]
    return labelled_boxes(_on_photo(photo, boxes), names, colours)[::-1]


def _tile_outlines(photo: Photo, found: TiledBoxes) -> list[LabelledBox]:
    corners = np.array([part.xyxy for part in found.tiles], float)
    count = len(corners)
    return labelled_boxes(_on_photo(photo, corners), [""] * count, [NEUTRAL] * count, 1)


def _on_photo(photo: Photo, boxes: np.ndarray) -> np.ndarray:
    """Scale boxes (N, 4) from pixels of the file to pixels of the reduced photo."""
    (height, width), (rows, columns) = file_size(photo), photo.size
    return np.asarray(boxes, float).reshape(-1, 4) * ([columns / width, rows / height] * 2)


def in_words(merged: Merged, found: TiledBoxes, dropped: int = 0) -> str:
    """Return which objects are found, which only in tiles, how many boxes were merged, and what to make of it.

    Args:
        merged: The merged boxes.
        found: The boxes of the photo and of its tiles.
        dropped: Number of boxes above the confidence threshold that were dropped because a tile cuts them.
    """
    alone, gone = int(merged.only_in_tiles.sum()), len(merged.scores) - len(merged.leaders)
    lost, count = int(merged.only_in_whole.sum()), len(found.tiles)
    where = "the tile" if count == 1 else f"the {count} tiles"
    words = (
        f"{counted(counts(merged.detections()))}. **{alone}** found only in {where}, {lost} only "
        f"on the whole photo; **{gone}** of {boxes_of_count(len(merged.scores))} merged into another one."
    )
    if dropped:
        words += f" {boxes_of_count(dropped)} that a tile cuts {'was' if dropped == 1 else 'were'} dropped."
    if alone:
        return f"{words} **Look at each green box**: a tile shows less of the photo, so the box may be wrong."
    return f"{words} No object is found only in tiles here: tiles help where objects are small."
