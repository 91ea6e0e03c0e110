"""Page 4, compare classes: the regions, the channels and the smallest patch that decide between two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.drawing.heatmaps import blend, overlay, peak_position
from cnn_demo.drawing.pictures import signed_colours
from cnn_demo.exports.evidence import evidence_zip
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import COMPARE_CLASSES
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.contrast import ChannelEvidence, Contrast, contrast
from cnn_demo.models.explanation.smallest_patch import PatchSearch
from cnn_demo.results import Classification, percent
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.pretrained.contrast.channels import show_channels
from cnn_demo.ui.pretrained.contrast.patch import show_patch
from cnn_demo.ui.pretrained.contrast.question import Pair, ask
from cnn_demo.ui.pretrained.one_network import one_network
from cnn_demo.ui.pretrained.questions import classified
from cnn_demo.ui.widgets.file_buttons import file_buttons, stem_of
from cnn_demo.ui.widgets.heatmap_controls import is_small, legend, picture_url
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards


@fragment
def contrast_view(photo: Photo) -> None:
    """Show the evidence for one class and against another.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details, model = one_network("contrast", COMPARE_CLASSES)
    prediction = classified(photo, model)
    with panel:
        pair = ask(model, prediction)
        legend("for B", "for A", signed=True)
    if pair is None:
        stage.info("Choose two different classes to compare them.", icon=":material/compare:")
        return
    seen = model.prepare(photo.pixels)
    with stage:
        maps = _maps(photo, model, pair.indices, pair.strength, pair.layer)
        st.markdown(_probabilities(prediction, pair))
        _show_maps(photo, seen, pair, maps)
    with details:
        found = show_patch(photo, model, seen, pair)
        evidence = show_channels(photo, model, seen, pair)
        _download(photo, model, seen, prediction, pair, maps, found, evidence)
        st.caption(
            "**How to read them**: Grad-CAM answers “where is the evidence for A?”, and for two similar classes the "
            "maps look alike, because most evidence is shared. Subtracting the other class leaves the evidence that "
            "decides between them. Each map is scaled to its own maximum: even a tiny difference gets a bright spot."
        )


@photo_cache("Computing the maps…", queued=True)
def _maps(photo: Photo, model: Classifier, indices: tuple[int, int], strength: float, layer: str) -> Contrast:
    return contrast(model, model.prepare(photo.pixels), *indices, strength, layer)


def _probabilities(prediction: Classification, pair: Pair) -> str:
    first, second = (percent(float(prediction.probabilities[index])) for index in pair.indices)
    return f"**A: {pair.classes[0]}** {first} · **B: {pair.classes[1]}** {second}."


def _show_maps(photo: Photo, seen: np.ndarray, pair: Pair, maps: Contrast) -> None:
    """Show the maps of both classes and their difference, then the input and Finer-CAM."""
    first, second = pair.classes
    cards = [
        _heat(photo, seen, pair, maps.first, f"A: {first}", "Grad-CAM."),
        _heat(photo, seen, pair, maps.second, f"B: {second}", "Grad-CAM."),
        Card(
            picture_url(blend(seen, signed_colours(maps.difference), pair.opacity)),
            f"Difference of the maps, red for {first}, blue for {second}: {photo.description}",
            "Difference A − B",
            ("Red: evidence for A. Blue: for B.",),
        ),
        Card(picture_url(seen), f"Input of the network: {photo.description}", "Input of the network"),
        _heat(photo, seen, pair, maps.first_only, "A, not B", "Finer-CAM."),
        _heat(photo, seen, pair, maps.second_only, "B, not A", "Finer-CAM."),
    ]
    height, width = seen.shape[:2]
    picture_cards(cards, width=130, columns=3, ratio=f"{width} / {height}", pixelated=is_small(seen))


def _heat(photo: Photo, seen: np.ndarray, pair: Pair, values: np.ndarray, title: str, line: str) -> Card:
    found = f"Brightest region: {peak_position(values)}." if values.any() else "The map is zero: no evidence."
    return Card(
        picture_url(overlay(seen, values, pair.opacity)),
        f"{title}, {line[:-1]} map: {photo.description}",
        title,
        (f"{line} {found}",),
    )


def _download(
    photo: Photo,
    model: Classifier,
    seen: np.ndarray,
    prediction: Classification,
    pair: Pair,
    maps: Contrast,
    found: PatchSearch | None,
    evidence: ChannelEvidence | None,
) -> None:
    def make() -> bytes:
        pictures = {"input": seen}
        arrays = {name: getattr(maps, name) for name in ("first", "second", "first_only", "second_only", "difference")}
        settings = {"classes": pair.classes, "layer": pair.layer, "gamma": pair.strength, "cover": pair.fill}
        figures: dict[str, Any] = {
            "probabilities": dict(zip(pair.classes, prediction.probabilities[list(pair.indices)], strict=True)),
        }
        if found is not None:
            figures["smallest_patch"] = {
                "box_xyxy": found.box_xyxy,
                "probabilities_before": found.before,
                "probabilities_after": found.after,
                "squares_tried": found.tried,
            }
            if found.box_xyxy is not None:
                pictures["patch covered"] = found.covered
        if evidence is not None:
            figures["logit_difference"] = evidence.difference
            figures["channels"] = [
                {"channel": index, "contribution": evidence.contributions[index]} for index in evidence.strongest(10)
            ]
        return evidence_zip(photo, model.spec, pictures, arrays, settings, figures)

    name = f"{stem_of(photo)}_classes.zip"
    help_text = "A zip: photo, maps as pictures and arrays, all figures and settings as JSON, and versions."
    file_buttons("contrast", {"Evidence": (make, name, "application/zip")}, {"Evidence": help_text})
