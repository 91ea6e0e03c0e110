"""Choosing a photo: samples, test patterns, an upload or the camera. The choice is kept across pages.

The session keeps the reduced photo, never the uploaded file: sessions outlive their tabs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from cnn_demo.convolution import PATTERNS, pattern
from cnn_demo.drawing.pictures import jpeg_file_url, jpeg_url, reduced
from cnn_demo.images import ImageError, Photo, read_photo, sample_photos
from cnn_demo.images.validation import ACCEPTED
from cnn_demo.limits import PHOTO_MB
from cnn_demo.ui.components.gallery import Thumbnail, gallery
from cnn_demo.ui.page.barrier import errors_shown, unexpected
from cnn_demo.ui.page.link import went_back_or_forward
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.uploads import received, take

# Small patterns, so that single pixels can be seen; the zone plate needs room for its rings.
PATTERN_SIDES = {"impulse": 31, "edge": 64, "disc": 128, "checkerboard": 64, "chirp": 384, "noise": 128}
OWN = "own"
_GONE = "photo_gone"  # the link is of an uploaded photo that this session does not have
_FIRST = "photo_first"  # key of the photo that the open page begins with
_UNCHOSEN = "photo_unchosen"  # whether the photo is the page's own, and the next page begins with another
_INSTEAD = "chirp"  # the test pattern instead of a photo that cannot be read


@dataclass(frozen=True)
class PhotoChoice:
    """The chosen photo of a moment.

    Attributes:
        key: Key of a sample or a pattern, or `OWN`; "" for the photo that the page begins with.
        own: The uploaded photo, if there was one.
        unchosen: Whether the page began with it.
    """

    key: str = ""
    own: Photo | None = None
    unchosen: bool = False


def open_with(key: str) -> None:
    """Name the sample photo that the page begins with, as long as the visitor has chosen none."""
    samples = [sample.key for sample in sample_photos()]
    st.session_state[_FIRST] = key if key in samples else samples[0]


def photo_picker(*, patterns: bool = False) -> Photo:
    """Show the picker and return the chosen photo, by default the one that the page begins with.

    Args:
        patterns: Offer test patterns beside the photos.

    Returns:
        The photo to show: a valid one, even after an upload that could not be read.
    """
    _take_from_link()
    own: Photo | None = st.session_state.get("own_photo")
    chosen = st.session_state["photo_key"]
    photo = _built_in(_INSTEAD)
    with errors_shown(of_callbacks=False):  # whatever is wrong with a file of the app, the page has a photo
        photo = own if own is not None and chosen == OWN else _built_in(chosen)
    with st.container(key="photo_strip", horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        with errors_shown(of_callbacks=False):
            thumbnails = _thumbnails(own, chosen, patterns=patterns)
            gallery(thumbnails, chosen, key="gallery", label="Photos", on_pick=choose)
        _bring_your_own()
        with st.popover("", icon=":material/info:", key="photo_info", help="About this photo"):
            st.caption(_photo_caption(photo))
    with st.container():  # always there, so that a message does not rebuild the page below
        if error := st.session_state.get("photo_error"):
            st.error(plain(error), icon=":material/image_not_supported:")
        elif st.session_state.get(_GONE):
            st.info(
                "This link is of an uploaded photo. A photo is not part of a link, and is removed when its session "
                "ends, as on a reload: please upload it again.",
                icon=":material/image_not_supported:",
            )
    return photo


def _thumbnails(own: Photo | None, chosen: str, *, patterns: bool) -> tuple[Thumbnail, ...]:
    """Return the thumbnails to choose from, the uploaded photo first; the chosen pattern is always there."""
    thumbnails = _sample_thumbnails()
    if own is not None:
        thumbnails = (Thumbnail(OWN, "Your photo", _thumbnail_url(own), "The photo that you uploaded."), *thumbnails)
    return thumbnails + tuple(each for each in _pattern_thumbnails() if patterns or each.key == chosen)


def photo_card() -> None:
    """Show the visitor's own photo, and where to upload one, for every page to open with."""
    own: Photo | None = st.session_state.get("own_photo")
    st.html(
        '<div class="photo-card"><span aria-hidden="true">+</span></div>'
        if own is None
        else f'<img class="photo-card" src="{_thumbnail_url(own)}" alt="The photo that you uploaded.">'
    )
    with st.container(key="photo_card", horizontal=True, vertical_alignment="center", gap="small"):
        _bring_your_own()
    if error := st.session_state.get("photo_error"):
        st.error(plain(error), icon=":material/image_not_supported:")
    st.caption(
        "Your own photo: upload one here or on any page, and every page opens with it."
        if own is None
        else "Your own photo: every page opens with it."
    )
    st.query_params.pop("photo", None)  # this page's link is of no photo


def choose(key: str) -> None:
    """Make a sample photo, a pattern or the visitor's own photo the chosen one, and put it into the link."""
    st.session_state.update({"photo_key": key, _UNCHOSEN: False})
    st.session_state.pop("photo_error", None)
    st.session_state.pop(_GONE, None)
    st.query_params["photo"] = key


def chosen_photo() -> PhotoChoice:
    """Return the present choice, for `restore_photo`."""
    state = st.session_state
    return PhotoChoice(state.get("photo_key", _first()), state.get("own_photo"), state.get(_UNCHOSEN, False))


def restore_photo(choice: PhotoChoice) -> None:
    """Make a former choice the present one; an uploaded photo comes back even if another was uploaded since."""
    if choice.own is not None:
        st.session_state["own_photo"] = choice.own
    choose(choice.key or _first())
    if choice.unchosen or not choice.key:
        st.session_state[_UNCHOSEN] = True
        st.query_params.pop("photo", None)  # without one, the page begins with the same photo


def _first() -> str:
    return st.session_state.get(_FIRST, sample_photos()[0].key)


def _take_from_link() -> None:
    """Take the photo from the link on the first run and after Back or Forward; later, put it into the link."""
    keys = {sample.key for sample in sample_photos()} | set(PATTERNS)
    wanted = st.query_params.get("photo")
    if "own_photo" in st.session_state:
        keys.add(OWN)
    if "photo_key" not in st.session_state or went_back_or_forward():
        st.session_state["photo_key"] = wanted if wanted in keys else _first()
        st.session_state[_UNCHOSEN] = wanted not in keys
        if wanted == OWN and OWN not in keys:
            st.session_state[_GONE] = True
    elif st.session_state.get(_UNCHOSEN):
        st.session_state["photo_key"] = _first()
    if wanted is not None and wanted not in keys:
        del st.query_params["photo"]
        wanted = None
    if st.session_state["photo_key"] != (wanted or _first()):
        st.query_params["photo"] = st.session_state["photo_key"]


@st.cache_resource(max_entries=32, show_spinner=False)
def _built_in(key: str) -> Photo:
    if key in PATTERNS:
        pixels = pattern(key, PATTERN_SIDES.get(key, 256))
        sentence = PATTERNS[key].sentence
        return Photo(pixels, PATTERNS[key].title, sha256=f"pattern-{key}", alt=sentence, built_in=True)
    return next(sample for sample in sample_photos() if sample.key == key).load()


@st.cache_data(max_entries=1, show_spinner=False)
def _sample_thumbnails() -> tuple[Thumbnail, ...]:
    return tuple(
        Thumbnail(
            sample.key,
            sample.title,
            jpeg_file_url(sample.thumbnail),
            sample.alt,
        )
        for sample in sample_photos()
    )


@st.cache_data(max_entries=1, show_spinner=False)
def _pattern_thumbnails() -> tuple[Thumbnail, ...]:
    return tuple(Thumbnail(name, p.title, jpeg_url(pattern(name, 160)), p.sentence) for name, p in PATTERNS.items())


def _thumbnail_url(photo: Photo) -> str:
    height, width = photo.size
    return jpeg_url(reduced(photo.pixels, round(160 * max(height, width) / min(height, width))))


def _bring_your_own() -> None:
    """Show the uploader and the camera.

    After a file was read, the uploader gets a new key and is empty again.
    """
    turn = st.session_state.setdefault("photo_turn", 0)
    with st.container(key="photo_upload", width="content"):
        st.file_uploader(
            f"Your own photo: {ACCEPTED}",
            key=f"upload_{turn}",
            label_visibility="collapsed",
            help=None,
            max_upload_size=PHOTO_MB,
            on_change=_receive,
            args=(f"upload_{turn}",),
        )
    with st.popover("", icon=":material/photo_camera:", key="camera", on_change="rerun", help="Camera") as box:
        if box.open:  # a camera asks for permission as soon as it is on the page
            st.camera_input("Take a picture", key=f"snapshot_{turn}", on_change=_receive, args=(f"snapshot_{turn}",))


def _receive(key: str) -> None:
    file = received(key)
    if file is None:
        return
    st.session_state["photo_turn"] += 1
    take_photo(lambda: take(file), file.name)


def take_photo(read: Callable[[], bytes], name: str) -> None:
    """Make a file the chosen photo; if it cannot be read, the picker shows a sentence, and the photo stays.

    Args:
        read: Function that returns the file.
        name: Its name.
    """
    try:
        data = read()
        st.session_state["own_photo"] = replace(read_photo(data, name), data=data)
    except ImageError as error:
        st.session_state["photo_error"] = str(error)
    except Exception as error:  # such as no memory for it
        st.session_state["photo_error"] = unexpected(error)
    else:
        choose(OWN)


def _photo_caption(photo: Photo) -> str:
    width, height = photo.original_size
    shown_height, shown_width = photo.size
    size = f"{width:,} × {height:,} pixels"
    if (width, height) != (shown_width, shown_height):
        size += f", resized to {shown_width:,} × {shown_height:,}"
    return " · ".join(part for part in (f"**{plain(photo.name)}**", size, photo.credit) if part)
