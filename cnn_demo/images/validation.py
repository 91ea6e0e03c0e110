"""Checks of a photo's bytes before decoding: its format and its size.

While these checks run there is no buffer for pixels yet. `jpeg`, `png`, `webp`, `gif` and `heif` check the structure of
each format.
"""

from __future__ import annotations

from cnn_demo.limits import PHOTO_MB

ACCEPTED = "JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP"
EXTENSIONS = tuple(
    "jpg jpeg jfif mpo png apng webp avif heic heif gif tif tiff bmp".split()  # noqa: SIM905
)
"""File name endings of the accepted formats, for a file picker; the reading itself never looks at the name."""

MAX_BYTES = PHOTO_MB * 2**20
MAX_PIXELS = 8192 * 6144
"""The largest size that sensors of "50 megapixels" make."""
MAX_JPEG_PIXELS = 200_000_000
"""JPEG may be larger than the rest, because it is decoded at reduced scale. It must then be of the kind that needs one
pass: of a progressive JPEG libjpeg holds all coefficients at once, at full size (200 megapixels: 600 to 1200 MB)."""
MAX_SIDE = 65_535
"""Longest side of any photo, in pixels: JPEG's own limit. One pixel wide and millions high is no photo, but costs a
pointer for each row."""


class ImageError(ValueError):
    """The bytes cannot be shown as a photo; the message is one sentence with the reason and the remedy."""


# Format from the first bytes ----------------------------------------------------------------------------------------

_OTHER_KINDS = {
    b"IIRO": "a raw picture",
    b"IIU\0": "a raw picture",
    b"%PDF": "a PDF document",
    b"<svg": "an SVG drawing",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1aE\xdf\xa3": "a video",
}


def kind_of(data: bytes) -> str:
    """Name the accepted format that `data` begins like; ImageError if there is none, or it is empty or too long."""
    if not data:
        raise ImageError(f"This file is empty: please choose a photo in {ACCEPTED}.")
    if len(data) > MAX_BYTES:
        megabytes = -(-len(data) // 2**20)
        raise ImageError(
            f"This file has {megabytes} MB but at most {PHOTO_MB} MB are accepted: please save the photo smaller."
        )
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if data.startswith(b"BM") and data[15:18] == bytes(3):  # two letters begin other files too
        return "BMP"
    kind = next((kind for start, kind in _OTHER_KINDS.items() if data.startswith(start)), "another kind of file")
    if data[4:8] == b"ftyp":
        # The first brand may be the neutral "mif1"; the list of compatible brands then shows which of the two it is.
        listed = data[16 : min(256, int.from_bytes(data[:4], "big"))]
        brands = [data[8:12], *(listed[i : i + 4] for i in range(0, len(listed), 4))]
        for brand in brands:
            if brand in (b"avif", b"avis"):
                return "AVIF"
            if brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"):
                return "HEIC"
        if brands[0] in (b"mif1", b"msf1"):
            return "HEIC"
        kind = "a video"
    raise ImageError(f"This looks like {kind} and not like a photo we can read: please choose a photo in {ACCEPTED}.")


def is_photo(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of an accepted format."""
    try:
        return bool(kind_of(start))
    except ImageError:
        return False


# Sizes --------------------------------------------------------------------------------------------------------------


def damaged(kind: str) -> ImageError:
    """Make the error for bytes that begin like a photo of this kind but do not go on like one."""
    return ImageError(f"This {kind} is cut off or damaged: please save it again and retry.")


def check_pixel_count(size: tuple[int, int], kind: str, limit: int) -> None:
    """Refuse a picture of (width, height) with no pixels, too long a side, or more than `limit` pixels."""
    if min(size) < 1:
        raise damaged(kind)
    if max(size) > MAX_SIDE:
        raise ImageError(f"This photo is {max(size)} pixels long but at most {MAX_SIDE} can be read: please crop it.")
    if size[0] * size[1] > limit:
        megapixels = -(-size[0] * size[1] // 1_000_000)
        raise ImageError(
            f"This {kind} has {megapixels} megapixels but at most {limit // 1_000_000} can be read: "
            "please save it smaller and retry."
        )
