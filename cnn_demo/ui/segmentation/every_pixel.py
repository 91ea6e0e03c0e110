"""Page 7, every pixel: the predicted class map over the photo, and the fraction that each class covers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec, load_segmenter
from cnn_demo.models.segmentation.segmenters import MODES
from cnn_demo.models.segmentation.tiling import OVERLAP, TILE
from cnn_demo.models.tiling import tiles
from cnn_demo.results import Segmentation, duration
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.segmentation import downloads
from cnn_demo.ui.segmentation.state import covered, masks_on, pick_segmenter, segmentation_of
from cnn_demo.ui.widgets.model_picker import official_instead
from cnn_demo.ui.widgets.used_pixels import used_pixels

DEFAULTS: dict[str, Any] = dict(downloads.DEFAULTS)


@fragment
def pixels_view(photo: Photo) -> None:
    """Show the class that the network predicts for each pixel of the photo."""
    panel, stage, details = controls_picture_and_details("segment")
    with panel:
        spec, side, mode = pick_segmenter(photo)
    with stage:
        segmentation = segmentation_of(photo, spec.key, side, mode)
        masks_on(photo, segmentation, key="segment_photo")
        st.markdown(f"### {covered(segmentation)}")
        if used := used_pixels(photo):
            st.caption(used)
    with details:
        st.caption(_inference_caption(photo, segmentation, spec, side, mode))
        downloads.downloads(photo, spec, side, mode)


def _inference_caption(photo: Photo, segmentation: Segmentation, spec: ModelSpec, side: int, mode: str) -> str:
    segmenter = load_segmenter(spec.key)
    frame = segmenter.frame(photo.size, side)
    (height, width), (rows, columns) = frame.photo, frame.scaled
    way = MODES["whole"].lower()
    if mode == "tiled":
        parts = tiles(frame.input, TILE, OVERLAP, segmenter.stride)
        if len(parts) > 1:
            way = f"in {len(parts)} tiles of {parts[0].width} × {parts[0].height}"
        else:
            way += ", because it fits into one tile"
    where = on_device(segmentation.device, segmentation.engine)
    return (
        f"**{duration(segmentation.milliseconds)}** {where}. The photo, {width:,} × {height:,} pixels here, is resized "
        f"to {columns:,} × {rows:,}, {way}; the prediction has the size of the photo. {spec.training_data} "
        f"{official_instead(spec)}"
    )
