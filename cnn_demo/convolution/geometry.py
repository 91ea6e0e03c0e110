"""Geometry of convolution: output sizes, padding and the border that no window reaches.

Everything here is arithmetic on integers; no pixel is touched except in `pad_image`. The formulas are those of
Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (2016), https://arxiv.org/abs/1603.07285.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Pair = tuple[int, int]
Padding = Literal["same", "valid"]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]

PADDINGS: tuple[Padding, ...] = get_args(Padding)
PADDING_MODES: tuple[PaddingMode, ...] = get_args(PaddingMode)
_NUMPY_MODES: dict[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def as_pair(value: object, name: str, minimum: int) -> Pair:
    """Return `value` as (rows, columns): one integer counts for both axes.

    Args:
        value: an integer, or two of them as a tuple, list or array.
        name: Name of the value in the error message.
        minimum: the smallest integer allowed.

    Raises:
        ValueError: if it is anything else, or smaller than `minimum`.
    """
    numbers = tuple(value) if isinstance(value, tuple | list | np.ndarray) else (value, value)
    if len(numbers) != 2 or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in numbers):
        raise ValueError(f"{name} must be one integer or two, not {value!r}.")
    rows, columns = int(numbers[0]), int(numbers[1])
    if min(rows, columns) < minimum:
        raise ValueError(f"{name} must be at least {minimum}, not {value!r}.")
    return rows, columns


@dataclass(frozen=True, init=False)
class ConvSpec:
    """The geometry of a convolution. One integer stands for both axes: `ConvSpec(stride=2)`.

    Attributes:
        stride: (rows, columns) from one window to the next, in pixels, at least 1.
        padding: "same" (the output has ceil(size / stride) pixels, the rule of TensorFlow and Keras), "valid" (none),
            or an explicit number of pixels on both sides, (rows, columns).
        padding_mode: Content of the padding: "zeros", "reflect" (mirrored about the border pixel, which is not
            repeated), "replicate" (the border pixel again) or "circular" (the opposite side of the image).
        dilation: (rows, columns) from one kernel tap to the next, in pixels, at least 1.
        flip: False is cross-correlation, which deep learning libraries call convolution; True rotates the kernel by
            180° first, which is convolution as mathematics and signal processing define it.

    Raises:
        ValueError: if an attribute is not one of these.
    """

    stride: Pair
    padding: Padding | Pair
    padding_mode: PaddingMode
    dilation: Pair
    flip: bool

    def __init__(
        self,
        stride: int | Pair = 1,
        padding: str | int | Pair = "same",
        padding_mode: str = "zeros",
        dilation: int | Pair = 1,
        flip: bool = False,
    ) -> None:
        object.__setattr__(self, "stride", as_pair(stride, "stride", 1))
        object.__setattr__(self, "padding", _checked_padding(padding))
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {', '.join(PADDING_MODES)}, not {padding_mode!r}.")
        object.__setattr__(self, "padding_mode", padding_mode)
        object.__setattr__(self, "dilation", as_pair(dilation, "dilation", 1))
        object.__setattr__(self, "flip", bool(flip))


def _checked_padding(padding: str | int | Pair) -> Padding | Pair:
    if not isinstance(padding, str):
        return as_pair(padding, "padding", 0)
    if padding not in PADDINGS:
        raise ValueError(f'padding must be "same", "valid" or a number of pixels, not {padding!r}.')
    return padding


def dilated_size(kernel_size: Pair, dilation: Pair) -> Pair:
    """Return how many rows and columns of pixels a dilated kernel spans, (k − 1)·dilation + 1."""
    return (kernel_size[0] - 1) * dilation[0] + 1, (kernel_size[1] - 1) * dilation[1] + 1


def padding_amounts(size: Pair, kernel_size: Pair, spec: ConvSpec) -> tuple[Pair, Pair]:
    """Return ((top, bottom), (left, right)) pixels of padding for an image of `size` (H, W).

    "same" pads just enough for ceil(size / stride) windows; of an odd amount the extra pixel goes to the bottom and
    the right, as in TensorFlow, Keras and PyTorch.

    Raises:
        ValueError: if a size is smaller than 1.
    """
    size = as_pair(size, "size", 1)
    kernel_size = as_pair(kernel_size, "kernel_size", 1)
    if isinstance(spec.padding, tuple):
        rows, columns = spec.padding
        return (rows, rows), (columns, columns)
    if spec.padding == "valid":
        return (0, 0), (0, 0)
    span = dilated_size(kernel_size, spec.dilation)
    return _same_amount(size[0], span[0], spec.stride[0]), _same_amount(size[1], span[1], spec.stride[1])


def _same_amount(n: int, span: int, stride: int) -> Pair:
    windows = -(-n // stride)
    total = max((windows - 1) * stride + span - n, 0)
    return total // 2, total - total // 2


def output_size(size: Pair, kernel_size: Pair, spec: ConvSpec) -> Pair:
    """Return the (H', W') of the feature map: floor((padded − span) / stride) + 1 along each axis.

    Args:
        size: (H, W) of the image.
        kernel_size: (kh, kw), before dilation.
        spec: stride, padding and dilation.

    Raises:
        ValueError: if the dilated kernel is larger than the padded image, so that no window fits.

    Example:
        >>> from cnn_demo.convolution import ConvSpec, output_size
        >>> output_size((224, 224), (7, 7), ConvSpec(stride=2, padding=3))  # the first layer of a ResNet
        (112, 112)
    """
    rows, columns = _slack(size, kernel_size, spec)
    return rows // spec.stride[0] + 1, columns // spec.stride[1] + 1


def dropped_border(size: Pair, kernel_size: Pair, spec: ConvSpec) -> Pair:
    """Return how many bottom rows and right columns of the padded image no window reaches.

    A stride that does not divide the distance leaves such a border; libraries drop it silently. With a stride beyond
    the kernel's span there are gaps between windows too, which are not counted here.

    Raises:
        ValueError: if the dilated kernel is larger than the padded image.
    """
    rows, columns = _slack(size, kernel_size, spec)
    return rows % spec.stride[0], columns % spec.stride[1]


def _slack(size: Pair, kernel_size: Pair, spec: ConvSpec) -> Pair:
    """How far the kernel can travel over the padded image, in pixels."""
    (top, bottom), (left, right) = padding_amounts(size, kernel_size, spec)
    height, width = size[0] + top + bottom, size[1] + left + right
    kh, kw = dilated_size(kernel_size, spec.dilation)
    if kh > height or kw > width:
        raise ValueError(f"The kernel spans {kh} × {kw} pixels but the padded image has only {height} × {width}.")
    return height - kh, width - kw


def pad_image(image: np.ndarray, amounts: tuple[Pair, Pair], mode: str = "zeros") -> np.ndarray:
    """Return the image with padding around it.

    Args:
        image: (H, W) or (H, W, C).
        amounts: ((top, bottom), (left, right)) in pixels; they may exceed the image, which is then repeated.
        mode: one of `PADDING_MODES`.

    Raises:
        ValueError: if the mode is unknown.
    """
    if mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {', '.join(PADDING_MODES)}, not {mode!r}.")
    widths = (*amounts, *[(0, 0)] * (image.ndim - 2))
    return np.pad(image, widths, mode=_NUMPY_MODES[mode])
