"""Files are judged by the pixels that decode: a broken end is read, half a picture is refused."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from cnn_demo.images import ImageError, read_photo
from cnn_demo.images.completeness import decoded_fraction
from cnn_demo.images.gif import check_gif, completed
from cnn_demo.images.heif import check_heif
from cnn_demo.images.jpeg import check_jpeg

pillow_heif.register_heif_opener()
END = b"\xff\xd9"


def scene(width: int = 160, height: int = 120) -> Image.Image:
    """Soft shapes with grain, so that no row is like another."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([120 + 90 * np.sin(x / 37 + y / 51), 90 + y, 140 + 80 * np.cos(y / 29 - x / 43)], axis=-1)
    grain = np.random.default_rng(0).normal(0, 6, waves.shape)
    return Image.fromarray(np.clip(waves + grain, 0, 255).astype(np.uint8))


def encode(kind: str, mode: str = "RGB", image: Image.Image | None = None, **options) -> bytes:
    file = io.BytesIO()
    (image or scene()).convert(mode).save(file, kind, **options)
    return file.getvalue()


def exif() -> bytes:
    described = Image.Exif()
    described[0x010E] = "words " * 50
    return described.tobytes()


FILES = {
    "JPEG": lambda: encode("JPEG", quality=90),
    "JPEG, progressive": lambda: encode("JPEG", progressive=True, quality=90),
    "JPEG, restart markers": lambda: encode("JPEG", restart_marker_rows=1, quality=90),
    "JPEG, restart markers in rows": lambda: encode("JPEG", restart_marker_blocks=3, quality=90),
    "JPEG, CMYK": lambda: encode("JPEG", "CMYK", quality=90),
    "JPEG, grey": lambda: encode("JPEG", "L", quality=90),
    "JPEG, EXIF": lambda: encode("JPEG", exif=exif(), quality=90),
    "JPEG, no subsampling": lambda: encode("JPEG", subsampling=0, quality=90),
    "PNG": lambda: encode("PNG"),
    "PNG, grey": lambda: encode("PNG", "L"),
    "WebP": lambda: encode("WEBP", quality=90),
    "WebP, lossless": lambda: encode("WEBP", lossless=True),
    "WebP, transparent": lambda: encode("WEBP", "RGBA", quality=90),
    "AVIF": lambda: encode("AVIF", quality=90),
    "HEIC": lambda: encode("HEIF", quality=90),
    "GIF": lambda: encode("GIF"),
    "GIF, interlaced": lambda: encode("GIF", interlace=1),
}
each_file = pytest.mark.parametrize("name", FILES)


def error(data: bytes, whole: bytes) -> float:
    """The error that 98 % of the pixels do not exceed, in levels."""
    difference = np.abs(read_photo(data).pixels.astype(int) - read_photo(whole).pixels)
    return float(np.percentile(difference.max(axis=2), 98))


def refused(data: bytes) -> bool:
    try:
        read_photo(data)
    except ImageError as sentence:
        return "damaged" in str(sentence)
    return False


@each_file
def test_the_last_bytes_may_be_missing(name):
    whole = FILES[name]()
    for lost in (1, 2, max(2, len(whole) // 500)):
        assert error(whole[:-lost], whole) <= 8
        assert error(whole[:-lost] + bytes(lost), whole) <= 8
        assert error(whole[:-lost] + bytes(700), whole) <= 8


@each_file
def test_padding_is_left_aside(name):
    whole = FILES[name]()
    for padding in (bytes(5000), b"\xff" * 100, b"a trailer of a phone", whole[:500]):
        assert error(whole + padding, whole) == 0


@each_file
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.75, 0.9])
def test_half_a_picture_is_refused(name, kept):
    whole = FILES[name]()
    start = whole[: int(kept * len(whole))]
    assert refused(start)
    assert refused(start + bytes(len(whole) - len(start)))
    if name.startswith("JPEG"):
        assert refused(start + END)


def test_a_first_picture_without_an_end_marker():
    file = io.BytesIO()
    scene().save(file, "MPO", save_all=True, append_images=[scene()])
    data = file.getvalue()
    second = data.index(b"\xff\xd8\xff", data.index(END))
    assert error(data[: second - 2] + data[second:], data) == 0
    assert refused(data[: second // 2] + data[second:])


def test_zeros_can_be_the_data_of_a_flat_area():
    whole = encode("JPEG", image=Image.new("L", (3000, 2000), 128), mode="L", optimize=True)
    assert whole.count(b"\0" * 64) > 0
    assert error(whole[:-2], whole) == 0
    assert refused(whole[: len(whole) * 2 // 3])


@pytest.mark.parametrize("value", [0, 127, 128, 255])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF"])
def test_flat_pictures_are_whole(kind, value):
    image = Image.new("RGB", (300, 200), (value, value, value))
    assert np.abs(read_photo(encode(kind, image=image)).pixels.astype(int) - value).max() <= 2
    if kind == "JPEG":
        assert np.abs(read_photo(encode(kind, image=image)[:-2]).pixels.astype(int) - value).max() <= 2
        assert np.abs(read_photo(encode(kind, image=image, progressive=True)).pixels.astype(int) - value).max() <= 2


LARGE = {
    "JPEG": ("JPEG", {}),
    "JPEG, progressive": ("JPEG", {"progressive": True}),
    "JPEG, restart markers": ("JPEG", {"restart_marker_rows": 1}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {}),
    "AVIF": ("AVIF", {}),
    "HEIC": ("HEIF", {}),
    "GIF": ("GIF", {}),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("lost", [0.003, 0.008, 0.05, 0.3])
def test_a_wide_picture_is_judged_by_its_pixels(name, lost):
    """One row of blocks has as many bytes as a whole small picture."""
    kind, options = LARGE[name]
    whole = encode(kind, image=scene(1200, 500), **options)
    cut = whole[: int(len(whole) * (1 - lost))]
    if lost > 0.02:
        assert refused(cut)
    else:
        difference = np.abs(read_photo(cut).pixels.astype(int) - read_photo(whole).pixels).max(axis=2)
        assert np.mean(difference > 8) < 0.03


def test_later_pictures_may_be_missing():
    for kind in ("PNG", "WEBP", "GIF", "AVIF"):
        file = io.BytesIO()
        others = [scene().rotate(90 * turn, expand=False) for turn in (1, 2)]
        scene().save(file, kind, save_all=True, append_images=others)
        data = file.getvalue()
        assert error(data[: len(data) * 3 // 4], data) == 0
        assert refused(data[: len(data) // 10])


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_no_two_fillings_of_an_avif_are_alike(subsampling):
    whole = encode("AVIF", quality=95, subsampling=subsampling)
    for kept in (0.76, 0.8, 0.85, 0.9, 0.95):
        cut = whole[: int(kept * len(whole))]
        heif = check_heif(cut)
        fillings = list(heif.refilled(cut))
        assert len(fillings) == len(set(fillings)) == 6
        assert refused(cut)


def test_tiles_of_a_heic():
    whole = encode("HEIF", tile_size=64, quality=90)
    heavy = encode("HEIF", image=scene(1024, 512), tile_size=128, quality=90)
    assert error(heavy[: -len(heavy) // 400], heavy) <= 8
    for kept in (0.5, 0.9):
        assert refused(whole[: int(kept * len(whole))])


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 8
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append((data[position + 4 : position + 8], data[position : position + 12 + size]))
        position += 12 + size
    return found


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_broken_chunks_that_a_png_does_not_need():
    whole = encode("PNG")
    broken = bytearray(chunk(b"tEXt", b"Comment\0hello") + chunk(b"gAMA", b"\0\1\x86\xa0") + chunk(b"tIME", bytes(7)))
    for name in (b"tEXt", b"gAMA", b"tIME"):
        broken[broken.index(name) + 5] ^= 1  # the check sum is then wrong
    after_header = 8 + 25
    assert error(whole[:after_header] + bytes(broken) + whole[after_header:], whole) == 0
    assert error(whole[:-12] + bytes(broken), whole) == 0
    end = whole[-12:]
    for wrong in (b"", end[:-1], end[:-4] + b"ABCD", b"\0\0\0\x05" + end[4:], b"\0" * 12, b"\xff" * 12):
        assert error(whole[:-12] + wrong, whole) == 0


def test_a_png_without_its_checksum_of_all_rows():
    image = scene()
    header = next(piece for name, piece in chunks(encode("PNG")) if name == b"IHDR")
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(image))
    for cut in (1, 4):
        data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)[:-cut]) + chunk(b"IEND", b"")
        np.testing.assert_array_equal(read_photo(data).pixels, np.asarray(image))


def test_a_gif_is_completed_by_its_last_colour():
    whole = encode("GIF")
    gif = check_gif(whole[:-12])
    image = Image.open(io.BytesIO(completed(gif)))
    image.load()
    assert image.size == (160, 120)
    assert decoded_fraction(image, Image.open(io.BytesIO(whole))) > 0.98


def test_scans_of_a_progressive_jpeg():
    whole = encode("JPEG", progressive=True)
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    assert not check_jpeg(whole).missing
    for place in scans[1:]:
        tables = whole.rfind(b"\xff\xc4", 0, place)
        assert refused(whole[: tables if tables > scans[0] else place] + END)


def test_fractions_are_those_above_the_first_difference():
    first = np.zeros((100, 64), np.uint8)
    second = first.copy()
    second[50:, :] = 1
    assert decoded_fraction(Image.fromarray(first), Image.fromarray(second)) == pytest.approx(0.5)
    second[:, :48] = 0
    assert decoded_fraction(Image.fromarray(first), Image.fromarray(second)) == pytest.approx(0.875)
    assert decoded_fraction(Image.fromarray(first), Image.new("L", (64, 99))) == 0
