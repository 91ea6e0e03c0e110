"""Bytes in, a photo out: what every page does first with what a visitor uploads.

`read_photo` answers with a `Photo`: upright, sRGB, three channels of eight bits, no side longer than asked for.
Whatever cannot become one ends in an `ImageError`, whose message is one sentence that can be shown as it is.

The bytes come from strangers, so nothing here trusts them:

* the format is told by the first bytes, and that one Pillow plugin is called directly. `Image.open` would also try
  others, and would apply Pillow's process-wide pixel limit, which is too low for a phone's 200 megapixels and cannot be
  changed for one visitor alone;
* sizes are checked in the header, before there is a buffer for pixels. An AVIF or HEIC header that lies about it is met
  by the limits of their libraries (268 megapixels) and by decoding no more than two photos at a time;
* JPEG is decoded at 1/2, 1/4 or 1/8 scale where that suffices, which saves both time and memory;
* only pixels survive: EXIF (with its place and time), comments and colour profile end here.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import struct
import threading
import unicodedata
import zlib
from dataclasses import dataclass, field

import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cnn_demo.samples import SamplePhoto, sample_photos

__all__ = ["ACCEPTED", "EXTENSIONS", "ImageError", "Photo", "SamplePhoto", "read_photo", "sample_photos"]

ACCEPTED = "JPEG, PNG, WebP, AVIF or HEIC"
EXTENSIONS = ("jpg", "jpeg", "mpo", "png", "apng", "webp", "avif", "heic", "heif")
"""File name endings of the accepted formats, for a file picker; the reading itself never looks at the name."""

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000
MAX_JPEG_PIXELS = 200_000_000
"""JPEG may be larger than the rest, because it is decoded at reduced scale. It must then be of the kind that needs one
pass: of a progressive JPEG libjpeg holds all coefficients at once, at full size (200 megapixels: 600 to 1200 MB)."""
MAX_SIDE = 65_535
"""Longest side of any photo, in pixels: JPEG's own limit. One pixel wide and millions high is no photo, but costs a
pointer for each row."""
MAX_SCANS = 50
"""Scans of a progressive JPEG, usually about ten. Each is a pass over the whole picture that can cost the sender a few
bytes only."""
MAX_CHUNKS = 50_000
"""Chunks of a PNG: 20 MB in pieces of 400 bytes. Walking through millions of empty ones takes seconds."""
MAX_PROFILE_BYTES = 4 * 2**20
"""Larger colour profiles are ignored. Those of phones have 0.5 kB, those of printing presses up to 3 MB."""

# Decoding a large picture takes some hundred megabytes for a moment: not all visitors at once.
_DECODING = threading.BoundedSemaphore(2)


class ImageError(ValueError):
    """These bytes cannot be shown as a photo; the message says why and what to do, in one sentence for the visitor."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo, and where it came from.

    Two photos are equal, and hash the same, where their `key` is the same: pixels are never compared.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, upright, C-contiguous and read-only (copy before drawing into it).
        name: what to call it on a page: the file name without folders, at most 80 characters.
        sha256: hexadecimal digest of the file's bytes. The same file read with another `max_side` has the same
            digest but other pixels: where that can happen, cache by `key`.
        original_size: (width, height) of the file's picture in pixels, upright, before it was made smaller.
        format: "JPEG", "PNG", "WebP", "AVIF" or "HEIC".
        credit: author and licence, of a sample photo.
        alt: what is to be seen, for those who cannot see it; of a sample photo.
    """

    pixels: np.ndarray = field(repr=False)
    name: str
    sha256: str
    original_size: tuple[int, int] = (0, 0)
    format: str = ""
    credit: str = ""
    alt: str = ""
    key: str = field(init=False)
    """What to cache by: the digest and the size of `pixels`, which together say all about them."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"pixels must be (H, W, 3) uint8, not {self.pixels.shape} {self.pixels.dtype}")
        pixels = np.ascontiguousarray(self.pixels).view()
        pixels.flags.writeable = False
        height, width = pixels.shape[:2]
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "key", f"{self.sha256}-{width}x{height}")
        if self.original_size == (0, 0):
            object.__setattr__(self, "original_size", (width, height))

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Photo) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)


def read_photo(data: bytes, name: str = "photo", max_side: int = 1280) -> Photo:
    """Decode a photo.

    JPEG (also MPO), PNG, WebP, AVIF and HEIC are accepted, told by their content whatever the name says; of several
    pictures or frames the first is taken. EXIF orientation is applied, an embedded colour profile is converted to sRGB,
    16 bits are scaled to 8, transparency is laid on white.

    Args:
        data: the file's bytes, at most `MAX_BYTES`.
        name: the file's name; folders and control characters are dropped from it.
        max_side: the longer side of the result is at most this many pixels; nothing is ever enlarged.

    Returns:
        The photo; it holds no reference to `data`.

    Raises:
        ImageError: the bytes are not an accepted photo, too large, or damaged. One sentence, fit to be shown.
        ValueError: `max_side` is less than 1.
    """
    if max_side < 1:
        raise ValueError(f"max_side must be at least 1, not {max_side}")
    data = bytes(data)
    kind = _kind(data)
    try:
        with _DECODING:
            pixels, original_size = _decode(data, kind, max_side)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("This photo needs more memory than is free: please save it smaller and retry.") from error
    # Given broken bytes, Pillow and the libraries under it raise OSError, SyntaxError, ValueError, EOFError,
    # IndexError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError, ZeroDivisionError, struct.error,
    # zlib.error and warnings that were made errors. To the visitor all mean the same: here all of them are caught.
    except Exception as error:
        raise _damaged(kind) from error
    return Photo(pixels, _clean_name(name), hashlib.sha256(data).hexdigest(), original_size, kind)


def _decode(data: bytes, kind: str, max_side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode the first picture in `data` to (H, W, 3) uint8, and say its size before it was reduced."""
    png = _check_png(data) if kind == "PNG" else None
    limit = _check_jpeg(data) if kind == "JPEG" else MAX_PIXELS
    image = _open(data, kind)
    size = image.size
    _check_pixels(size, "progressive JPEG" if kind == "JPEG" and limit == MAX_PIXELS else kind, limit)
    scale = min(1.0, max_side / max(size))
    target = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    # JPEG is decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 that is not below the target. The last row and
    # column may then reach beyond the picture: the box says how far it goes, in fractions of a pixel.
    drafted = image.draft(None, target) if kind == "JPEG" else None
    image.load()
    if png and _has_empty_row(image):
        _check_png_rows(png)
    profile = image.info.get("icc_profile")
    orientation = _orientation(image)
    image = _eight_bits(image, png.depth if png else 8)
    if image.size != target:
        # Box-averages down to twice the target first: as good as Lanczos alone to the eye, several times faster.
        image = image.resize(target, Image.Resampling.LANCZOS, drafted and drafted[1], reducing_gap=2.0)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    image = _on_white(image, profile)
    # An array over immutable bytes: nobody can make it writeable again, and change a photo that others share.
    pixels = np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width, 3)
    return pixels, size[::-1] if orientation >= 5 else size


# What the first bytes say -------------------------------------------------------------------------------------------

_OTHER_KINDS = {
    b"GIF8": "a GIF",
    b"II*\0": "a TIFF or raw picture",
    b"MM\0*": "a TIFF or raw picture",
    b"BM": "a BMP picture",
    b"%PDF": "a PDF document",
    b"<svg": "an SVG drawing",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1aE\xdf\xa3": "a video",
}


def _kind(data: bytes) -> str:
    """Name the accepted format that `data` begins like; ImageError where it is none, empty or too long."""
    if not data:
        raise ImageError(f"This file is empty: please choose a {ACCEPTED} photo.")
    if len(data) > MAX_BYTES:
        megabytes = -(-len(data) // 2**20)
        raise ImageError(f"This file has {megabytes} MB but at most 20 MB are accepted: please save the photo smaller.")
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    what = next((what for start, what in _OTHER_KINDS.items() if data.startswith(start)), "another kind of file")
    if data[4:8] == b"ftyp":
        # The first brand may be the neutral "mif1"; the list of compatible brands then tells which of the two it is.
        listed = data[16 : min(256, int.from_bytes(data[:4], "big"))]
        brands = [data[8:12], *(listed[i : i + 4] for i in range(0, len(listed), 4))]
        for brand in brands:
            if brand in (b"avif", b"avis"):
                return "AVIF"
            if brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"):
                return "HEIC"
        if brands[0] in (b"mif1", b"msf1"):
            return "HEIC"
        what = "a video"
    raise ImageError(f"This looks like {what} and not like a photo we can read: please choose a {ACCEPTED} file.")


def _open(data: bytes, kind: str) -> Image.Image:
    """Read the header with the plugin of this format; no pixels yet."""
    if kind == "HEIC":
        try:
            from pillow_heif import HeifImageFile  # only visitors with such a photo wait for this import
        except ImportError:
            raise ImageError("HEIC photos cannot be read here: please save the photo as JPEG and retry.") from None
        return HeifImageFile(io.BytesIO(data))
    # An MPO is opened as the JPEG that it begins with, so its index of further pictures cannot be wrong.
    plugins = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WebP": WebPImageFile, "AVIF": AvifImageFile}
    if kind == "WebP":
        _check_webp(data)
    return plugins[kind](io.BytesIO(data))


# Checks before decoding ---------------------------------------------------------------------------------------------


def _damaged(kind: str) -> ImageError:
    return ImageError(f"This {kind} is cut off or damaged: please save it again and retry.")


def _check_pixels(size: tuple[int, int], kind: str, limit: int) -> None:
    if min(size) < 1:
        raise _damaged(kind)
    if max(size) > MAX_SIDE:
        raise ImageError(f"This photo is {max(size)} pixels long but at most {MAX_SIDE} can be read: please crop it.")
    if size[0] * size[1] > limit:
        megapixels = -(-size[0] * size[1] // 1_000_000)
        raise ImageError(
            f"This {kind} has {megapixels} megapixels but at most {limit // 1_000_000} can be read: "
            "please save it smaller and retry."
        )


def _check_webp(data: bytes) -> None:
    """Look up the canvas size, because the plugin allocates the canvas as soon as it opens the file."""
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        size = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    elif chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        size = int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    _check_pixels(size, "WebP", MAX_PIXELS)


@dataclass
class _Png:
    """What the header of a PNG says, and its compressed image data."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: int
    image_data: list[memoryview] = field(default_factory=list)


def _check_png(data: bytes) -> _Png:
    """Walk the chunks: lengths, order and check sums, since Pillow does not compare those of image data."""
    view, position, png = memoryview(data), 8, None
    for _ in range(MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data) or (name == b"IHDR") != (png is None):
            break
        is_critical = not name[0] & 0x20
        if is_critical and zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            break
        if png is None:
            width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, position + 8)
            png = _Png(width, height, depth, colour, interlaced)
            _check_pixels((width, height), "PNG", MAX_PIXELS)
        elif name == b"IDAT":
            png.image_data.append(view[position + 8 : end - 4])
        elif name == b"IEND":
            return png
        position = end
    raise _damaged("PNG")


def _has_empty_row(image: Image.Image) -> bool:
    """Tell whether one of the last two rows holds nothing but zeros; of an interlaced PNG they are the last to come."""
    width, height = image.size
    rows = np.asarray(image.crop((0, max(0, height - 2), width, height)))
    return not rows.reshape(len(rows), -1).any(axis=1).all()


def _check_png_rows(png: _Png) -> None:
    """Count the bytes of the rows: where they end too early, Pillow leaves the rest black and says nothing."""
    bits = png.depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[png.colour]
    adam7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    missing = 0
    for x, dx, y, dy in adam7 if png.interlaced else ((0, 1, 0, 1),):
        columns, rows = len(range(x, png.width, dx)), len(range(y, png.height, dy))
        missing += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    inflate = zlib.decompressobj()
    for piece in png.image_data:
        while missing > 0 and len(piece) and not inflate.eof:
            missing -= len(inflate.decompress(piece, 2**24))
            piece = inflate.unconsumed_tail
    if missing > 0:
        raise _damaged("PNG")


# A marker is 0xFF and a byte that is neither 0 (a 0xFF in image data), a fill byte, nor a restart or start marker.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def _check_jpeg(data: bytes) -> int:
    """Walk the markers up to the image data, or, where there are several scans, through all of it.

    Returns:
        How many pixels this JPEG may have: fewer where it has several scans, because the coefficients of all of them
        must then be held at full size.
    """
    position, scans, components, several = 2, 0, 0, False
    while match := _MARKER.search(data, position):
        marker, position = data[match.end() - 1], match.end()
        if marker == 0xD9:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker > 0xC2:  # lossless, hierarchical, arithmetic: decoders differ in what they make of it
                raise ImageError("This is a rare kind of JPEG: please save it as an ordinary JPEG and retry.")
            components, several = data[position + 7], marker == 0xC2
        elif marker == 0xDA:
            scans += 1
            several = several or data[position + 2] < components
            if not several:
                return MAX_JPEG_PIXELS
            if scans > MAX_SCANS:
                raise _damaged("JPEG")
        position += length
    return MAX_PIXELS


# From the file's pixels to sRGB on white ----------------------------------------------------------------------------

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_TO_EIGHT = ((np.arange(65536) + 128) // 257).astype(np.uint8)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it cannot be read.

    HEIC and AVIF turn their pictures by properties of their own: for the former the plugin has turned it already and
    says 1, for the latter it puts the property into EXIF. Orientation in XMP is left aside, as browsers do.
    """
    image.info.pop("xmp", None)
    image.info.pop("XML:com.adobe.xmp", None)
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF is no reason to refuse a photo
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _eight_bits(image: Image.Image, depth: int) -> Image.Image:
    """Bring `image` to mode L, LA, RGB, RGBA or CMYK: the modes that can be averaged without mixing up meanings."""
    hidden = image.info.get("transparency")  # of a PNG: the sample value, or the colour, that is transparent
    if image.mode.startswith("I;16"):
        samples = np.asarray(image)
        grey = Image.fromarray(_SIXTEEN_TO_EIGHT[samples])
        if hidden is not None:
            grey.putalpha(Image.fromarray(np.where(samples == hidden, 0, 255).astype(np.uint8)))
        return grey
    if image.mode in ("1", "L"):
        grey = image.convert("L")
        if hidden is not None:
            hidden = hidden * 255 // (2**depth - 1)  # Pillow has spread 1, 2 or 4 bits over 0...255
            grey.info.pop("transparency", None)
            grey.putalpha(grey.point([0 if value == hidden else 255 for value in range(256)]))
        return grey
    if image.mode == "RGB" and hidden is not None:
        # Pillow keeps the upper half of 16 bits.
        image.info["transparency"] = tuple(value >> 8 for value in hidden) if depth == 16 else hidden
        return image.convert("RGBA")
    if image.mode in ("LA", "RGB", "RGBA", "CMYK"):
        return image
    return image.convert("RGBA" if hidden is not None else "RGB")


def _on_white(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the file's colour profile, where it has a good one, and lay what is transparent on white."""
    colours = image
    if image.mode in ("LA", "RGBA"):
        colours = image.convert("L" if image.mode == "LA" else "RGB")
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        with contextlib.suppress(Exception):  # broken, or not for such pixels: shown without, as browsers do
            colours = _to_srgb(colours, profile)
    colours = colours.convert("RGB")
    if image is colours or image.mode not in ("LA", "RGBA"):
        return colours
    white = Image.new("RGB", image.size, "white")
    white.paste(colours, mask=image.getchannel("A"))
    return white


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if (source.profile.profile_description or "").startswith("sRGB"):
        return image
    if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
        image = image.convert("RGB")
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")


def _clean_name(name: str) -> str:
    """Drop folders, control characters and whatever is beyond 80 characters; never empty."""
    name = re.split(r"[/\\]", str(name))[-1]
    name = "".join(" " if c.isspace() else c for c in name if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(name.split())[:80].strip() or "photo"
