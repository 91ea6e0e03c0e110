"""Page 4, compare classes: the smallest patch whose covering swaps the two classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.smallest_patch import CELLS, LARGEST, PatchSearch, smallest_patch
from cnn_demo.results import percent
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.pretrained.contrast.question import Pair
from cnn_demo.ui.widgets.cached_progress import stoppable
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import chart_colours
from cnn_demo.ui.widgets.heatmap_controls import is_small, picture_url


def show_patch(photo: Photo, model: Classifier, seen: np.ndarray, pair: Pair) -> PatchSearch | None:
    """Search the patch, with a progress bar, and show it; None if the visitor has stopped the search."""
    st.subheader("The smallest patch that swaps A and B", anchor=False)

    def search(report: Callable[[float], None]) -> PatchSearch:
        return smallest_patch(model, seen, *pair.indices, fill=pair.fill, progress=report)

    name = ("patch", photo.key, model.spec.key, pair.indices, pair.fill)
    found = stoppable([photo], name, "Covering squares of growing size…", st.empty(), search)
    if found is None:
        return None
    picture_container, words = two_cells()
    with picture_container:
        _show(photo, found)
    words.markdown(in_words(pair, found, model.labels[found.top]))
    return found


def _show(photo: Photo, found: PatchSearch) -> None:
    boxes = [] if found.box_xyxy is None else labelled_boxes([found.box_xyxy], [""], [chart_colours().orange])
    picture(
        picture_url(found.covered),
        found.covered.shape[:2],
        key="contrast_patch",
        alt=f"Input of the network with the smallest patch covered that swaps the classes: {photo.description}"
        if boxes
        else f"Input of the network: {photo.description}",
        caption="The covered patch." if boxes else "",
        max_height=240,
        boxes=boxes,
        pixelated=is_small(found.covered),
    )


def in_words(pair: Pair, found: PatchSearch, top: str) -> str:
    """Describe the result of the search.

    Args:
        pair: The classes.
        found: The result.
        top: Most probable class with the patch covered.
    """
    if found.box_xyxy is None:
        return (
            f"**No square swaps them**: {found.tried:,} squares were covered, up to {LARGEST / CELLS:.0%} of the "
            "shorter side. The evidence is spread over the photo, or its surroundings alone are enough."
        )
    x1, y1, x2, y2 = found.box_xyxy
    area = (x2 - x1) * (y2 - y1) / (found.covered.shape[0] * found.covered.shape[1])
    changes = " ".join(
        f"“{label}” goes from {percent(before)} to **{percent(after)}**."
        for label, before, after in zip(pair.classes, found.before, found.after, strict=True)
    )
    winner = pair.classes[int(found.after[1] > found.after[0])]
    third = "" if top == winner else f" The prediction is then “{top}”."
    searched = (
        f"{found.tried:,} squares of growing size were covered; no smaller one on the grid swaps the two."
        if found.largest > 1 / CELLS
        else f"Of {found.tried:,} squares of this size, the smallest on the grid, it swaps the two most clearly."
    )
    return (
        f"**{x2 - x1} × {y2 - y1} pixels, {percent(area)} of the input, decide between them.** {changes}{third}\n\n"
        f"{searched}"
    )
