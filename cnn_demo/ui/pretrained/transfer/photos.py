"""Page 4, transfer learning, photos: the visitor's own classes, a zip of folders, or the sample set."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.images.validation import ACCEPTED
from cnn_demo.limits import ARCHIVE_MB
from cnn_demo.models.transfer.photo_set_builder import PhotoSetBuilder
from cnn_demo.models.transfer.photo_sets import (
    MAX_CLASSES,
    MAX_PHOTOS,
    MIN_CLASSES,
    MIN_PHOTOS,
    PhotoSetError,
    from_zip,
)
from cnn_demo.models.transfer.sample_sets import textures
from cnn_demo.ui.page.barrier import unexpected
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.transfer.class_box import class_box
from cnn_demo.ui.pretrained.transfer.state import (
    BEFORE,
    NEWS,
    REFUSED,
    change,
    current_draft,
    replace_classes,
    take_back,
)

_COLUMNS = 3
_SAMPLE = (
    "The sample set: 16 patches each of a brick wall, a lawn and gravel, with random rotation, scale and brightness "
    "(CC0, from [scikit-image](https://scikit-image.org/docs/stable/api/skimage.data.html)). All patches of a class "
    "come from one photo, which makes them easier to classify than photos of many walls, lawns and paths."
)


def photos_section(panel: DeltaGenerator, details: DeltaGenerator) -> PhotoSetBuilder:
    """Show the ways to add photos in the panel, the classes below; return the current classes."""
    draft = current_draft()
    with panel:
        _ready_made(draft)
    with panel.container():  # always present, to keep the layout stable
        if refused := st.session_state.get(REFUSED):
            st.error(plain(refused), icon=":material/image_not_supported:")
        for sentence in st.session_state.get(NEWS, ()):
            st.warning(plain(sentence), icon=":material/image_not_supported:")
    with details:
        st.subheader("Your classes", anchor=False)
        _classes(draft)
    return draft


def _classes(draft: PhotoSetBuilder) -> None:
    cards = st.grid(_COLUMNS, min_column_width=250, border=True)
    for each in draft.classes:
        with cards.cell():
            class_box(each, alone=len(draft.classes) == 1)
    st.button(
        "Add a class",
        icon=":material/add:",
        key="teach_add",
        disabled=len(draft.classes) >= MAX_CLASSES,
        on_click=_add,
    )
    st.caption(
        f"{MIN_CLASSES} to {MAX_CLASSES} classes with {MIN_PHOTOS} to {MAX_PHOTOS} photos each: {ACCEPTED}. They stay "
        "in this server's memory, reduced and without their metadata, until your session ends; links do not contain "
        "them."
    )
    st.caption(_SAMPLE)


def _ready_made(draft: PhotoSetBuilder) -> None:
    """Offer the sample set and the zip upload."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Use the sample set",
            type="secondary" if draft.photos else "primary",
            icon=":material/texture:",
            key="teach_sample",
            on_click=_take_sample,
        )
        with st.popover("Upload a zip of folders", icon=":material/folder_zip:"):
            _zip_uploader()
        if BEFORE in st.session_state:
            st.button("Restore my classes", icon=":material/undo:", key="teach_undo", on_click=take_back)


def _take_sample() -> None:
    replace_classes(current_draft().replaced_by(textures()))


def _add() -> None:
    change(current_draft().with_class())


def _zip_uploader() -> None:
    """Read the uploaded zip, and clear the uploader by replacing it with a new one."""
    turn = st.session_state.setdefault("teach_zip_turn", 0)
    file = st.file_uploader(
        f"A .zip of at most {ARCHIVE_MB} MB, with one folder of photos for each class",
        key=f"teach_zip_{turn}",
        max_upload_size=ARCHIVE_MB,
        help="The folders' names become the classes.",
    )
    if file is None:
        return
    draft = current_draft()
    try:
        with st.spinner("Reading the photos…"):
            photos, messages = from_zip(file.getvalue())
    except PhotoSetError as error:
        change(draft, refused=str(error))
    except Exception as error:  # such as no memory; the uploader is emptied, or each run would read the file again
        change(draft, refused=unexpected(error))
    else:
        replace_classes(draft.replaced_by(photos), messages)
    st.session_state["teach_zip_turn"] = turn + 1
    st.rerun()
