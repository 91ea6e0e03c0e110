"""Page 4, transfer learning: one class, with its name, its photos and its uploader."""

import cv2
import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.images import Photo
from cnn_demo.limits import PHOTO_MB
from cnn_demo.models.transfer.photo_set_builder import ClassBuilder
from cnn_demo.models.transfer.photo_sets import MAX_LABEL, MAX_PHOTOS, MIN_PHOTOS
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.page.barrier import unexpected
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.transfer.state import change, current_draft, replace_classes

THUMBNAIL = 64  # pixels
_OPENED = "teach_opened"  # number of the class and key of the clicked photo


def class_box(each: ClassBuilder, *, alone: bool) -> None:
    """Show a class with controls to name it, add photos and remove it.

    Args:
        each: The class.
        alone: Whether it is the only class, which cannot be removed.
    """
    key = f"teach_name_{each.number}"
    # The name is kept in the draft, because Streamlit drops a field's value when its tab is closed.
    st.session_state.setdefault(key, each.name)
    st.text_input("Class name", key=key, max_chars=MAX_LABEL, on_change=_rename, args=(each.number, key))
    _uploader(each)
    if each.photos:
        _thumbnails(each)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(_photo_count(len(each.photos)))
        st.button(
            "Remove class",
            type="tertiary",
            icon=":material/delete:",
            key=f"teach_remove_{each.number}",
            disabled=alone,
            on_click=_remove,
            args=(each.number,),
        )


def _rename(number: int, key: str) -> None:
    change(current_draft().renamed(number, st.session_state[key]))


def _remove(number: int) -> None:
    replace_classes(current_draft().without_class(number))


def _photo_count(count: int) -> str:
    if count < MIN_PHOTOS:
        return f"{count} of at least {MIN_PHOTOS} photos."
    return f"{count} photos." + (" The class is full." if count >= MAX_PHOTOS else "")


def _uploader(each: ClassBuilder) -> None:
    """Add the uploaded photos, and clear the uploader by replacing it with a new one."""
    turn_key = f"teach_turn_{each.number}"
    turn = st.session_state.setdefault(turn_key, 0)
    files = st.file_uploader(
        "Photos of this class",
        accept_multiple_files=True,
        key=f"teach_upload_{each.number}_{turn}",
        max_upload_size=PHOTO_MB,
    )
    if not files:
        return
    bar = st.progress(0.0, "Reading the photos…")

    def report(done: int, of: int) -> None:
        bar.progress(done / of, f"Reading the photos: {done} of {of}")

    try:
        draft, messages = current_draft().with_photos(
            each.number,
            [(file.name, file.getvalue()) for file in files],
            report,
        )
    except Exception as error:  # such as no memory; the uploader is emptied, or each run would read the files again
        change(current_draft(), refused=unexpected(error))
    else:
        change(draft, messages)
    st.session_state[turn_key] = turn + 1
    st.rerun()


def _thumbnails(each: ClassBuilder) -> None:
    """Show the photos; a clicked photo can be removed."""
    opened_class, opened = st.session_state.get(_OPENED, (0, ""))
    at = next((i for i, p in enumerate(each.photos) if p.key == opened), None) if opened_class == each.number else None
    tiles(
        _sprite(each.photos),
        [Tile(index, photo.description) for index, photo in enumerate(each.photos)],
        (THUMBNAIL, THUMBNAIL),
        key=f"teach_photos_{each.number}",
        label=f"Photos of {each.name}",
        chosen=at,
        on_pick=lambda index: _open(each, index),
        width=44,
        max_height=164,
        pixelated=False,
    )
    if at is not None:
        photo = each.photos[at]
        st.button(
            f"Remove {plain(photo.name)}",
            icon=":material/remove_circle:",
            key=f"teach_take_out_{each.number}",
            on_click=_take_out,
            args=(each.number, photo.key),
        )


def _open(each: ClassBuilder, index: int) -> None:
    st.session_state[_OPENED] = each.number, each.photos[index].key


def _take_out(number: int, key: str) -> None:
    change(current_draft().without_photo(number, key))


@photo_cache()
def _sprite(photos: tuple[Photo, ...]) -> str:
    """Return one image of the photos' central squares, stacked vertically."""
    return jpeg_url(np.concatenate([square(photo.pixels) for photo in photos]))


def square(pixels: np.ndarray) -> np.ndarray:
    """Return the central square of a photo, as a thumbnail."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = pixels[top : top + side, left : left + side]
    return cv2.resize(middle, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
