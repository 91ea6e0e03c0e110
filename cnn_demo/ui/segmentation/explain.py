"""Page 7, explain: which pixels the class of one pixel, or of one region, depends on, and through which level."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.lessons.leads import EXPLAIN_PIXEL
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec, load_segmenter
from cnn_demo.models.explanation.one_prediction import Explanation, explain_layers, probe_of
from cnn_demo.models.explanation.targets import PixelTarget, RegionTarget
from cnn_demo.models.explanation.unet_probe import LevelScores, UnetProbe
from cnn_demo.models.segmentation.unet_ablation import can_be_opened
from cnn_demo.models.segmentation.unet_fields import has_known_fields, pixel_fields
from cnn_demo.results import Segmentation, duration, percent
from cnn_demo.ui.components.picture import labelled_boxes
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.segmentation import explain_object, explain_where
from cnn_demo.ui.segmentation.explain_object import METHOD, OPACITY, object_view
from cnn_demo.ui.segmentation.explain_where import Where, pick_kind, pick_where, regions_of, where_photo
from cnn_demo.ui.segmentation.state import segmentation_of
from cnn_demo.ui.segmentation.unet_internals import UNET
from cnn_demo.ui.widgets import masking_job
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.curve_charts import curves_of
from cnn_demo.ui.widgets.explanation_views import (
    heat_card,
    heat_picture,
    other_engine,
    pick_method,
    without_gradients,
)
from cnn_demo.ui.widgets.heatmap_controls import legend, opacity_slider
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model
from cnn_demo.ui.widgets.picture_cards import picture_cards

LEVEL = "explain_level"
DEFAULTS: dict[str, Any] = {
    LEVEL: "1/32",
    **explain_where.DEFAULTS,
    **explain_object.DEFAULTS,
    **masking_job.DEFAULTS,
}
METHOD_TITLES = {"layer_cam": "Layer-CAM", "grad_cam": "Seg-Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++"}
SMALL_DROP = 0.02  # of a score: levels without which it falls by less are not needed
FIELD_COLOUR = "#ffffff"
_NOTE = (
    "All are computed from the gradient of the class logit of the chosen pixels alone, as in "
    "[Vinogradova et al. 2020](https://arxiv.org/abs/2002.11434). Seg-Grad-CAM and Grad-CAM++ average each gradient "
    "over all positions: similar pixels elsewhere light up as well."
)


@fragment
def explain_view(photo: Photo) -> None:
    """Let the visitor choose a pixel, a region or an object, and show which pixels its prediction depends on."""
    panel, stage, details = controls_picture_and_details("explain", EXPLAIN_PIXEL)
    with panel:
        kind = pick_kind()
    if kind == "object":
        object_view(photo, panel, stage, details)
        return
    with panel:
        spec = pick_model(UNET, "U-Net", task="semantic-segmentation", fits=can_be_opened)
        load_with_spinner(spec, load_segmenter)
    segmentation = segmentation_of(photo, spec.key, None, "whole")
    with panel:
        where = pick_where(photo, spec.key, kind)
        method = pick_method(METHOD, explain_object.DEFAULTS[METHOD], METHOD_TITLES, _NOTE)
    levels = _explained(photo, spec.key, where.kind, where.at, where.class_id, method)
    with panel:
        level = f"encoder {_pick_level(levels)}"
        opacity = opacity_slider(OPACITY, explain_object.DEFAULTS[OPACITY])
        legend("no influence", "most")
    explanation = levels[level]
    with stage:
        choice, heat = st.columns(2, gap="medium")
        with choice:
            where_photo(photo, spec.key, where)
        with heat:
            _heat(photo, spec, where, level, opacity, explanation)
        st.caption(_how(photo, spec, where, explanation))
    with details:
        _details(photo, spec, segmentation, where, levels, explanation, opacity)


def _pick_level(levels: dict[str, Explanation]) -> str:
    """Let the visitor choose a level of the encoder that the network has; return it without the word "encoder"."""
    names = [name.rpartition(" ")[2] for name in levels]
    if st.session_state.get(LEVEL, DEFAULTS[LEVEL]) not in names:
        st.session_state[LEVEL] = DEFAULTS[LEVEL]
    return choose(
        "Encoder level",
        names,
        key=LEVEL,
        default=DEFAULTS[LEVEL],
        help=(
            "Where in the encoder the feature maps are: 1/32 are the coarsest ones, at a thirty-second of the input's "
            "resolution; the others reach the decoder through a skip connection."
        ),
        persist_state="session",
    )


def _target(photo: Photo, key: str, kind: str, at: tuple[int, ...], class_id: int) -> PixelTarget | RegionTarget:
    if kind == "pixel":
        return PixelTarget(at[0], at[1], class_id)
    return RegionTarget(regions_of(photo, key).mask(at[0]), class_id)


def _probe(photo: Photo, key: str, kind: str, at: tuple[int, ...], class_id: int) -> UnetProbe:
    probe = probe_of(load_segmenter(key), photo.pixels, _target(photo, key, kind, at, class_id))
    assert isinstance(probe, UnetProbe)
    return probe


@photo_cache("Computing the gradients…", queued=True)
def _explained(
    photo: Photo, key: str, kind: str, at: tuple[int, ...], class_id: int, method: str
) -> dict[str, Explanation]:
    """Return the explanation at each level, which must not be modified."""
    segmenter = load_segmenter(key)
    target = _target(photo, key, kind, at, class_id)
    return timed_warm(
        segmenter, lambda: explain_layers(segmenter, photo.pixels, target, method), ("explanation", photo.size)
    )


@photo_cache("Switching the levels off…", queued=True)
def _level_scores(photo: Photo, key: str, kind: str, at: tuple[int, ...], class_id: int) -> LevelScores:
    return _probe(photo, key, kind, at, class_id).level_scores()


@photo_cache("Computing the gradients…", queued=True)
def _influence(photo: Photo, key: str, at: tuple[int, ...], class_id: int) -> np.ndarray:
    """Return the influence of each pixel of the photo on the logit of one of them, the largest being 1."""
    probe = _probe(photo, key, "pixel", at, class_id)
    values = np.sqrt(probe.influence())  # otherwise only the pixel itself would be seen
    return np.clip(probe.on_photo(values / max(float(values.max()), 1e-30)), 0, 1)


def _heat(photo: Photo, spec: ModelSpec, where: Where, level: str, opacity: float, explanation: Explanation) -> None:
    """The map of one level, with the receptive field of the pixel through that level."""
    caption = f"{METHOD_TITLES[explanation.method]} at {_titled(level)}."
    boxes = []
    if where.kind == "pixel" and has_known_fields(spec):
        corners = _frames(photo, spec, where).get(level)
        caption += (
            " Through it, the pixel depends on the whole photo."
            if corners is None
            else " Frame: the receptive field through this level."
        )
        boxes = [] if corners is None else labelled_boxes([corners], [""], [FIELD_COLOUR], 2)
    heat_picture(
        photo,
        explanation.map,
        opacity,
        key="explain_heat",
        subject=f"the class of this {where.kind}",
        caption=caption,
        marks=where.marks,
        boxes=boxes,
    )


def _frames(photo: Photo, spec: ModelSpec, where: Where) -> dict[str, np.ndarray]:
    """Return the corners of the pixel's receptive field on the photo, by the levels that do not reach all of it."""
    whole = (0, 0, *photo.size[::-1])
    fields = pixel_fields(spec, load_segmenter(spec.key).frame(photo.size), *where.at)
    on_photo = {level: np.clip(corners, 0, whole[2:] * 2) for level, corners in fields.items()}
    return {level: corners for level, corners in on_photo.items() if not np.array_equal(corners, whole)}


@photo_cache(queued=True)
def _predicted(photo: Photo, key: str, kind: str, at: tuple[int, ...], class_id: int) -> float:
    """Return the score of the class as the engine computes it that predicts."""
    probe = _probe(photo, key, kind, at, class_id)
    return probe.score(probe.picture)


def _how(photo: Photo, spec: ModelSpec, where: Where, explanation: Explanation) -> str:
    """Return how the map was computed, and by which copy of the network."""
    segmenter = load_segmenter(spec.key)
    predicted = _predicted(photo, spec.key, where.kind, where.at, where.class_id)
    words = f"{where.words}: **{segmenter.labels[where.class_id]}, {percent(predicted)}**. "
    words += f"Gradients at all levels in **{duration(explanation.milliseconds)}** "
    words += f"{on_device(segmenter.device, 'torch')}."
    return words + other_engine(segmenter.engine, explanation.score, predicted)


def _details(
    photo: Photo,
    spec: ModelSpec,
    segmentation: Segmentation,
    where: Where,
    levels: dict[str, Explanation],
    explanation: Explanation,
    opacity: float,
) -> None:
    """The levels beside each other, the receptive field, the test of the map, and methods without gradients."""
    target = (where.kind, where.at, where.class_id)
    st.subheader("Which level of the encoder carries it?", anchor=False)
    scores = _level_scores(photo, spec.key, *target)
    st.markdown(carried_by(scores))
    _cards(photo, levels, scores, opacity)
    if where.kind == "pixel":
        st.subheader("The receptive field of this pixel", anchor=False)
        _receptive_field(photo, spec, where, opacity)
    probe = _probe(photo, spec.key, *target)
    name = (photo.key, spec.key, *target)
    title = METHOD_TITLES[explanation.method]
    milliseconds = segmentation.milliseconds
    st.subheader("Is the map faithful?", anchor=False)
    curves_of(photo, name, title, probe, explanation, milliseconds, "class score", "explain")
    st.subheader("The same without gradients", anchor=False)
    draw = partial(_masked, photo, where, opacity)
    without_gradients(photo, name, probe, explanation, milliseconds, "class score", draw)


def _masked(photo: Photo, where: Where, opacity: float, values: np.ndarray) -> None:
    heat_picture(
        photo,
        values,
        opacity,
        key="explain_masked",
        subject=f"the class of this {where.kind}",
        caption="The pixels that this class needs.",
        marks=where.marks,
    )


def carried_by(scores: LevelScores) -> str:
    """Return in a sentence or two which level of the encoder carries the class, as Markdown."""
    how = "A level that is switched off carries only the mean of each of its feature maps, without positions."
    name = max(scores.drops, key=scores.drops.__getitem__)
    if scores.drops[name] >= SMALL_DROP:
        return (
            f"**{_titled(name).capitalize()} carries it most**: without it the class score falls from "
            f"{percent(scores.score)} to **{percent(scores.without[name])}**, further than without any other level. "
            f"{how}"
        )
    best = max(scores.alone, key=scores.alone.__getitem__)
    return (
        f"**No single level is needed**: without any one of them the class score, {percent(scores.score)}, falls by "
        f"less than {percent(SMALL_DROP)}. With one level alone it is highest with **{_titled(best)}**: "
        f"{percent(scores.alone[best])}. {how}"
    )


def _titled(level: str) -> str:
    return level.replace("encoder", "level")


def _cards(photo: Photo, levels: dict[str, Explanation], scores: LevelScores, opacity: float) -> None:
    cards = [
        heat_card(
            photo,
            each.map,
            opacity,
            _titled(name).capitalize(),
            (f"Without it: {percent(scores.without[name])}", f"Alone: {percent(scores.alone[name])}"),
        )
        for name, each in levels.items()
    ]
    picture_cards(cards, width=150, columns=5, ratio=f"{photo.size[1]} / {photo.size[0]}")


def _receptive_field(photo: Photo, spec: ModelSpec, where: Where, opacity: float) -> None:
    """The theoretical receptive fields through each level as frames, the effective one as a map."""
    boxes = []
    if has_known_fields(spec):
        frames = _frames(photo, spec, where)
        names = [level.rpartition(" ")[2] for level in frames]
        boxes = labelled_boxes(list(frames.values()), names, [FIELD_COLOUR] * len(frames), 2)
    heat_picture(
        photo,
        _influence(photo, spec.key, where.at, where.class_id),
        opacity,
        key="explain_field",
        subject="the class of this pixel",
        caption="Frames: the receptive fields. Colours: the effective one.",
        marks=where.marks,
        boxes=boxes,
    )
    st.caption(
        "A frame shows all pixels that this one can depend on through one level of the encoder, computed from kernels "
        "and strides; a level without a frame reaches the whole photo. The colours show how much of it this network "
        "uses here: the gradient of the logit with respect to each pixel. Its square root is shown, so that weak "
        "influence is seen too."
    )
