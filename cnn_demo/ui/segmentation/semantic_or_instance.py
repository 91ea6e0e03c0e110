"""Page 7, semantic or instance: both kinds of segmentation of one photo, and their counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import supervision as sv

from cnn_demo.detections import data_column, masks
from cnn_demo.drawing.masks import instance_map
from cnn_demo.drawing.pictures import reduced
from cnn_demo.exports.boxes import counts
from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec
from cnn_demo.models.catalogue.class_names import common_name
from cnn_demo.results import BACKGROUND, Segmentation, duration, percent
from cnn_demo.ui.components.mask_view import mask_view
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.segmentation import classical_instances, instances
from cnn_demo.ui.segmentation.downloads import object_downloads
from cnn_demo.ui.segmentation.instances import MAX_OBJECTS, found_of, object_layers, pick_instances
from cnn_demo.ui.segmentation.state import SHOWN_SIDE, masks_on, pick_segmenter, resized_map, segmentation_of
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.detection_controls import counted
from cnn_demo.ui.widgets.model_picker import official_instead

DEFAULTS: dict[str, Any] = {**instances.DEFAULTS, **classical_instances.DEFAULTS}
_HEIGHT = 440  # CSS pixels
FEW_CLASSES = 5  # so few are all named if no object is found


@fragment
def objects_view(photo: Photo) -> None:
    """Show the classes and the objects of one photo beside each other."""
    panel, stage, details = controls_picture_and_details("objects")
    with panel:
        spec, side, mode = pick_segmenter(photo)
        finder, finder_side, confidence = pick_instances()
    semantic, instance = stage.columns(2, gap="medium")
    with semantic:
        segmentation = segmentation_of(photo, spec.key, side, mode)
        masks_on(photo, segmentation, key="objects_semantic", max_height=_HEIGHT, name_of=common_name)
        st.markdown("**Semantic**: a class for every pixel")
    with instance:
        found = found_of(photo, finder.key, finder_side, confidence)
        _show_objects(photo, found)
        st.markdown("**Instance**: a mask for every object")
    with details:
        st.subheader("Classes and objects", anchor=False)
        _in_words(segmentation, found, finder)
        _table(segmentation, found)
        st.caption(_inference_caption(found, finder))
        if len(found):
            object_downloads(photo, finder, found)
        st.subheader("Classical instance segmentation", anchor=False)
        classical_instances.classical_view(photo, spec.key, side, mode, finder.key, finder_side, confidence)


def _show_objects(photo: Photo, found: sv.Detections) -> None:
    small = reduced(photo.pixels, SHOWN_SIDE)
    summary = ", ".join(f"{count} × {name}" for name, count in counts(found).items()) or "nothing found"
    mask_view(
        small,
        resized_map(instance_map(found, photo.size), small.shape[:2]),
        object_layers(found),
        key="objects_instance",
        alt=f"The photo with a mask for each object: {summary}. {photo.description}",
        legend="Objects, each with the fraction of the photo that it covers",
        hint="Point at the photo or tap it to see the object.",
        max_height=_HEIGHT,
    )


def _inference_caption(found: sv.Detections, finder: ModelSpec) -> str:
    facts = found.metadata
    where = on_device(facts["device"], facts["engine"])
    words = f"{finder.title}: **{duration(facts['milliseconds'])}** {where}. {finder.training_data} "
    if len(found):  # else said above the table
        words += official_instead(finder)
    if len(found) == MAX_OBJECTS:
        words += f" These are the {MAX_OBJECTS} most confident."
    return words


def _in_words(segmentation: Segmentation, found: sv.Detections, finder: ModelSpec) -> None:
    foreground = float(segmentation.foreground().mean())
    classes = sum(label != BACKGROUND for label in segmentation.coverage())
    layers = masks(found).sum(axis=0, dtype=np.uint8)  # no more than `MAX_OBJECTS`
    masked, shared = float((layers > 0).mean()), float((layers > 1).mean())
    semantic, instance = two_cells()
    semantic.markdown(
        f"Semantic segmentation assigns **{classes}** {_plural('class', 'es', classes)} to **{percent(foreground)}** "
        "of the photo. It cannot count: objects of one class that touch are one area."
    )
    if not len(found):
        instance.markdown(f"Instance segmentation finds **no object**. {_advice(finder)}")
        return
    objects = counted(counts(found)).rstrip(".")
    instance.markdown(
        f"Instance segmentation finds **{len(found)}** {_plural('object', 's', len(found))}: {objects}. Its masks "
        f"cover **{percent(masked)}** of the photo; the rest has no prediction. **{percent(shared)}** is covered by "
        "two or more: masks may overlap, classes cannot."
    )


def _advice(finder: ModelSpec) -> str:
    """Return why a network may have found no object, and what to try."""
    if len(finder.labels) > FEW_CLASSES:
        return "Lower its confidence threshold, or choose another model."
    words = (
        f"Its only classes are {' and '.join(finder.labels)}: if the photo shows one, lower its confidence threshold. "
    )
    return words + (official_instead(finder) or "For other objects, choose a model with more classes.")


def _plural(word: str, ending: str, count: int) -> str:
    return word if count == 1 else word + ending


def compared(segmentation: Segmentation, found: sv.Detections) -> pd.DataFrame:
    """Return the pixels and objects of each class by both predictions; classes have their common names.

    Returns:
        Columns "Class", "Pixels, semantic" and "Pixels, instances" in percent of the photo, and "Objects"; empty if
        a prediction lacks the class.
    """
    fractions: dict[str, float] = {}
    for label, fraction in segmentation.coverage().items():
        if label != BACKGROUND:
            fractions[common_name(label)] = fractions.get(common_name(label), 0.0) + fraction
    objects = counts(found)
    names = [*fractions, *(name for name in objects if common_name(name) not in fractions)]
    own = {common_name(name): name for name in objects}
    rows = [
        {
            "Class": name,
            "Pixels, semantic": 100 * fractions[name] if name in fractions else None,
            "Pixels, instances": 100 * _masked_fraction(found, own[name]) if name in own else None,
            "Objects": objects[own[name]] if name in own else None,
        }
        for name in (common_name(name) for name in names)
    ]
    frame = pd.DataFrame(rows, columns=["Class", "Pixels, semantic", "Pixels, instances", "Objects"])
    return frame.astype({"Pixels, semantic": float, "Pixels, instances": float, "Objects": float})


def _masked_fraction(found: sv.Detections, name: str) -> float:
    return float(masks(found)[data_column(found, "class_name") == name].any(axis=0).mean())


def _table(segmentation: Segmentation, found: sv.Detections) -> None:
    frame = compared(segmentation, found)
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        key="objects_table",
        hide_index=True,
        height=min(35 * (len(frame) + 1) + 3, 320),
        alt="Each class with its pixels in both predictions, and its number of objects.",
        placeholder="–",
        column_config={
            "Pixels, semantic": number(format="%.1f%%", help="Fraction of the photo with this class."),
            "Pixels, instances": number(format="%.1f%%", help="Fraction of the photo covered by masks of this class."),
            "Objects": number(format="%d", help="Only instance segmentation can count."),
        },
    )
