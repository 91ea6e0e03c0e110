"""Page 7, inside a U-Net: its feature maps at every resolution, and predictions without skip connections."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.drawing.heatmaps import heat_colours
from cnn_demo.drawing.pictures import png_url
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load_segmenter
from cnn_demo.models.explanation.feature_maps import strongest_first
from cnn_demo.models.segmentation.metrics import score_masks
from cnn_demo.models.segmentation.unet_ablation import can_be_opened, maps_inside, without_skips
from cnn_demo.models.segmentation.unets import SKIPS, skips_of
from cnn_demo.results import Segmentation, percent
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.segmentation.state import masks_on, segmentation_of
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

UNET, SKIPS_ON, _LAST_NAMES = "unet", "skips_on", "last_skip_names"
SKIP_NAMES = {stride: f"1/{stride}" for stride in SKIPS}
DEFAULTS: dict[str, Any] = {UNET: None, SKIPS_ON: list(SKIP_NAMES.values())}
STRONGEST, COLUMNS = 6, 3  # maps of each step, and how many beside each other
MAP_SIDE = 120  # pixels of the longer side of a map as it is shown


@fragment
def inside_view(photo: Photo) -> None:
    """Show a U-Net's prediction without some of its skip connections, and its feature maps."""
    panel, stage, details = controls_picture_and_details("inside")
    with panel:
        spec = pick_model(UNET, "U-Net", task="semantic-segmentation", fits=can_be_opened)
        load_with_spinner(spec, load_segmenter)
        off = _skips(spec)
    with stage:
        segmentation = segmentation_of(photo, spec.key, None, "whole")
        shown = _without(photo, spec.key, off) if off else segmentation
        masks_on(photo, shown, key="inside_mask", alt="The photo under the masks that are left.")
        _agreement(spec, shown, segmentation)
    with details:
        _ablation(photo, spec, segmentation)
        _maps(photo, spec)


def _skips(spec: ModelSpec) -> tuple[int, ...]:
    """Let the visitor switch skip connections off; return the strides of those that are off."""
    names = _skip_names(spec)
    on = st.pills(
        "Active skip connections, by resolution",
        names,
        selection_mode="multi",
        default=names,
        key=SKIPS_ON,
        bind="query-params",
        help=(
            "1/4 carries maps of a quarter of the photo's resolution, and so on. One that is off carries only the mean "
            "of each map, without positions."
        ),
        wrap=True,
    )
    if missing := [SKIP_NAMES[stride] for stride in SKIPS if stride not in skips_of(spec)]:
        st.caption(f"The decoder of this network ends before {' and '.join(missing)}: it has no such skip connection.")
    return tuple(stride for stride in skips_of(spec) if SKIP_NAMES[stride] not in on)


def _agreement(spec: ModelSpec, shown: Segmentation, segmentation: Segmentation) -> None:
    same = score_masks(shown.class_map, segmentation.class_map, len(spec.labels))
    grid = st.grid(2, min_column_width=260)
    grid.metric(
        "Mean IoU with its full prediction",
        f"{same.mean_iou:.3f}",
        help="IoU with the prediction with all skips on, averaged over classes; 1 is no change.",
        border=True,
    )
    grid.metric("Pixels with another class", percent(1 - same.pixel_accuracy), border=True)


def _ablation(photo: Photo, spec: ModelSpec, segmentation: Segmentation) -> None:
    st.subheader("Ablation of the skip connections", anchor=False)
    st.markdown(
        "From step to step the encoder's maps become smaller: they hold *what* is in the photo, and less and less of "
        "*where* it is. The skip connections bring the fine maps to the decoder. They were on during training: switch "
        "them off, and see the contribution of each."
    )
    with st.expander("Each skip connection"):
        st.dataframe(
            _one_by_one(photo, spec, segmentation),
            key="skips_table",
            hide_index=True,
            alt="Agreement with the full prediction when one skip is off, or all are.",
            column_config={
                "mean IoU": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f"),
                "pixels changed": st.column_config.NumberColumn(format="percent"),
            },
        )
        st.caption("Measured on this photo, against the prediction of the whole network, which may itself be wrong.")


def _skip_names(spec: ModelSpec) -> list[str]:
    """Return the resolutions of the network's skips, after switching off those that only the last network had.

    If all skips of the last network were on, so are those of this one.
    """
    names = [SKIP_NAMES[stride] for stride in skips_of(spec)]
    last, on = st.session_state.get(_LAST_NAMES, names), st.session_state.get(SKIPS_ON)
    if on is not None and names != last:
        st.session_state[SKIPS_ON] = names if set(last) <= set(on) else [name for name in names if name in on]
    st.session_state[_LAST_NAMES] = names
    return names


@photo_cache(spinner="Running without skips…", queued=True)
def _without(photo: Photo, key: str, off: tuple[int, ...]) -> Segmentation:
    return without_skips(load_segmenter(key), photo.pixels, off)


def _one_by_one(photo: Photo, spec: ModelSpec, segmentation: Segmentation) -> pd.DataFrame:
    rows = []
    skips = skips_of(spec)
    for off in (*((stride,) for stride in skips), skips):
        scores = score_masks(_without(photo, spec.key, off).class_map, segmentation.class_map, len(spec.labels))
        name = "all of them" if len(off) > 1 else SKIP_NAMES[off[0]]
        rows.append({"switched off": name, "mean IoU": scores.mean_iou, "pixels changed": 1 - scores.pixel_accuracy})
    return pd.DataFrame(rows)


def _maps(photo: Photo, spec: ModelSpec) -> None:
    st.subheader("Encoder and decoder", anchor=False)
    st.markdown(
        f"The {STRONGEST} strongest feature maps of every step, black where they are zero or negative. The encoder, "
        "from fine to coarse, and beside it the decoder at the same resolution, after the skip has joined it."
    )
    cards = _cards_of(photo, spec.key)
    for stride in (1, *SKIPS, 2 * SKIPS[-1]):
        names = [f"{part} 1/{stride}" for part in ("encoder", "decoder")]
        if not cards.keys() & names:
            continue
        for side, name in zip(st.columns(2, gap="medium", wrap=False), names, strict=True):
            with side:
                if name in cards:
                    card, ratio = cards[name]
                    picture_cards([card], width=120, columns=1, ratio=ratio)
                elif stride == 2 * SKIPS[-1]:
                    st.caption("The decoder begins with the encoder's coarsest maps.")
                else:
                    st.caption("The decoder has no step at this resolution.")


@photo_cache(spinner="Computing the maps…", queued=True)
def _cards_of(photo: Photo, key: str) -> dict[str, tuple[Card, str]]:
    """A card of the strongest maps of each step, and its ratio; all maps would be hundreds of megabytes."""
    found = {name: strongest(maps) for name, maps in maps_inside(load_segmenter(key), photo.pixels).items()}
    return {name: (_card(name, maps), _ratio(maps)) for name, maps in found.items()}


def strongest(maps: np.ndarray) -> np.ndarray:
    """Return the strongest of feature maps (h, w, C) as they are shown, (h', w', K); the last axis keeps C as well.

    The result's `K` is at most `STRONGEST`; maps larger than they are shown are made smaller.
    """
    order = strongest_first(maps)[:STRONGEST]
    scale = min(1.0, MAP_SIDE / max(maps.shape[:2]))
    size = tuple(max(1, round(length * scale)) for length in maps.shape[1::-1])
    small = [cv2.resize(maps[..., i], size, interpolation=cv2.INTER_AREA) for i in order]
    return np.stack(small, axis=-1)


def _card(name: str, maps: np.ndarray) -> Card:
    height, width = maps.shape[:2]
    alt = f"The strongest feature maps of {name}."
    return Card(png_url(mosaic(maps)), alt, name.capitalize(), (f"Shown at {height} × {width} pixels",))


def mosaic(maps: np.ndarray) -> np.ndarray:
    """Put maps (h, w, K) beside and below each other, each with its own scale; (H, W, 3) uint8."""
    largest = np.maximum(maps.max(axis=(0, 1)), 1e-6)
    coloured = heat_colours(np.clip(maps / largest, 0, 1))  # (h, w, K, 3)
    enlarge = max(1, MAP_SIDE // max(maps.shape[:2]))
    framed = [np.pad(coloured[..., i, :], ((1, 1), (1, 1), (0, 0)), constant_values=128) for i in range(maps.shape[2])]
    tiles = [tile.repeat(enlarge, 0).repeat(enlarge, 1) for tile in framed]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    return np.concatenate([np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)])


def _ratio(maps: np.ndarray) -> str:
    rows = -(-maps.shape[2] // COLUMNS)
    return f"{COLUMNS * (maps.shape[1] + 2)} / {rows * (maps.shape[0] + 2)}"
