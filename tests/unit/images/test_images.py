"""Every accepted format, depth, orientation and colour space is decoded by read_photo as the sender saw it."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.images.validation import EXTENSIONS

PNGSUITE = sorted((Path(__file__).parents[2] / "data" / "pngsuite").glob("*.png"))
FORMATS = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "AVIF": "AVIF", "HEIF": "HEIC", "GIF": "GIF"}
WITH_METADATA = [kind for kind in FORMATS if kind != "GIF"]


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green, blue and white quarters: no turn or flip leaves them as they are."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    return Image.fromarray(pixels)


def encode(image: Image.Image, kind: str, **settings) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int, height: int, depth: int, colour: int, rows: bytes, before: bytes = b"", after: bytes = b""
) -> bytes:
    """A PNG by hand; `rows` with a filter byte each, `before` and `after` the image data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows)) + after + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def quarters(photo: Photo) -> list[tuple[int, ...]]:
    height, width = photo.pixels.shape[:2]
    middles = ((height // 4, width // 4), (height // 4, 3 * width // 4), (3 * height // 4, width // 4))
    return [tuple(255 * int(value > 128) for value in photo.pixels[place]) for place in middles]


UPRIGHT = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(kind):
    photo = read_photo(encode(corners(), kind), "a.bin")
    assert photo.format == FORMATS[kind]
    assert photo.pixels.shape == (48, 64, 3)
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.flags.c_contiguous
    assert photo.original_size == (64, 48)
    assert quarters(photo) == UPRIGHT


@pytest.mark.parametrize("kind", WITH_METADATA)
@pytest.mark.parametrize("orientation", range(9))
def test_orientation_is_applied_once(kind, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that the orientation takes back
    image = corners().transpose(undo[orientation]) if orientation in undo else corners()
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_photo(encode(image, kind, exif=exif.tobytes()), max_side=32)
    assert photo.pixels.shape == (24, 32, 3)
    assert photo.original_size == (64, 48)
    assert quarters(photo) == UPRIGHT


def test_orientation_after_the_image_data_and_broken_exif():
    rows = b"\0\xff\xff" * 4
    turned = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    assert read_photo(png(2, 4, 8, 0, rows, after=chunk(b"eXIf", turned))).pixels.shape == (2, 4, 3)
    assert read_photo(png(2, 4, 8, 0, rows, chunk(b"eXIf", b"no exif"))).pixels.shape == (4, 2, 3)


def test_orientation_in_xmp_is_left_aside():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    for kind in ("JPEG", "WEBP", "AVIF"):
        assert read_photo(encode(corners(), kind, xmp=xmp)).pixels.shape == (48, 64, 3)


def as_browsers_show(colours: np.ndarray, data: bytes) -> np.ndarray:
    """Convert RGB, 0 to 1, of a file of PngSuite to sRGB by its `gAMA`; its two `cHRM` are those of sRGB."""
    if b"gAMA" not in data:
        return colours
    gamma = int.from_bytes(data[data.index(b"gAMA") + 4 :][:4], "big") / 100_000
    linear = colours ** (1 / gamma)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("path", [p for p in PNGSUITE if p.name[0] != "x"], ids=lambda p: p.stem)
def test_pngsuite_agrees_with_another_decoder(path):
    data = path.read_bytes()
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    truth = other / (65535 if other.dtype == np.uint16 else 255)
    if truth.ndim == 2:
        truth = np.dstack([truth] * 3)
    shown = as_browsers_show(truth[..., :3], data)
    if truth.shape[2] == 4:
        alpha = truth[..., 3:]
        shown = shown * alpha + 1 - alpha
    assert np.abs(read_photo(data).pixels - 255 * shown[..., ::-1]).max() <= 1.5


@pytest.mark.parametrize("path", [p for p in PNGSUITE if p.name[0] == "x"], ids=lambda p: p.stem)
def test_pngsuite_broken_files_are_refused(path):
    with pytest.raises(ImageError):
        read_photo(path.read_bytes())


def test_pngsuite_is_all_there():
    assert len(PNGSUITE) == 175


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64).astype(">u2")
    grey = read_photo(png(64, 1, 16, 0, b"\0" + ramp.tobytes())).pixels[0]
    colour = read_photo(png(64, 1, 16, 2, b"\0" + np.repeat(ramp, 3).tobytes())).pixels[0]
    for pixels in (grey, colour):
        assert np.abs(pixels[:, 1] - ramp / 257).max() <= 1
        assert (pixels[0] == 0).all()
        assert (pixels[-1] == 255).all()


@pytest.mark.parametrize(
    ("depth", "colour", "hidden", "shown"),
    [
        (1, 0, b"\0\1", [255, 0]),
        (2, 0, b"\0\1", [85, 0]),
        (4, 0, b"\0\1", [17, 0]),
        (8, 0, b"\0\7", [7, 0]),
        (16, 0, b"\x12\x34", [0x12, 0]),
        (8, 2, b"\0\1\0\2\0\3", [2, 0]),
        (16, 2, b"\x01\x02\x03\x04\x05\x06", [3, 0]),
    ],
)
def test_the_transparent_colour_becomes_white(depth, colour, hidden, shown):
    samples = 3 if colour == 2 else 1
    key = np.frombuffer(hidden, ">u2")
    if depth == 16:
        rows = b"\0" + hidden + b"\0\0" * samples
    elif depth == 8:
        rows = b"\0" + bytes(key.astype(np.uint8)) + b"\0" * samples
    else:
        rows = b"\0" + bytes([int(key[0]) << (8 - depth)])
    middle = samples // 2
    visible = read_photo(png(2, 1, depth, colour, rows)).pixels[0, :, middle]
    assert list(visible) == shown
    covered = read_photo(png(2, 1, depth, colour, rows, chunk(b"tRNS", hidden))).pixels[0]
    assert covered.tolist() == [[255, 255, 255], [0, 0, 0]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF"])
def test_transparency_is_laid_on_white(kind):
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:16] = (200, 30, 30, 255)
    pixels[16:] = (0, 0, 255, 0)  # blue, but fully transparent
    settings = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    shown = read_photo(encode(Image.fromarray(pixels), kind, **settings)).pixels
    assert np.abs(shown[4, 4].astype(int) - (200, 30, 30)).max() < 8
    assert shown[28, 4].min() > 250


def test_half_transparent_and_reduced_edges_do_not_show_hidden_colours():
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, ::2] = (255, 0, 0, 128)
    pixels[:, 1::2] = (0, 255, 0, 0)
    shown = read_photo(encode(Image.fromarray(pixels), "PNG"), max_side=16).pixels
    assert shown[8, 8, 0] == 255
    assert np.abs(shown[8, 8, 1:].astype(int) - 191).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "I;16"])
def test_modes_become_rgb(mode):
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (8, 1)))
    image = Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257) if mode == "I;16" else ramp.convert(mode)
    pixels = read_photo(encode(image.convert("P") if mode == "PA" else image, "PNG")).pixels
    assert pixels.shape == (8, 256, 3)
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert pixels[0, 0, 0] == 0
    assert pixels[0, 255, 0] == 255


def test_palette_with_transparency():
    image = Image.new("P", (4, 2))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    pixels = read_photo(encode(image, "PNG", transparency=bytes([255, 0]))).pixels
    assert pixels[0, :2].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_cmyk_jpeg_is_not_inverted():
    assert quarters(read_photo(encode(corners().convert("CMYK"), "JPEG", quality=95))) == UPRIGHT


def animated(kind: str) -> bytes:
    blue = Image.new("RGB", (64, 48), "blue")
    return encode(corners(), kind, save_all=True, append_images=[blue, blue])


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF", "GIF", "MPO"])
def test_of_several_pictures_the_first_is_taken(kind):
    photo = read_photo(animated(kind))
    assert quarters(photo) == UPRIGHT
    assert photo.format == {"MPO": "JPEG"}.get(kind) or FORMATS[kind]


def test_an_mpo_with_a_wrong_index_is_its_first_picture():
    data = animated("MPO")
    place = data.index(b"MPF\0")
    assert quarters(read_photo(data[: place + 4] + b"\xff" * 40 + data[place + 44 :])) == UPRIGHT


def display_p3() -> bytes:
    """Little CMS's own sRGB profile with the primaries of Display P3, and another name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace("sRGB".encode("utf-16-be"), "p3p3".encode("utf-16-be"))
    for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), P3.T, strict=True):
        offset = int.from_bytes(profile[profile.index(tag) + 4 :][:4], "big") + 8
        values = struct.pack(">3i", *(round(value * 65536) for value in column))
        profile = profile[:offset] + values + profile[offset + 12 :]
    return profile


# Linear RGB to CIE XYZ under D50, as both profiles state it.
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def p3_to_srgb(colour: tuple[int, int, int]) -> np.ndarray:
    value = np.array(colour) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.linalg.solve(SRGB, P3 @ linear), 0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", WITH_METADATA)
def test_colour_profiles_are_converted_to_srgb(kind):
    colour = (180, 90, 60)
    expected = p3_to_srgb(colour)
    assert np.abs(expected - colour).max() > 8
    data = encode(Image.new("RGB", (32, 32), colour), kind, quality=95, icc_profile=display_p3())
    assert np.abs(read_photo(data).pixels[16, 16] - expected).max() <= 4


def test_a_profile_spares_alpha_palette_and_grey():
    profile = display_p3()
    clear = Image.new("RGBA", (8, 8), (180, 90, 60, 0))
    assert (read_photo(encode(clear, "PNG", icc_profile=profile)).pixels == 255).all()
    palette = Image.new("RGB", (8, 8), (180, 90, 60)).convert("P")
    shown = read_photo(encode(palette, "PNG", icc_profile=profile)).pixels[4, 4]
    assert np.abs(shown - p3_to_srgb(tuple(palette.convert("RGB").getpixel((0, 0))))).max() <= 2
    grey = read_photo(encode(Image.new("L", (8, 8), 100), "PNG", icc_profile=profile)).pixels[4, 4]
    assert np.abs(grey.astype(int) - 100).max() <= 1


@pytest.mark.parametrize("profile", [b"junk" * 99, display_p3()[:200], display_p3().replace(b"RGB ", b"CMYK")])
def test_broken_profiles_are_ignored(profile):
    photo = read_photo(encode(Image.new("RGB", (8, 8), (180, 90, 60)), "PNG", icc_profile=profile))
    assert photo.pixels[4, 4].tolist() == [180, 90, 60]


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((400, 300), 100, (100, 75)),
        ((300, 400), 100, (75, 100)),
        ((90, 60), 100, (90, 60)),
        ((1, 1), 1, (1, 1)),
        ((1000, 1), 10, (10, 1)),
        ((1, 1000), 10, (1, 10)),
        ((2600, 1733), 1280, (1280, 853)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_sizes(kind, size, max_side, expected):
    photo = read_photo(encode(Image.new("RGB", size, (10, 200, 30)), kind), max_side=max_side)
    assert photo.pixels.shape[1::-1] == expected
    assert photo.original_size == size
    assert np.abs(photo.pixels.astype(int) - (10, 200, 30)).max() <= 3


def test_reduction_averages_instead_of_picking():
    stripes = np.zeros((1200, 1600, 3), np.uint8)
    stripes[:, ::2] = 255
    for kind in ("JPEG", "PNG"):
        pixels = read_photo(encode(Image.fromarray(stripes), kind), max_side=200).pixels
        assert np.abs(pixels[20:-20, 20:-20].astype(int) - 127).max() <= 4


def test_reduced_jpeg_stays_in_place():
    """Decoding at 1/2, 1/4, 1/8 scale must not shift the picture."""
    yy, xx = np.mgrid[:1203, :1801]
    soft = np.dstack([xx / 1801, yy / 1203, (xx + yy) / 3004]) * 255
    data = encode(Image.fromarray(soft.round().astype(np.uint8)), "JPEG", quality=98, subsampling=0)
    for side in (1800, 800, 400, 200):
        pixels = read_photo(data, max_side=side).pixels.astype(float)
        height, width = pixels.shape[:2]
        truth = cv2.resize(soft.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(pixels - truth)[2:-2, 2:-2].max() < 6
        assert np.abs((pixels - truth).mean(axis=(0, 1))).max() < 0.25  # half a pixel of the smallest would be 0.6


def test_nothing_but_pixels_survives():
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    photo = read_photo(encode(corners(), "JPEG", exif=exif.tobytes(), comment=b"a secret place"), "x.jpg")
    assert "secret" not in repr(photo)
    assert b"secret" not in photo.pixels.tobytes()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("cat.jpg", "cat.jpg"),
        ("/home/me/cat.jpg", "cat.jpg"),
        (r"C:\photos\cat.jpg", "cat.jpg"),
        ("../../etc/passwd", "passwd"),
        ("a\0b\x1b[31m\ncat\u202egpj.exe", "ab[31m catgpj.exe"),
        ("   ", "photo"),
        ("", "photo"),
        ("dir/", "photo"),
        ("katze ä 猫.png", "katze ä 猫.png"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names(given, kept):
    assert read_photo(encode(corners(), "PNG"), given).name == kept


def test_photos_are_read_only_and_compare_by_key():
    data = encode(corners(), "PNG")
    photo, same, smaller = read_photo(data, "a"), read_photo(data, "b"), read_photo(data, max_side=32)
    with pytest.raises(ValueError, match="read-only"):
        photo.pixels[0, 0] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        photo.pixels.flags.writeable = True
    assert photo == same
    assert hash(photo) == hash(same)
    assert photo != smaller
    assert photo.sha256 == smaller.sha256
    assert photo.key != smaller.key
    assert photo != "photo"


def test_photos_can_be_made_of_arrays():
    pixels = np.zeros((4, 6, 3), np.uint8)
    photo = Photo(pixels, "drawn", "0" * 64)
    assert photo.original_size == (6, 4)
    assert not photo.pixels.flags.writeable
    assert pixels.flags.writeable
    for wrong in (np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3), np.float32), np.zeros((4, 6, 4), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            Photo(wrong, "wrong", "0" * 64)


def test_a_photo_has_a_size_and_a_description():
    pixels = np.zeros((4, 6, 3), np.uint8)
    photo = Photo(pixels, "cat.jpg", "0" * 64, original_size=(600, 400))
    assert photo.size == (4, 6)
    assert photo.description == "cat.jpg"
    assert Photo(pixels, "cat.jpg", "0" * 64, alt="A cat on a sofa.").description == "A cat on a sofa."


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_object_is_accepted(kind):
    assert quarters(read_photo(kind(encode(corners(), "PNG")))) == UPRIGHT


def test_max_side_must_be_positive():
    with pytest.raises(ValueError, match="max_side"):
        read_photo(encode(corners(), "PNG"), max_side=0)


def test_extensions_are_plain():
    assert all(ending == ending.lower() and ending.isalnum() for ending in EXTENSIONS)


def test_import_is_light():
    """Neither a framework nor the HEIC library is loaded before someone needs it."""
    heavy = ["streamlit", "torch", "tensorflow", "cv2", "ultralytics", "pillow_heif", "matplotlib"]
    code = f"import sys, cnn_demo.images as i; i.sample_photos(); print([m for m in {heavy} if m in sys.modules])"
    root = Path(__file__).parents[3]
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert answer.stdout.strip() == "[]"
