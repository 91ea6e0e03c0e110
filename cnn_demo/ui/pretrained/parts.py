"""Page 4, parts: regions that a layer tells apart, each with the class that it supports."""

from __future__ import annotations

from html import escape
from typing import Any

import cv2
import numpy as np
import streamlit as st

from cnn_demo.drawing.palette import as_hex, distinct_colours
from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import PARTS
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.feature_maps import feature_maps, rectified_layers
from cnn_demo.models.explanation.parts import CLASSES, FEWEST, MOST, PartEvidence, Parts, factorize, part_evidence
from cnn_demo.results import Classification, percent
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.pretrained.one_network import one_network
from cnn_demo.ui.pretrained.questions import classified, layer_box
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.heatmap_controls import is_small, opacity_slider, picture_url
from cnn_demo.ui.widgets.probability_bars import TABLE

LAYER, COUNT, SHOWN, OPACITY = "parts_layer", "parts_count", "parts_shown", "parts_opacity"
DEFAULTS: dict[str, Any] = {LAYER: None, COUNT: 4, SHOWN: 0, OPACITY: 70}
BRIGHTEST = 98  # percentile of the strengths that gets the full colour
THUMBNAIL = 160  # pixels
_CELL = "padding:4px 10px 4px 0;border:0;text-align:left"
_SWATCH = '<span style="display:inline-block;width:14px;height:14px;border-radius:3px;background:{}"></span>'


@fragment
def parts_view(photo: Photo) -> None:
    """Show the parts of a layer's feature maps over the photo.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details, model = one_network("parts", PARTS)
    prediction = classified(photo, model)
    with panel:
        layer = layer_box(LAYER, rectified_layers(model.network), "Its feature maps are taken apart.")
        wanted = st.slider("Number of parts", FEWEST, MOST, DEFAULTS[COUNT], key=COUNT, bind="query-params")
    with stage:
        parts, evidence = _parts(photo, model, layer, wanted)
    with panel:
        shown = _shown(parts.count)
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY], "Opacity of the parts")
    seen = model.prepare(photo.pixels)
    picture_container, table_container = stage.columns([6, 7], gap="medium")
    with picture_container:
        _picture(photo, seen, parts, shown, opacity)
    with table_container:
        st.markdown(verdict(parts, evidence, prediction, layer))
        _one_by_one(seen, parts, evidence, model, shown)
        _table(parts, evidence, prediction)
    with details:
        _explained(evidence)


@photo_cache("Taking the maps apart…", queued=True)
def _parts(photo: Photo, model: Classifier, layer: str, count: int) -> tuple[Parts, PartEvidence]:
    seen = model.prepare(photo.pixels)
    maps = feature_maps(model, seen, layer)
    parts = factorize(maps, count)
    return parts, part_evidence(model, seen, layer, maps, parts)


def _shown(count: int) -> int:
    """Return the index of the part that is shown alone, from 1; 0 for all."""
    if st.session_state.get(SHOWN, 0) not in range(count + 1):
        st.session_state[SHOWN] = 0
    options = {0: "All"} | {index: str(index) for index in range(1, count + 1)}
    return choose("Part", options, key=SHOWN, default=DEFAULTS[SHOWN], help="A click on a picture below does the same.")


def painted(seen: np.ndarray, parts: Parts, shown: int, opacity: float) -> np.ndarray:
    """Paint parts over an image.

    Args:
        seen: (h, w, 3) uint8.
        parts: Its parts.
        shown: Index from 1 of the part to paint; 0 paints at each pixel the strongest of all parts.
        opacity: Opacity of the strongest pixels, 0 to 1; weaker ones are more transparent.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = seen.shape[:2]
    strengths = cv2.resize(parts.maps, (width, height), interpolation=cv2.INTER_LINEAR)
    strengths = strengths.reshape(height, width, parts.count)
    full = np.percentile(strengths.max(axis=2), BRIGHTEST) or 1.0
    strongest = strengths.argmax(axis=2) if shown == 0 else np.full((height, width), shown - 1)
    strength = np.take_along_axis(strengths, strongest[..., np.newaxis], axis=2)
    colours = distinct_colours(parts.count)[strongest]
    alpha = opacity * np.clip(strength / full, 0, 1)
    if shown:  # the rest of the photo is darker, so that a part is seen in its place
        seen = (0.45 * seen).astype(np.uint8)
    return np.rint(seen * (1 - alpha) + colours * alpha).astype(np.uint8)


def _picture(photo: Photo, seen: np.ndarray, parts: Parts, shown: int, opacity: float) -> None:
    which = f"Part {shown}" if shown else f"{parts.count} parts, each in its colour,"
    picture(
        picture_url(painted(seen, parts, shown, opacity)),
        seen.shape[:2],
        key="parts_picture",
        alt=f"{which} over the input of the network: {photo.description}",
        caption=f"Part {shown}: {percent(float(parts.fractions[shown - 1]))} of the activation."
        if shown
        else "Each pixel has the colour of its strongest part.",
        max_height=360,
        pixelated=is_small(seen),
    )


def verdict(parts: Parts, evidence: PartEvidence, prediction: Classification, layer: str) -> str:
    """Name the part that supports the prediction most, in Markdown.

    Args:
        parts: The parts.
        evidence: Their contributions to the logits.
        prediction: The prediction.
        layer: The layer.
    """
    start = f"**{parts.count} parts reconstruct {percent(max(parts.explained, 0))} of the maps of `{layer}`.**"
    label, _ = prediction.top(1)[0]
    values = evidence.of_class(prediction.labels.index(label))
    best = int(values.argmax())
    if values[best] <= 0:
        return f"{start} No part supports the prediction “{label}”."
    fraction = percent(float(parts.fractions[best]))
    same = evidence.favourites[best] == prediction.labels.index(label)
    other = "" if same else f", though it raises “{prediction.labels[evidence.favourites[best]]}” more"
    return f"{start} Part {best + 1}, {fraction} of the activation, supports the prediction “{label}” most{other}."


def _one_by_one(seen: np.ndarray, parts: Parts, evidence: PartEvidence, model: Classifier, shown: int) -> None:
    """Show each part alone; a click opens it."""
    small = cv2.resize(seen, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    numbers = range(1, parts.count + 1)
    items = [
        Tile(index, f"Part {index}, {percent(float(part))}: {model.labels[favourite]}", f"Part {index}")
        for index, part, favourite in zip(numbers, parts.fractions, evidence.favourites, strict=True)
    ]
    tiles(
        jpeg_url(np.concatenate([painted(small, parts, index, 0.85) for index in numbers])),
        items,
        (THUMBNAIL, THUMBNAIL),
        key="parts_tiles",
        label="The parts, one by one",
        chosen=shown or None,
        on_pick=_open,
        width=76,
        pixelated=False,
    )


def _open(index: int) -> None:
    """Show a part alone; all of them again if it is alone already."""
    st.session_state[SHOWN] = 0 if st.session_state.get(SHOWN) == index else index


def _table(parts: Parts, evidence: PartEvidence, prediction: Classification) -> None:
    """Show size and classes of each part."""
    label = prediction.top(1)[0][0]
    own = evidence.of_class(prediction.labels.index(label))
    best = evidence.relative.max(axis=1)
    colours = distinct_colours(parts.count)
    rows = ""
    for index in range(parts.count):
        favourite = prediction.labels[evidence.favourites[index]]
        cells = (
            f"{_SWATCH.format(as_hex(colours[index]))} {index + 1}",
            percent(float(parts.fractions[index])),
            f"{escape(favourite)} {signed(best[index])}",
            signed(own[index]),
        )
        rows += "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"
    titles = ("Part", "Activation", "Supports (logit)", f"For {escape(label)}")
    head = "".join(f'<th scope="col" style="{_CELL};font-weight:600">{title}</th>' for title in titles)
    st.html(
        f'<table style="{TABLE}" aria-label="The parts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def signed(value: float) -> str:
    """Write a number with its sign and two decimals."""
    return f"{value:+.2f}".replace("-", "−")


def _explained(evidence: PartEvidence) -> None:
    way = (
        "The logits are linear in these maps, so the contributions are exact; each is relative to the mean over all "
        "classes."
        if evidence.exact
        else f"Behind this layer the network is not linear: the contributions are estimated by the gradient, for the "
        f"{CLASSES} most probable classes, relative to their mean."
    )
    st.caption(
        "**How it works**: at each position, a layer has one activation for each channel. Non-negative matrix "
        "factorization finds the few patterns of channels that sum to all of them ([Collins et al. "
        f"2018](https://arxiv.org/abs/1806.10206)). Nobody told the network about these parts. {way}"
    )
