"""Decoding of uploaded photos: from a file's bytes to a `Photo`.

`read_photo` returns a `Photo`: upright, sRGB, three channels of eight bits, no side longer than requested.
Whatever cannot become one ends in an `ImageError`, whose message is one sentence that can be shown as it is.

The bytes are untrusted:

* the format is read from the first bytes, and that one Pillow plugin is called directly. `Image.open` would also try
  others, and would apply Pillow's process-wide pixel limit, which is too low for a phone's 200 megapixels and cannot be
  changed for one visitor alone; * sizes are checked in the header, before there is a buffer for pixels (`validation`).
  Only AVIF and HEIC can state one size there and hold another in their video frames, or very many of these: a few
  kilobytes of AVIF then take minutes, or a gigabyte and more (its library stops at 268 megapixels). So no more than one
  of these two is decoded at a time; * JPEG is decoded at 1/2, 1/4 or 1/8 scale where that suffices, which saves both
  time and memory; * only pixels are kept (`colour`): EXIF (with location and time), comments and colour profile are
  dropped.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import threading
import unicodedata
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cnn_demo.images.colour import UPRIGHT, eight_bits, on_white, orientation_of
from cnn_demo.images.photo import Photo
from cnn_demo.images.validation import (
    MAX_PIXELS,
    ImageError,
    check_jpeg,
    check_pixel_count,
    check_png,
    check_png_rows,
    check_webp,
    damaged,
    has_empty_row,
    kind_of,
)

# Decoding a large picture takes some hundred megabytes for a moment: not all visitors at once.
_DECODING = threading.BoundedSemaphore(2)
# Only one AVIF or HEIC at a time, as their headers can be false: such a file must not block other photos.
_DECODING_VIDEO_FRAMES = threading.BoundedSemaphore(1)


def read_photo(data: bytes, name: str = "photo", max_side: int = 1280) -> Photo:
    """Decode a photo.

    JPEG (also MPO), PNG, WebP, AVIF and HEIC are accepted, recognized by content, not by name; of several pictures or
    frames the first is taken. EXIF orientation is applied, an embedded colour profile is converted to sRGB, 16 bits are
    scaled to 8, transparency is laid on white.

    Args:
        data: the file's bytes, at most `MAX_BYTES`.
        name: the file's name; folders and control characters are dropped from it.
        max_side: the longer side of the result is at most this many pixels; nothing is ever enlarged.

    Returns:
        The photo; it holds no reference to `data`.

    Raises:
        ImageError: the bytes are not an accepted photo, too large, or damaged. One sentence, fit to be shown.
        ValueError: `max_side` is less than 1.

    Example:
        >>> from cnn_demo.images import read_photo, sample_photos
        >>> photo = read_photo(sample_photos()[0].path.read_bytes(), "cats/Chelsea.jpg", max_side=320)
        >>> photo.name, photo.format, photo.original_size, photo.pixels.shape
        ('Chelsea.jpg', 'JPEG', (451, 300), (213, 320, 3))
    """
    if max_side < 1:
        raise ValueError(f"max_side must be at least 1, not {max_side}")
    data = bytes(data)
    kind = kind_of(data)
    try:
        with _DECODING_VIDEO_FRAMES if kind in ("AVIF", "HEIC") else contextlib.nullcontext(), _DECODING:
            pixels, original_size = _decode(data, kind, max_side)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("This photo needs more memory than is free: please save it smaller and retry.") from error
    # Given broken bytes, Pillow and the libraries under it raise OSError, SyntaxError, ValueError, EOFError,
    # IndexError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError, ZeroDivisionError, struct.error,
    # zlib.error and warnings that were made errors. To the visitor all mean the same: here all of them are caught.
    except Exception as error:
        raise damaged(kind) from error
    return Photo(pixels, _clean_name(name), hashlib.sha256(data).hexdigest(), original_size, kind)


def _decode(data: bytes, kind: str, max_side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode the first picture in `data` to (H, W, 3) uint8; return it with its size before reduction."""
    png = check_png(data) if kind == "PNG" else None
    limit = check_jpeg(data) if kind == "JPEG" else MAX_PIXELS
    image = _open(data, kind)
    size = image.size
    check_pixel_count(size, "progressive JPEG" if kind == "JPEG" and limit == MAX_PIXELS else kind, limit)
    scale = min(1.0, max_side / max(size))
    target = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    # JPEG is decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 that is not below the target. The last row and
    # column may then reach beyond the picture: the box has the exact extent, in fractions of a pixel.
    drafted = image.draft(None, target) if kind == "JPEG" else None
    image.load()
    if png and has_empty_row(image):
        check_png_rows(png)
    profile = image.info.get("icc_profile")
    orientation = orientation_of(image)
    image = eight_bits(image, png.depth if png else 8)
    if image.size != target:
        # Box-averages down to twice the target first: as good as Lanczos alone to the eye, several times faster.
        box = drafted[1] if drafted else None
        image = image.resize(target, Image.Resampling.LANCZOS, box, reducing_gap=2.0)
    if orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[orientation])
    image = on_white(image, profile)
    # An array over immutable bytes cannot be made writeable again, which would change a photo that others use.
    pixels = np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, 3)
    return pixels, size[::-1] if orientation >= 5 else size


def _open(data: bytes, kind: str) -> Image.Image:
    """Read the header with the plugin of this format; no pixels yet."""
    if kind == "HEIC":
        try:
            from pillow_heif import HeifImageFile  # only visitors with such a photo wait for this import
        except ImportError:
            raise ImageError("HEIC photos cannot be read here: please save the photo as JPEG and retry.") from None
        return HeifImageFile(io.BytesIO(data))
    # An MPO is opened as the JPEG that it begins with, so its index of further pictures cannot be wrong.
    plugins: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
        "JPEG": JpegImageFile,
        "PNG": PngImageFile,
        "WebP": WebPImageFile,
        "AVIF": AvifImageFile,
    }
    if kind == "WebP":
        check_webp(data)
    return plugins[kind](io.BytesIO(data))


def _clean_name(name: str) -> str:
    """Drop folders, control characters and whatever is beyond 80 characters; never empty."""
    name = re.split(r"[/\\]", str(name))[-1]
    return printable(name)[:80].strip() or "photo"


def printable(text: str) -> str:
    """Remove control characters and collapse white space."""
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(text.split())
