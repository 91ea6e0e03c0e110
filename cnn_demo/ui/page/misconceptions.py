"""Common misconceptions, corrected on the visitor's own photo."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import display_values, jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.lessons import Misconception
from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.markdown import plain

WORKING_SIDE = 640
SMOOTH_FROM = 64  # pixels per side; smaller pictures are feature maps or inputs of a network, shown as squares


def misconceptions(photo: Photo, items: Sequence[Misconception]) -> None:
    """Show the claims; the correction of one is computed when it is opened.

    Args:
        photo: Photo on which the corrections are computed.
        items: The page's misconceptions.
    """
    st.subheader("Common misconceptions", anchor=False)
    for index, item in enumerate(items):
        _misconception(photo, item, index)


@fragment
def _misconception(photo: Photo, item: Misconception, index: int) -> None:
    with st.expander(item.claim, key=f"misconception_{index}", on_change="rerun") as expander:
        if not expander.open:
            return
        try:
            correction = item.correct(reduced(photo.pixels, WORKING_SIDE).astype(np.float32) / 255)
        except ModelUnavailable as error:
            st.error(plain(str(error)), icon=":material/cloud_off:")
            return
        text, *containers = st.columns([2, *[2] * len(correction.pictures)], vertical_alignment="center")
        text.markdown(correction.text)
        for number, (container, (caption, values, display)) in enumerate(
            zip(containers, correction.pictures, strict=True)
        ):
            with container:
                picture(
                    jpeg_url(display_values(values, display)),
                    values.shape[:2],
                    key=f"misconception_{index}_{number}",
                    alt=f"{caption}: {photo.name}",
                    caption=caption,
                    max_height=300,
                    pixelated=max(values.shape[:2]) < SMOOTH_FROM,
                )
