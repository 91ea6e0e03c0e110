"""Colour spaces that are named by codes or figures instead of an ICC profile, and their conversion to sRGB.

AVIF, HEIC and PNG (chunk `cICP`) name primaries and transfer function by the codes of ITU-T H.273 (CICP); older PNGs
give a gamma value and chromaticities (`gAMA`, `cHRM`). The result is what browsers show, with one exception: HDR is
clipped at its diffuse white (203 cd/m² for PQ, 75 % for HLG, ITU-R BT.2408), instead of compressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from PIL import Image

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""CIE x and y of white, red, green and blue."""

_D65 = (0.3127, 0.3290)
_C = (0.3101, 0.3162)
_PRIMARIES: dict[int, Chromaticities] = {
    1: (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*_D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
_BT709, _SRGB = 1, 13
_LIKE_SRGB = (1, 6, 11, 12, 14, 15)
"""BT.601, BT.709 and BT.2020: browsers show pictures with these transfer functions as they show sRGB."""
_TRANSFERS = (4, 5, 7, 8, 9, 10, 16, 17, 18)
_WHITE = 203.0
"""Luminance of PQ's diffuse white in cd/m² (BT.2408)."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_STRIP = 256
"""Rows converted at a time, so that the memory does not grow with the picture."""


@dataclass(frozen=True, eq=False)
class ColourSpace:
    """A colour space other than sRGB.

    Attributes:
        transfer: H.273 code of the transfer function, or the exponent of a power law as a negative number.
        matrix: (3, 3) float32, linear RGB to linear sRGB; None for the primaries of sRGB.
    """

    transfer: float
    matrix: np.ndarray | None

    def table(self, size: int = 256) -> np.ndarray:
        """Return the sRGB value, 0 to 255, of each of `size` sample values; for grey, or without a matrix."""
        return _encode(_linear(self.transfer, size))

    def to_srgb(self, pixels: np.ndarray) -> np.ndarray:
        """Convert (H, W, 3) uint8 or uint16 pixels to (H, W, 3) uint8 sRGB."""
        size = int(np.iinfo(pixels.dtype).max) + 1
        if self.matrix is None:
            converted: np.ndarray = self.table(size)[pixels]
            return converted
        linear = _linear(self.transfer, size)
        out = np.empty(pixels.shape, np.uint8)
        for top in range(0, len(pixels), _STRIP):
            out[top : top + _STRIP] = _encode(linear[pixels[top : top + _STRIP]] @ self.matrix.T)
        return out

    def convert(self, image: Image.Image) -> Image.Image:
        """Convert an image of mode L or RGB to sRGB of the same mode."""
        if image.mode == "L" or self.matrix is None:
            return image.point(self.table().tolist() * len(image.getbands()))
        return Image.fromarray(self.to_srgb(np.asarray(image)))


def of_codes(primaries: int, transfer: int) -> ColourSpace | None:
    """Return the colour space of H.273 codes; None if it is sRGB, or shown like sRGB, or unknown."""
    matrix = to_srgb_matrix(_PRIMARIES[primaries]) if primaries in _PRIMARIES and primaries != _BT709 else None
    transfer = transfer if transfer in _TRANSFERS else _SRGB
    return None if matrix is None and transfer == _SRGB else ColourSpace(transfer, matrix)


def of_png_codes(primaries: int, transfer: int, matrix: int, is_full_range: int) -> tuple[bool, ColourSpace | None]:
    """Return whether a PNG's `cICP` counts, and its colour space.

    As in browsers it does not count if a code is unspecified or unknown, the matrix is not that of RGB, or the range is
    narrow. Unlike in AVIF, the transfer function of BT.709 is the one of its displays: gamma 2.4 (BT.1886).
    """
    is_known = primaries in _PRIMARIES and (transfer in _TRANSFERS or transfer in _LIKE_SRGB or transfer == _SRGB)
    if not is_known or matrix != 0 or is_full_range != 1:
        return False, None
    space = of_codes(primaries, transfer)
    if transfer in _LIKE_SRGB:
        space = ColourSpace(-2.4, space.matrix if space else None)
    return True, space


def of_gamma(gamma: float | None, chromaticities: Chromaticities | None) -> ColourSpace | None:
    """Return the colour space of a PNG's `gAMA`, the exponent of its encoding, and `cHRM`.

    As in browsers chromaticities count only together with a gamma value, and a gamma of 1/2.2 alone is taken for sRGB.
    """
    if gamma is None or not 0.05 <= gamma <= 5:
        return None
    matrix = to_srgb_matrix(chromaticities) if chromaticities else None
    if matrix is not None and np.abs(matrix - np.eye(3)).max() < 0.005:
        matrix = None
    if matrix is None and abs(gamma * 2.2 - 1) < 0.005:
        return None
    return ColourSpace(-1 / gamma, matrix)


def to_srgb_matrix(chromaticities: Chromaticities) -> np.ndarray | None:
    """Return the (3, 3) matrix from linear RGB to linear sRGB, adapted to its white (Bradford); None if singular."""
    try:
        with np.errstate(all="ignore"):
            matrix = np.linalg.inv(_to_xyz(_PRIMARIES[_BT709])) @ _to_xyz(chromaticities)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    return matrix.astype(np.float32) if np.isfinite(matrix).all() else None


def _to_xyz(chromaticities: Chromaticities) -> np.ndarray:
    """Return the matrix from linear RGB to CIE XYZ under D65."""
    x, y = np.array(chromaticities).reshape(4, 2).T
    points = np.stack([x, y, 1 - x - y])
    white, columns = points[:, 0] / y[0], points[:, 1:]
    columns = columns * np.linalg.solve(columns, white)
    here = _BRADFORD @ white
    there = _BRADFORD @ np.array([_D65[0], _D65[1], 1 - sum(_D65)]) / _D65[1]
    matrix: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(there / here) @ _BRADFORD @ columns
    return matrix


@lru_cache(16)  # a file may give any gamma value
def _linear(transfer: float, size: int) -> np.ndarray:
    """Return linear light for each of `size` sample values; 1 is white."""
    signal = np.linspace(0, 1, size)
    if transfer == 16:
        root = signal ** (1 / 78.84375)
        ratio = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        light = 10000 / _WHITE * ratio ** (1 / 0.1593017578125)
    elif transfer == 18:
        light = _hlg(signal) / _hlg(np.array(0.75))
    elif transfer == 8:
        light = signal
    elif transfer == 7:
        light = np.where(signal < 0.0912, signal / 4, ((signal + 0.1115) / 1.1115) ** (1 / 0.45))
    elif transfer in (9, 10):  # logarithmic, over two decades and over two and a half
        light = np.where(signal > 0, 10 ** ((signal - 1) * (2 if transfer == 9 else 2.5)), 0)
    elif transfer == _SRGB:
        light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    elif transfer == 17:
        light = signal**2.6 * 52.37 / 48
    else:
        light = signal ** {4.0: 2.2, 5.0: 2.8}.get(transfer, -transfer)
    return light.astype(np.float32)


def _hlg(signal: np.ndarray) -> np.ndarray:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


@cache
def _encoding() -> np.ndarray:
    """Return the sRGB values of 65,536 linear ones."""
    light = np.linspace(0, 1, 65536)
    values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * values).astype(np.uint8)


def _encode(light: np.ndarray) -> np.ndarray:
    values: np.ndarray = _encoding()[np.rint(np.clip(light, 0, 1) * 65535).astype(np.uint16)]
    return values
