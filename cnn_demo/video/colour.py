"""Conversion of decoded frames to sRGB: matrix and range, wide gamut, HDR, and transparency on white.

A frame carries the codes of ITU-T H.273: `colorspace` (the matrix between RGB and YCbCr), `color_range`,
`color_primaries` and `color_trc` (the transfer function). HDR is mapped as ITU-R BT.2408 recommends: its diffuse white,
203 cd/m², is the white of sRGB; brighter colours are compressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

_EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_YCGCO = 8
_COMPONENTS = {"rgb24": "yuv444p", "gbrp16le": "yuv444p16le"}
_UNSTATED = (0, 2, 3)  # 2 is unspecified; 0 and 3 are reserved, 0 as a matrix is RGB
_HD = 720  # lines from which an unnamed matrix is that of BT.709, as in browsers
_LINEAR, _PQ, _HLG = 8, 16, 18
_BT2020, _DCI_P3, _DISPLAY_P3 = 9, 11, 12
_TO_SRGB = {
    _BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    _DCI_P3: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
    _DISPLAY_P3: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
_BT2020_LUMINANCE = (0.2627, 0.6780, 0.0593)
WHITE = 203.0
"""Luminance of HDR's diffuse white in cd/m²."""
PEAK = 1000.0
"""Luminance that becomes the brightest white, in cd/m²: the nominal peak of HLG."""
KNEE = 0.8
"""Linear value up to which colours are kept; brighter ones are compressed into the rest."""


@dataclass(frozen=True)
class ColourCodes:
    """Codes of ITU-T H.273 that a container states; a frame without its own has these."""

    colorspace: int = 2
    color_range: int = 0
    color_primaries: int = 2
    color_trc: int = 2

    @classmethod
    def of(cls, decoder: av.VideoCodecContext) -> ColourCodes:
        """Read the codes before the first frame is decoded: some decoders then reset them."""
        return cls(
            int(decoder.colorspace), int(decoder.color_range), int(decoder.color_primaries), int(decoder.color_trc)
        )


def to_srgb(frame: av.VideoFrame, width: int, height: int, fallback: ColourCodes) -> np.ndarray:
    """Return a frame as (height, width, 3) uint8 sRGB.

    Args:
        frame: The decoded frame.
        width: Width of the result.
        height: Height of the result.
        fallback: The container's codes.
    """
    transfer = _code(frame.color_trc, fallback.color_trc)
    primaries = _code(frame.color_primaries, fallback.color_primaries)
    if transfer in (_PQ, _HLG) and primaries in _UNSTATED:
        primaries = _BT2020
    is_transparent = any(component.is_alpha for component in frame.format.components)
    if transfer not in (_LINEAR, _PQ, _HLG) and primaries not in _TO_SRGB:
        pixels = _rgb(frame, width, height, "rgba" if is_transparent else "rgb24", fallback)
        return on_white(pixels[..., :3], pixels[..., 3:]) if is_transparent else pixels
    samples = _rgb(frame, width, height, "gbrap16le" if is_transparent else "gbrp16le", fallback)
    light = _linear(transfer)[samples[..., :3]]
    if transfer == _HLG:
        luminance = light @ np.asarray(_BT2020_LUMINANCE, np.float32)
        light *= (PEAK / WHITE * luminance**0.2)[..., None]  # the OOTF, from the scene to a display of 1000 cd/m²
    if primaries in _TO_SRGB:
        light = light @ np.asarray(_TO_SRGB[primaries], np.float32).T
    if transfer in (_PQ, _HLG):
        light = _compressed(light)
    colours = _encoded(light)
    if is_transparent:
        return on_white(colours, samples[..., 3:] / np.float32(257))
    return np.rint(colours).astype(np.uint8)


def _code(own: int, fallback: int) -> int:
    return int(fallback if own in _UNSTATED else own)


def _rgb(frame: av.VideoFrame, width: int, height: int, format: str, fallback: ColourCodes) -> np.ndarray:
    matrix = None
    if _code(frame.colorspace, fallback.colorspace) == _YCGCO and format in _COMPONENTS and not frame.format.is_rgb:
        return _of_ycgco(frame, width, height, format, fallback)
    if not frame.format.is_rgb:
        usual = Colorspace.ITU709 if frame.height >= _HD else Colorspace.ITU601
        if _code(frame.color_trc, fallback.color_trc) in (_PQ, _HLG):
            usual = Colorspace.BT2020
        matrix = _MATRICES.get(_code(frame.colorspace, fallback.colorspace), usual)
    is_full = _is_full(frame, fallback)
    converted = frame.reformat(
        width,
        height,
        format,
        src_colorspace=matrix,
        src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_EXACT,
        threads=1,
    )
    pixels: np.ndarray = converted.to_ndarray()
    if frame.format.name.startswith("gray") and not is_full:  # swscale takes every grey picture for full range
        white = np.iinfo(pixels.dtype).max
        pixels = np.rint((pixels / np.float32(white) * 255 - 16).clip(0, 219) * (white / 219)).astype(pixels.dtype)
    return pixels


def _is_full(frame: av.VideoFrame, fallback: ColourCodes) -> bool:
    code = int(frame.color_range or fallback.color_range)
    return code == ColorRange.JPEG or frame.format.name.startswith("yuvj") or frame.format.is_rgb


def _of_ycgco(frame: av.VideoFrame, width: int, height: int, format: str, fallback: ColourCodes) -> np.ndarray:
    """Return a frame of luma, green and orange differences as RGB of this format; swscale has no such matrix."""
    is_full = _is_full(frame, fallback)
    frame.colorspace = Colorspace.ITU709  # the same as that of the result: nothing is converted
    planes: np.ndarray = frame.reformat(
        width,
        height,
        _COMPONENTS[format],
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
        interpolation=_EXACT,
        threads=1,
    ).to_ndarray()
    planes = planes if planes.shape[0] == 3 else planes.transpose(2, 0, 1)
    white = np.iinfo(planes.dtype).max
    bits = planes.dtype.itemsize * 8 - 8
    luma, green, orange = (plane.astype(np.float32) / 2**bits for plane in planes)
    largest = white / 2**bits
    low, span, chroma = (0, largest, largest) if is_full else (16, 219, 224)
    luma, green, orange = (luma - low) / span, (green - 128) / chroma, (orange - 128) / chroma
    rest = luma - green
    colours = np.stack([rest + orange, luma + green, rest - orange], axis=-1)
    return np.rint(colours.clip(0, 1) * white).astype(planes.dtype)


def on_white(pixels: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Composite (H, W, 3) pixels on white.

    Args:
        pixels: (H, W, 3) values, 0 to 255.
        opacity: (H, W, 1) values, 0 to 255.

    Returns:
        (H, W, 3) uint8.
    """
    share = opacity / np.float32(255)
    return np.rint(pixels * share + 255 * (1 - share)).astype(np.uint8)


@cache
def _linear(transfer: int) -> np.ndarray:
    """Return linear light for each of 65,536 samples; 1 is white, for HLG the brightest light of the scene."""
    signal = np.linspace(0, 1, 65536)
    if transfer == _LINEAR:
        light = signal
    elif transfer == _HLG:
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    elif transfer == _PQ:
        root = signal ** (1 / 78.84375)
        light = (
            10000 / WHITE * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        )
    else:
        light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _compressed(light: np.ndarray) -> np.ndarray:
    """Map linear values from the knee to the peak to the range from the knee to 1, with a continuous slope."""
    room, span = 1 - KNEE, PEAK / WHITE - KNEE
    above = np.minimum(np.maximum(light - KNEE, 0), span)
    curve = above / (1 + above * (1 / room - 1 / span))  # slope 1 at the knee, and the peak becomes 1
    return np.where(light > KNEE, np.float32(KNEE) + curve.astype(np.float32), light)


def _encoded(light: np.ndarray) -> np.ndarray:
    """Return linear light as sRGB values, 0 to 255, not rounded."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
