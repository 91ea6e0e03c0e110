"""Page 4, transfer learning, before the first training: some photos of each class, or of the sample set's."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.images import Photo
from cnn_demo.models.transfer.photo_set_builder import PhotoSetBuilder
from cnn_demo.models.transfer.sample_sets import textures
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.pretrained.transfer.class_box import THUMBNAIL, square
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

_ROWS, _COLUMNS = 3, 4  # photos of a class


def preview(draft: PhotoSetBuilder) -> None:
    """Show photos of the classes, and the next step in words.

    Args:
        draft: The current classes; if they have no photos, those of the sample set are shown.
    """
    classes = [(each.name or f"Class {each.number}", each.photos) for each in draft.classes if each.photos]
    if classes:
        st.markdown("**Your classes.** Now train: a new last layer learns to tell these classes apart, in seconds.")
    else:
        st.markdown(
            "**Train a network on classes of your own, in seconds.** Add photos of at least two classes below, or use "
            "the sample set:"
        )
        sample = textures()
        classes = [
            (label, tuple(photo for photo, of in zip(sample.photos, sample.classes, strict=True) if of == number))
            for number, label in enumerate(sample.labels)
        ]
    picture_cards(
        [
            Card(_montage(photos[: _ROWS * _COLUMNS]), f"Photos of {name}", name, (f"{len(photos)} photos",))
            for name, photos in classes
        ],
        width=100,
        columns=3,
        ratio=f"{_COLUMNS} / {_ROWS}",
    )


@photo_cache()
def _montage(photos: Sequence[Photo]) -> str:
    """Return one picture of the photos' central squares, in rows."""
    picture = np.full((_ROWS, _COLUMNS, THUMBNAIL, THUMBNAIL, 3), 128, np.uint8)
    for at, photo in enumerate(photos):
        picture[divmod(at, _COLUMNS)] = square(photo.pixels)
    return jpeg_url(picture.swapaxes(1, 2).reshape(_ROWS * THUMBNAIL, _COLUMNS * THUMBNAIL, 3))
