"""The lens: a photo before and after a convolution, computed in the browser while a visitor drags a slider."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from cnn_demo.convolution import ACTIVATIONS, ConvSpec
from cnn_demo.ui.components import declare

Arrangement = Literal["beside", "divider"]
ARRANGEMENTS: tuple[Arrangement, ...] = ("beside", "divider")
_JPEG_HEAD = "data:image/jpeg;base64,"

_mount = declare("conv_lens")


@dataclass(frozen=True)
class LensKernel:
    """A kernel, and how the browser computes it while one of its sliders moves.

    Attributes:
        weights: (kh, kw) float32, before the flip.
        family: Name in `KERNELS`; None for a kernel that has no sliders.
        parameters: Parameters of the family by name.
        draws: Numbers that the family "random" takes its weights from.
    """

    weights: np.ndarray
    family: str | None = None
    parameters: Mapping[str, Any] | None = None
    draws: Sequence[float] = ()


@dataclass(frozen=True)
class LensPixel:
    """The selected pixel of the result: its row and column, the channel (0 to 2), and whether a visitor picked it."""

    row: int
    column: int
    channel: int
    pinned: bool


@dataclass(frozen=True)
class LensTexts:
    """Texts of the lens.

    Attributes:
        before: Text alternative of the photo.
        after: Text alternative of the result.
        before_caption: Caption of the photo.
        after_caption: Caption of the result.
        small_note: Added to the result's caption where it is drawn at less than half of its size; `{scale}` in it
            becomes the scale, in percent.
        display: Title and sentence of the display, for the caption while a slider moves.
    """

    before: str
    after: str
    before_caption: str
    after_caption: str
    small_note: str
    display: tuple[str, str]


def conv_lens(
    photo_key: str,
    size: tuple[int, int],
    source: str,
    result_size: tuple[int, int],
    *,
    key: str,
    kernel: LensKernel,
    spec: ConvSpec,
    bias: float,
    activation: str,
    display: str,
    grey: bool,
    enlarge: bool,
    sliders: Mapping[str, Sequence[str]],
    pixel: LensPixel,
    texts: LensTexts,
    arrangement: Arrangement,
    on_pick: Callable[[int | None, int | None], None],
    on_arrange: Callable[[Arrangement], None],
    on_frame: Callable[[bytes], None],
) -> None:
    """Show a photo and its convolution; the browser follows the page's sliders while a visitor drags them.

    Args:
        photo_key: Key of the photo that `conv_photo` sends.
        size: (height, width) of the photo.
        source: Data URL of the result, shown until the browser has computed it, and where it cannot.
        result_size: (height, width) of the result.
        key: Widget key, unique on the page.
        kernel: The kernel.
        spec: Geometry; stride, dilation and explicit padding are the same along both axes.
        bias: Added to every value.
        activation: Key of `ACTIVATIONS`.
        display: Key of `DISPLAYS`.
        grey: Whether the mean of the three channels is convolved.
        enlarge: Whether a small result is shown at the size of the photo.
        sliders: Keys of the page's sliders; where their value belongs: the name of a setting ("stride", "dilation",
            "bias", "pad"), or "parameters" and the name of a parameter of the kernel.
        pixel: The selected pixel of the result.
        texts: Captions and text alternatives.
        arrangement: Both pictures beside each other, or one with a divider.
        on_pick: Callback with row and column of a picked pixel of the result; None and None if it was released.
        on_arrange: Callback with the arrangement that a visitor chose.
        on_frame: Callback with a JPEG file, a frame of the camera to be the photo.
    """

    def picked() -> None:
        point = st.session_state[key].point
        if isinstance(point, dict):
            row, column = point.get("row"), point.get("column")
            on_pick(*((None, None) if row is None or column is None else (int(row), int(column))))

    def arranged() -> None:
        if st.session_state[key].arrangement in ARRANGEMENTS:
            on_arrange(st.session_state[key].arrangement)

    def framed() -> None:
        if (file := _jpeg(st.session_state[key].frame)) is not None:
            on_frame(file)

    _mount(
        key=key,
        data={
            "photo": photo_key,
            "size": list(size),
            "src": source,
            "height": result_size[0],
            "width": result_size[1],
            "settings": {
                **_kernel_data(kernel),
                **_geometry_data(spec),
                "bias": bias,
                "activation": activation,
                "display": display,
                "grey": grey,
                "enlarge": enlarge,
            },
            "controls": {slider: list(path) for slider, path in sliders.items()},
            "pixel": vars(pixel),
            "alt": {"before": texts.before, "after": texts.after},
            "captions": {
                "before": texts.before_caption,
                "after": texts.after_caption,
                "smallNote": texts.small_note,
            },
            "display": {"title": texts.display[0], "sentence": texts.display[1]},
            "activations": {name: each.title for name, each in ACTIVATIONS.items()},
            "arrangement": arrangement,
        },
        on_point_change=picked,
        on_arrangement_change=arranged,
        on_frame_change=framed,
    )


def _kernel_data(kernel: LensKernel) -> dict[str, Any]:
    parameters = dict(kernel.parameters or {})
    if len(kernel.draws):
        parameters["draws"] = list(kernel.draws)
    return {
        "family": kernel.family,
        "parameters": parameters,
        "weights": kernel.weights.astype(float).ravel().tolist(),
        "kernelSize": list(kernel.weights.shape),
    }


def _geometry_data(spec: ConvSpec) -> dict[str, Any]:
    explicit = isinstance(spec.padding, tuple)
    return {
        "stride": spec.stride[0],
        "dilation": spec.dilation[0],
        "padding": "explicit" if explicit else spec.padding,
        "pad": spec.padding[0] if isinstance(spec.padding, tuple) else 0,
        "mode": spec.padding_mode,
        "flip": spec.flip,
    }


def _jpeg(url: object) -> bytes | None:
    """Return the file of a JPEG's data URL; None for anything else."""
    if not isinstance(url, str) or not url.startswith(_JPEG_HEAD):
        return None
    try:
        return base64.b64decode(url.removeprefix(_JPEG_HEAD), validate=True)
    except binascii.Error:
        return None
