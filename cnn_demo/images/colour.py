"""Normalization of decoded pixels: orientation, eight bits, sRGB, and transparency on white."""

from __future__ import annotations

import contextlib
import io

import numpy as np
from PIL import ExifTags, Image, ImageCms

from cnn_demo.images.cicp import ColourSpace
from cnn_demo.images.png import MAX_PROFILE_BYTES

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_TO_EIGHT = ((np.arange(65536) + 128) // 257).astype(np.uint8)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if it is missing or unreadable.

    HEIC and AVIF turn their pictures by properties of their own: for the former the plugin has turned it already and
    says 1, for the latter it puts the property into EXIF. Orientation in XMP is ignored, as in browsers.
    """
    image.info.pop("xmp", None)
    image.info.pop("XML:com.adobe.xmp", None)
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF is no reason to refuse a photo
        return 1
    return orientation if orientation in UPRIGHT else 1


def eight_bits(image: Image.Image, depth: int, space: ColourSpace | None = None) -> Image.Image:
    """Bring `image` to mode L, LA, RGB, RGBA or CMYK: the modes that can be averaged without mixing up meanings.

    Args:
        image: A decoded image.
        depth: Bits per sample in the file.
        space: Colour space of grey with 16 bits, which is converted to sRGB here, before it has eight.
    """
    hidden = image.info.get("transparency")  # of a PNG: the sample value, or the colour, that is transparent
    if image.mode.startswith("I;16"):
        samples = np.asarray(image)
        grey = Image.fromarray((space.table(65536) if space else _SIXTEEN_TO_EIGHT)[samples])
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


def with_sixteen_bits(
    image: Image.Image, samples: np.ndarray, space: ColourSpace, size: tuple[int, int]
) -> Image.Image:
    """Convert pixels of 16 bits to sRGB with eight: the dark colours of linear light and HDR need all of them.

    Args:
        image: The same picture with eight bits, for its transparency.
        samples: (H, W, 3) uint16.
        space: Colour space of `samples`.
        size: (width, height) of the result.
    """
    import cv2  # not needed for other photos

    image = eight_bits(image, 16)
    if image.size != size:
        samples = cv2.resize(samples, size, interpolation=cv2.INTER_AREA)
    colours = Image.fromarray(space.to_srgb(samples))
    if image.mode in ("LA", "RGBA"):
        colours.putalpha(image.getchannel("A").resize(size, Image.Resampling.BOX))
    return colours


def on_white(image: Image.Image, profile: bytes | None, space: ColourSpace | None = None) -> Image.Image:
    """Convert to sRGB by the file's colour profile, if it is valid, or by `space`; composite transparency on white."""
    colours = image
    if image.mode in ("LA", "RGBA"):
        colours = image.convert("L" if image.mode == "LA" else "RGB")
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        with contextlib.suppress(Exception):  # broken, or not for such pixels: shown without, as browsers do
            colours = _to_srgb(colours, profile)
    elif space and colours.mode in ("L", "RGB"):
        colours = space.convert(colours)
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
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # it is None only if the image is converted in place
    return converted
