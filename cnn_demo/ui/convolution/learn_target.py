"""The target of "Learn a kernel": the photo through a kernel, hidden or this page's, or a picture of the visitor."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnn_demo.convolution import KERNELS, convolve
from cnn_demo.convolution.hidden_kernels import hidden_kernel
from cnn_demo.convolution.kernel_learning import with_noise
from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.images.resizing import resized
from cnn_demo.images.validation import ACCEPTED
from cnn_demo.limits import PHOTO_MB
from cnn_demo.ui.convolution.learn_settings import LearnSettings
from cnn_demo.ui.convolution.settings import ConvolutionSettings
from cnn_demo.ui.page.barrier import unexpected
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.uploads import received

OWN_BORDER = 7  # half of the largest kernel: how the visitor's program padded its borders is unknown
SAME_PROPORTIONS = 0.01  # greatest difference of two ratios of width to height
_PICTURE, _ERROR, _TURN = "learn_picture", "learn_error", "learn_turn"


@dataclass(frozen=True)
class Target:
    """The picture that the photo's convolution should become.

    Attributes:
        picture: (H, W) float32, of the photo's size.
        border: Pixels at each side that are not compared.
        signed: Whether it is drawn in red and blue, as positive and negative values.
        title: Description of the kernel that made it; empty for a picture of the visitor.
        weights: That kernel as applied to the photo, (kh, kw), or None.
    """

    picture: np.ndarray
    border: int
    signed: bool
    title: str = ""
    weights: np.ndarray | None = None


def target_of(photo: Photo, image: np.ndarray, settings: ConvolutionSettings, learn: LearnSettings) -> Target | None:
    """Return the target, or None if the visitor has yet to upload a picture.

    Args:
        photo: The photo.
        image: Its grey values, (H, W) float32.
        settings: The page's settings, of which the kernel, its flip and the bias count.
        learn: The settings of the tab.
    """
    if learn.target == "own":
        return _own(photo, learn.noise)
    if learn.target == "page":
        weights = settings.weights[::-1, ::-1] if settings.spec.flip else settings.weights
        title, signed, bias = settings.title, settings.signed, settings.bias
    else:
        hidden = hidden_kernel(learn.seed, learn.size)
        family = KERNELS[hidden.family]
        labels = {p.name: (p.label.lower(), getattr(p, "unit", "")) for p in family.parameters}
        parts = [f"{labels[name][0]} {_short(value)}{labels[name][1]}" for name, value in hidden.parameters.items()]
        weights, signed, bias = hidden.weights, family.signed, 0.0
        title = ", ".join([family.title, *parts])
    picture = with_noise(convolve(image, weights, bias=bias), learn.noise)
    return Target(picture, max(weights.shape) // 2, signed, title, weights)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}".replace("-", "−")


def _own(photo: Photo, noise: float) -> Target | None:
    picture: Photo | None = st.session_state.get(_PICTURE)
    if picture is None:
        return None
    (height, width), (own_height, own_width) = photo.size, picture.size
    if abs(own_width / own_height / (width / height) - 1) > SAME_PROPORTIONS:
        st.error(
            f"Your picture has {own_width} × {own_height} pixels, the photo {width} × {height}: please upload one of "
            "the same proportions, such as the photo itself after a filter.",
            icon=":material/aspect_ratio:",
        )
        return None
    pixels = picture.pixels if picture.size == photo.size else resized(picture.pixels, photo.size)
    grey = pixels.astype(np.float32).mean(axis=2) / 255
    return Target(with_noise(grey, noise), min(OWN_BORDER, (min(grey.shape) - 1) // 4), signed=False)


def picture_uploader() -> None:
    """Let the visitor upload the target; the session keeps the reduced picture, and the uploader is empty again."""
    key = f"learn_upload_{st.session_state.setdefault(_TURN, 0)}"
    st.file_uploader(
        f"Target picture: {ACCEPTED}",
        key=key,
        max_upload_size=PHOTO_MB,
        on_change=_receive,
        args=(key,),
        help=(
            "The photo after a filter: press **Download the result** on this page, or use another program. Borders are "
            "not compared. The picture is not part of the link."
        ),
    )
    if error := st.session_state.get(_ERROR):
        st.error(plain(error), icon=":material/image_not_supported:")
    elif (picture := st.session_state.get(_PICTURE)) is not None:
        st.caption(f"Target: {plain(picture.name)}")


def _receive(key: str) -> None:
    file = received(key)
    if file is None:
        return
    st.session_state[_TURN] += 1
    st.session_state.pop(_ERROR, None)
    try:
        st.session_state[_PICTURE] = read_photo(file.getvalue(), file.name)
    except ImageError as error:
        st.session_state[_ERROR] = str(error)
    except Exception as error:  # such as no memory for it
        st.session_state[_ERROR] = unexpected(error)
