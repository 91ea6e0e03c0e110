"""Pillow's plugin for each accepted format, called directly: `Image.open` would also try others."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cnn_demo.images.validation import MAX_PIXELS, ImageError, check_pixel_count


def loaded(data: bytes, kind: str) -> Any:
    """Decode a file at full scale; its size is checked first."""
    image = open_file(data, kind)
    check_pixel_count(image.size, kind, MAX_PIXELS)
    image.load()
    return image


def loaded_or_none(data: bytes, kind: str) -> Any:
    """Decode a file as `loaded` does; None if it is damaged."""
    try:
        return loaded(data, kind)
    except (ImageError, MemoryError):
        raise
    except Exception:
        return None


def open_file(data: bytes, kind: str) -> Any:
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
        "GIF": GifImageFile,
        "TIFF": TiffImageFile,
        "BMP": BmpImageFile,
    }
    return plugins[kind](io.BytesIO(data))
