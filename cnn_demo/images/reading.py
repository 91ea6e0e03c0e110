"""Decoding of uploaded photos: from a file's bytes to a `Photo`.

`read_photo` returns a `Photo`: upright, sRGB, three channels of eight bits, no side longer than requested.
Whatever cannot become one ends in an `ImageError`, whose message is one sentence that can be shown as it is.

The bytes are untrusted:

* the format is read from the first bytes, and that one Pillow plugin is called directly (`plugins`). `Image.open` would
  also try others, and would apply Pillow's process-wide pixel limit, which is too low for a phone's 200 megapixels and
  cannot be changed for one visitor alone;
* sizes are checked in the header, before there is a buffer for pixels (`validation`). Only AVIF and HEIC can state one
  size there and hold another in their video frames, or very many of these: a few kilobytes of AVIF then take minutes,
  or a gigabyte and more (its library stops at 268 megapixels). So no more than one of these two is decoded at a time;
* JPEG is decoded at 1/2, 1/4 or 1/8 scale where that suffices, which saves both time and memory;
* only pixels are kept (`colour`): EXIF (with location and time), comments and colour profile are dropped.

A file is judged by its pixels, not by its end: one without an end marker, with padding, or that lacks up to 2 % of its
pixels is read; one that lacks more is refused (`completeness`).
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from cnn_demo.images.bitmaps import check_bmp, check_tiff, without_big_offsets
from cnn_demo.images.cicp import ColourSpace, of_codes
from cnn_demo.images.colour import UPRIGHT, eight_bits, on_white, orientation_of, with_sixteen_bits
from cnn_demo.images.completeness import ENOUGH, decoded_fraction, decoded_rows
from cnn_demo.images.gif import check_gif
from cnn_demo.images.gif import completed as completed_gif
from cnn_demo.images.heif import check_heif
from cnn_demo.images.jpeg import Jpeg, check_jpeg, ended, ends_in_grey, refilled, unpadded
from cnn_demo.images.photo import Photo
from cnn_demo.images.plugins import loaded, loaded_or_none, open_file
from cnn_demo.images.png import check_png, completed, has_empty_row, is_complete
from cnn_demo.images.validation import MAX_PIXELS, ImageError, check_pixel_count, damaged, kind_of
from cnn_demo.images.webp import first_picture

# Decoding a large picture takes some hundred megabytes for a moment: not all visitors at once.
_DECODING = threading.BoundedSemaphore(2)
# Only one AVIF or HEIC at a time, as their headers can be false: such a file must not block other photos.
_DECODING_VIDEO_FRAMES = threading.BoundedSemaphore(1)


def read_photo(data: bytes, name: str = "photo", max_side: int = 1280) -> Photo:
    """Decode a photo.

    JPEG (also MPO), PNG, WebP, AVIF, HEIC, GIF, TIFF and BMP are accepted, recognized by content, not by name; of
    several pictures, pages or frames the first is taken. EXIF orientation is applied, colours are converted to sRGB by
    the embedded profile or the codes that name them (`cicp`), 16 bits are scaled to 8, transparency is laid on white.

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
    decoded = _DECODERS[kind](data, kind, max_side)
    image, size, profile, space = decoded.image, decoded.size, decoded.profile, decoded.space
    target = _target(size, max_side)
    orientation = orientation_of(image)
    if decoded.samples is not None and space:
        image, space = with_sixteen_bits(image, decoded.samples, space, target), None
    if image.mode.startswith("I;16"):
        image, space = eight_bits(image, 16, space), None
    else:
        image = eight_bits(image, decoded.depth)
    if image.size != target:
        # Box-averages down to twice the target first: as good as Lanczos alone to the eye, several times faster.
        image = image.resize(target, Image.Resampling.LANCZOS, decoded.box, reducing_gap=2.0)
    if orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[orientation])
    image = on_white(image, profile, space)
    # An array over immutable bytes cannot be made writeable again, which would change a photo that others use.
    pixels = np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, 3)
    return pixels, size[::-1] if orientation >= 5 else size


def _target(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


_Box = tuple[float, float, float, float]


@dataclass
class _Decoded:
    """A decoded picture.

    Attributes:
        image: Its pixels, perhaps at a reduced scale.
        size: (width, height) in the file.
        profile: ICC profile.
        space: Colour space without a profile; None for sRGB.
        depth: Bits per sample in the file.
        box: Extent of the picture within `image`, in fractions of a pixel.
        samples: Pixels of 16 bits, if `image` has lost half of them.
    """

    image: Image.Image
    size: tuple[int, int]
    profile: bytes | None
    space: ColourSpace | None = None
    depth: int = 8
    box: _Box | None = None
    samples: np.ndarray | None = None


def _decode_jpeg(data: bytes, kind: str, max_side: int) -> _Decoded:
    jpeg = check_jpeg(data)

    def load(filled: bytes, mode: str | None) -> tuple[JpegImageFile, _Box | None]:
        image = open_file(filled, kind)
        check_pixel_count(image.size, "progressive JPEG" if jpeg.limit == MAX_PIXELS else kind, jpeg.limit)
        if jpeg.missing:
            raise damaged(kind)
        # The smallest of the scales 1, 1/2, 1/4, 1/8 that is not below the target; of a progressive JPEG the last scan
        # shows at 1/2. The last row and column may reach beyond the picture: the box has the exact extent.
        drafted = image.draft(mode, _target(image.size, max(image.size) // 2 if mode else max_side))
        image.load()
        return image, drafted[1] if drafted else None

    def fraction(jpeg: Jpeg) -> float:
        mode = "L" if jpeg.is_progressive else None
        (first, box), (second, _) = load(ended(data, jpeg), mode), load(refilled(data, jpeg), mode)
        scale = round(box[3] / first.height) if box else 1
        return jpeg.fraction(decoded_rows(first, second, max(1, jpeg.band // scale)))

    if bare := unpadded(data, jpeg):
        # Zeros are data, of a flat area, if the picture ends exactly with them.
        is_data = fraction(jpeg) == 1 and fraction(replace(jpeg, end=jpeg.end - 2)) < 1
        jpeg = jpeg if is_data else bare
    image, box = load(ended(data, jpeg), None)
    if (not jpeg.has_end or jpeg.is_progressive or ends_in_grey(image)) and fraction(jpeg) < ENOUGH:
        raise damaged(kind)
    return _Decoded(image, open_file(ended(data, jpeg), kind).size, image.info.get("icc_profile"), box=box)


def _decode_png(data: bytes, kind: str, max_side: int) -> _Decoded:
    png = check_png(data)
    file = png.file()
    image = loaded_or_none(file, kind)
    if image is None or (has_empty_row(image) and not is_complete(png)):
        image = loaded(file := completed(png), kind)
    samples = None
    if png.space and png.depth == 16 and png.colour in (2, 4, 6):
        import cv2  # only for these

        deep = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
        samples = None if deep is None else deep[..., 2::-1]
    return _Decoded(image, image.size, png.profile, png.space, png.depth, samples=samples)


def _decode_webp(data: bytes, kind: str, max_side: int) -> _Decoded:
    images = [loaded(filled, kind) for filled in first_picture(data)]
    if len(images) > 1 and decoded_fraction(*images) < ENOUGH:
        raise damaged(kind)
    return _Decoded(images[0], images[0].size, images[0].info.get("icc_profile"))


def _decode_gif(data: bytes, kind: str, max_side: int) -> _Decoded:
    gif = check_gif(data)
    image = loaded_or_none(gif.file(), kind)
    if image is None or (has_empty_row(image) and not gif.is_complete):
        image = loaded(completed_gif(gif), kind)
    return _Decoded(image, image.size, None)


def _decode_heif(data: bytes, kind: str, max_side: int) -> _Decoded:
    heif = check_heif(data)
    images = [] if heif.is_cut_off else [loaded_or_none(data, kind)]
    if images == [None]:
        heif.data_end = len(data.rstrip(b"\0"))  # perhaps a few zeros replace the last bytes
        heif.items_end = max(heif.items_end, min(8 * len(data), len(data) + 2**26) * heif.is_sequence)
    if heif.is_cut_off:
        decodings = (image for filled in heif.refilled(data) if (image := loaded_or_none(filled, kind)))
        images = list(itertools.islice(decodings, 1 if heif.tiles else 2))
        opaque = [image.convert("RGB") for image in images]
        fraction = heif.tile_fraction if heif.tiles else decoded_fraction(*opaque) if len(images) == 2 else 0
        if fraction < ENOUGH:
            raise damaged(kind)
        if len(images) == 2 and decoded_fraction(*images) < ENOUGH:
            if np.median(np.asarray(images[0].getchannel("A"))) < 250:
                raise damaged(kind)
            images = opaque  # the end of a transparency that does not show is lost
    if not images or images[0] is None:
        raise damaged(kind)
    image, profile = images[0], images[0].info.get("icc_profile")
    if heif.codes is None and (named := image.info.get("nclx_profile")):  # of the video stream
        heif.codes = named["color_primaries"], named["transfer_characteristics"]
    space = of_codes(*heif.codes) if heif.codes and not profile else None
    return _Decoded(image, image.size, profile, space)


def _decode_bmp(data: bytes, kind: str, max_side: int) -> _Decoded:
    image = loaded(check_bmp(data), kind)
    if image.mode == "RGBA" and not image.getchannel("A").getbbox():
        image = image.convert("RGB")  # a fourth byte that nobody has filled: browsers ignore it as well
    return _Decoded(image, image.size, None)


def _decode_tiff(data: bytes, kind: str, max_side: int) -> _Decoded:
    tiff = check_tiff(data)
    image = loaded(without_big_offsets(data), kind)
    profile = image.info.get("icc_profile") if image.mode != "LAB" else None
    image = tiff.normalized(image)
    return _Decoded(image, image.size, profile)


_DECODERS: dict[str, Callable[[bytes, str, int], _Decoded]] = {
    "JPEG": _decode_jpeg,
    "PNG": _decode_png,
    "WebP": _decode_webp,
    "GIF": _decode_gif,
    "TIFF": _decode_tiff,
    "BMP": _decode_bmp,
    "AVIF": _decode_heif,
    "HEIC": _decode_heif,
}


def _clean_name(name: str) -> str:
    """Drop folders, control characters and whatever is beyond 80 characters; never empty."""
    name = re.split(r"[/\\]", str(name))[-1]
    return printable(name)[:80].strip() or "photo"


def printable(text: str) -> str:
    """Remove control characters and collapse white space."""
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(text.split())
