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
from cnn_demo.machine import on_device
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
from cnn_demo.results import duration, percent
from cnn_demo.ui.components.picture import LabelledBox, labelled_boxes, picture
from cnn_demo.ui.detection.state import pick_detector
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.cached_progress import stoppable
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider, counted

SIZE, OVERLAP, SHOWN = "tiles_size", "tiles_overlap", "tiles_shown"
METHOD, METRIC, LIMIT = "tiles_merging", "tiles_metric", "tiles_threshold"
DEFAULTS: dict[str, Any] = {
    SIZE: 480,
    OVERLAP: 20,
    SHOWN: "merged",
    METHOD: "nmm",
    METRIC: "ios",
    LIMIT: round(100 * THRESHOLD),
}
SIZES = (160, 240, 320, 480, 640, 960, 1280)
MOST = 64  # tiles of a photo
SHOW = {"merged": "Merged", "before": "Before merging", "whole": "Whole photo"}
SHOWN_SIDE = 1280  # pixels of the longer side that are sent to the browser: small objects should be recognizable


@fragment
def tiles_view(photo: Photo) -> None:
    """Show the detections of the whole photo and of its tiles, and how they are merged.

    Args:
        photo: The visitor's photo; its file has all pixels.
    """
    panel, stage, details = controls_picture_and_details("tiles")
    with panel:
        spec, side = pick_detector()
        shown = choose("Boxes", SHOW, key=SHOWN, default=DEFAULTS[SHOWN])
        size, overlap = _tile_controls()
        confidence = confidence_slider(spec.threshold)
        method, metric, threshold = _merge_controls()
    parts, used = tiles_within_limit(file_size(photo), size, overlap)
    with stage:
        found = _found(photo, spec.key, side, parts, st.empty())
        if found is None:
            st.info("The tiles were stopped: continue when you like.", icon=":material/play_arrow:")
            return
        merged = merge(found, confidence, method, metric, threshold)
        _picture(photo, found, merged, shown)
        st.markdown(in_words(merged, found))
    with details:
        if used != size:
            wanted = len(tiles(file_size(photo), size, overlap))
            st.info(
                f"Tiles of {size} pixels would be {wanted:,}, more than the {MOST} that run here: these have {used} "
                "pixels.",
                icon=":material/grid_on:",
            )
        _in_numbers(photo, found, used)
        _groups(merged)
        st.caption(
            f"Each tile is resized to {side} pixels, as the whole photo is, so that an object in it becomes larger "
            "([Akyon et al. 2022](https://arxiv.org/abs/2202.06934)). A tile also lacks the rest of the "
            "photo: parts of an object, or things without their surroundings, may get a wrong class."
        )


def tiles_of_count(count: int) -> str:
    """Return the number of tiles in words, such as "1 tile"."""
    return f"{count} tile{'' if count == 1 else 's'}"


def _tile_controls() -> tuple[int, float]:
    size = st.select_slider(
        "Tile size",
        SIZES,
        DEFAULTS[SIZE],
        format_func=lambda pixels: f"{pixels} px",
        key=SIZE,
        bind="query-params",
        help="Height and width of a tile, in pixels of the photo's file. Smaller tiles enlarge objects more.",
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
    return size, overlap / 100


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
        tile: Wanted size of a tile, in pixels.
        overlap: Overlap of neighbouring tiles, 0 to below 1.
    """
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


def _picture(photo: Photo, found: TiledBoxes, merged: Merged, shown: str) -> None:
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
    st.caption("Amber: found on the whole photo. Green: **found only in tiles**. Grey: the tiles.")


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


def in_words(merged: Merged, found: TiledBoxes) -> str:
    """Return which objects are found, which only in tiles, and how many boxes were merged."""
    alone, gone = int(merged.only_in_tiles.sum()), len(merged.scores) - len(merged.leaders)
    lost, count = int(merged.only_in_whole.sum()), len(found.tiles)
    where = "the tile" if count == 1 else f"the {count} tiles"
    return (
        f"{counted(counts(merged.detections()))}. **{alone}** found only in {where}, {lost} only "
        f"on the whole photo; **{gone}** of {boxes_of_count(len(merged.scores))} merged into another one."
    )


def _in_numbers(photo: Photo, found: TiledBoxes, used: int) -> None:
    height, width = file_size(photo)
    where = on_device(found.device, found.engine)
    title = f"{tiles_of_count(len(found.tiles))} of {used} px"
    grid = st.grid(3, min_column_width=120)
    grid.metric("Whole photo", duration(found.whole_milliseconds), border=True)
    grid.metric(title, duration(found.tiles_milliseconds), border=True)
    grid.metric("Times as long", f"{found.tiles_milliseconds / max(found.whole_milliseconds, 0.1):.0f} ×", border=True)
    st.caption(f"The file has {width} × {height} pixels. Each run is timed {where}.")


def _groups(merged: Merged) -> None:
    """List the merged boxes with the boxes that went into each."""
    if not len(merged.leaders):
        return
    members = [merged.leader == k for k in merged.leaders]
    width = merged.merged_xyxy[:, 2] - merged.merged_xyxy[:, 0]
    height = merged.merged_xyxy[:, 3] - merged.merged_xyxy[:, 1]
    st.dataframe(
        {
            "Class": [merged.labels[merged.class_ids[k]] for k in merged.leaders],
            "Confidence": [100 * float(merged.scores[k]) for k in merged.leaders],
            "Found": [
                "only in tiles" if tiles_only else "only on the photo" if whole_only else "both"
                for tiles_only, whole_only in zip(merged.only_in_tiles, merged.only_in_whole, strict=True)
            ],
            "Boxes": [int(group.sum()) for group in members],
            "Width": width.round().astype(int),
            "Height": height.round().astype(int),
        },
        key="tiles_groups",
        hide_index=True,
        height=min(35 * (len(members) + 1) + 3, 280),
        alt="All merged boxes: class, confidence, where they were found, and how many boxes were merged.",
        column_config={
            "Confidence": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f%%"),
            "Boxes": st.column_config.NumberColumn(help="How many boxes were merged into one."),
            "Width": st.column_config.NumberColumn(format="%d px", help="In pixels of the photo's file."),
            "Height": st.column_config.NumberColumn(format="%d px", help="In pixels of the photo's file."),
        },
    )
