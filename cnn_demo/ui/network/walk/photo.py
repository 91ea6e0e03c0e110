"""The photo, the network's input and its prediction."""

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import png_url
from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models.classification.units import Box, input_box
from cnn_demo.results import Classification, duration
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.widgets.framed_photo import draw_on_photo
from cnn_demo.ui.widgets.probability_bars import probability_bars

HEIGHT = 170  # CSS pixels, so that the network is drawn on the same screen


def show_photo(photo: Photo, fit: str) -> None:
    """Show the photo with a frame around the crop that the network takes."""
    input_area = input_box(photo.size, fit)
    caption = _takes(photo, fit, input_area)
    draw_on_photo(photo, fit, input_area, key="walk_photo", caption=caption, alt="The photo", max_height=HEIGHT)


def _takes(photo: Photo, fit: str, input_area: Box) -> str:
    height, width = photo.size
    if fit == "squash":
        return f"All {width} × {height} pixels, resized to a square →"
    if fit == "pad":
        return f"All {width} × {height} pixels, padded with grey →"
    return f"The {input_area.width:.0f} × {input_area.height:.0f} pixels in the frame →"


def show_seen(photo: Photo, seen: np.ndarray) -> None:
    """Show the network's input image, enlarged."""
    rows, columns = seen.shape[:2]
    picture(
        png_url(seen),
        (rows, columns),
        key="walk_seen",
        alt=f"Input of the network, {columns} × {rows} pixels: {photo.description}",
        caption=f"Input of the network: {columns} × {rows} pixels.",
        max_height=HEIGHT,
        pixelated=True,
    )


def show_prediction(prediction: Classification) -> None:
    """Show the top-3 classes, and the inference time."""
    labels, probabilities = zip(*prediction.top(3), strict=True)
    probability_bars(labels, np.array(probabilities), caption="The most probable classes")
    where = on_device(prediction.device, prediction.engine)
    st.caption(f"Computed in **{duration(prediction.milliseconds)}** {where}: all activations and the prediction.")
