"""The pictures of page 1, before and after: the lens, its captions, and the pixel that a visitor picks on it."""

import numpy as np
import streamlit as st

from cnn_demo.convolution import KERNELS, Choice, kernel
from cnn_demo.drawing.pictures import DISPLAYS, display_values, jpeg_url, png_url
from cnn_demo.images import Photo
from cnn_demo.ui.components.conv_lens import ARRANGEMENTS, Arrangement, LensKernel, LensPixel, LensTexts, conv_lens
from cnn_demo.ui.components.conv_photo import conv_photo
from cnn_demo.ui.convolution.result import ConvolutionResult, display_caption
from cnn_demo.ui.convolution.settings import ConvolutionSettings
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.page.photo_picker import take_photo
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.picture_size import rows_and_columns
from cnn_demo.ui.widgets.used_pixels import used_pixels

ARRANGEMENT = "arrangement"
_FROZEN = "frame_frozen"
_LARGEST = 15  # side of the largest random kernel
_GEOMETRY = ("stride", "dilation", "pad", "bias")


def show_lens(photo: Photo, settings: ConvolutionSettings, result: ConvolutionResult) -> None:
    """Show the photo before and after, at one scale."""
    sync_query_param(ARRANGEMENT, ARRANGEMENTS[0], lambda value: value in ARRANGEMENTS)
    arrangement = SESSION.get(ARRANGEMENT)
    row, column = result.pixel
    pinned = SESSION.get("row") is not None or SESSION.get("column") is not None
    size = result.values.shape[:2]

    def pick(row: int | None, column: int | None) -> None:
        open_pixel(row, column, size)

    conv_lens(
        photo.key,
        photo.size,
        jpeg_url(display_values(result.values, settings.display)),
        size,
        key="lens",
        kernel=LensKernel(settings.weights, settings.family, settings.parameters, _draws(settings)),
        spec=settings.spec,
        bias=settings.bias,
        activation=settings.activation,
        display=settings.display,
        grey=settings.grey,
        enlarge=settings.zoom,
        sliders=_sliders(settings),
        pixel=LensPixel(row, column, result.channel, pinned),
        texts=_texts(photo, settings, result),
        arrangement=arrangement if arrangement in ARRANGEMENTS else ARRANGEMENTS[0],
        on_pick=pick,
        on_arrange=_arrange,
        on_frame=_freeze,
    )


def send_photo(photo: Photo) -> None:
    """Send the photo itself to the lens, which computes with it."""
    conv_photo(_exact_url(photo), photo.key, key="lens_photo")


@photo_cache()
def _exact_url(photo: Photo) -> str:
    return png_url(photo.pixels)


def open_pixel(row: int | None, column: int | None, size: tuple[int, int]) -> None:
    """Select a pixel of the result, clipped to its size, and open the view of its arithmetic; None selects none."""
    if row is None or column is None:
        st.session_state["row"] = st.session_state["column"] = None
        return
    st.session_state["row"] = max(0, min(row, size[0] - 1))
    st.session_state["column"] = max(0, min(column, size[1] - 1))
    st.session_state["view"] = "Look inside"


def frame_was_frozen() -> bool:
    """Whether a frame of the camera has just become the photo, so that the whole page has to run."""
    return st.session_state.pop(_FROZEN, False)


def _freeze(file: bytes) -> None:
    take_photo(lambda: file, "camera.jpg")
    st.session_state[_FROZEN] = True


def _arrange(arrangement: Arrangement) -> None:
    st.session_state[ARRANGEMENT] = arrangement


def _sliders(settings: ConvolutionSettings) -> dict[str, tuple[str, ...]]:
    """Return the keys of the sliders on the page, and the setting that each of them moves."""
    sliders: dict[str, tuple[str, ...]] = {key: (key,) for key in _GEOMETRY}
    if settings.family is None:
        return sliders
    parameters = (p for p in KERNELS[settings.family].parameters if not isinstance(p, Choice))
    return sliders | {f"{settings.family}_{p.name}": ("parameters", p.name) for p in parameters}


def _draws(settings: ConvolutionSettings) -> list[float]:
    """Return the random numbers of a random kernel of any size: each size takes the first ones."""
    if settings.family != "random":
        return []
    weights = kernel("random", **(settings.parameters | {"size": _LARGEST}))
    return (weights.astype(np.float64) * _LARGEST).ravel().tolist()


def _texts(photo: Photo, settings: ConvolutionSettings, result: ConvolutionResult) -> LensTexts:
    before, after = (rows_and_columns(each.shape[:2]) for each in (result.image, result.values))
    return LensTexts(
        before=f"Before: {photo.description}",
        after=f"After: {settings.title} on {photo.name}.",
        before_caption=f"Before · {before}. {used_pixels(photo)}".rstrip(),
        after_caption=f"After · {after}. {display_caption(settings, result)}",
        small_note="Shown at {scale}; the PNG file has every pixel.",
        display=DISPLAYS[settings.display],
    )
