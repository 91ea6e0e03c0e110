"""Files that read_photo refuses: too large, of another kind, damaged, or malicious."""

import functools
import io
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from cnn_demo.images import ImageError, Photo, plugins, read_photo, reading

KINDS = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "AVIF": "AVIF",
    "HEIF": "HEIC",
    "GIF": "GIF",
    "TIFF": "TIFF",
    "BMP": "BMP",
}


def encode(image: Image.Image, kind: str, **options) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int = 24, height: int = 16, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(header: tuple, *chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header)) + b"".join(chunks)


def refusal(data: bytes, **options) -> str:
    """The message that `data` is refused with: one sentence with the remedy, ending in a full stop."""
    with pytest.raises(ImageError) as caught:
        read_photo(data, **options)
    check_sentence(str(caught.value))
    return str(caught.value)


def check_sentence(sentence: str) -> None:
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\n" not in sentence
    assert "please" in sentence
    assert len(sentence) < 160


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"hello", "another kind"),
        (b"\0" * 100, "another kind"),
        (b"IIU\0" + b"\0" * 99, "raw"),
        (b"BM, a text that begins like a BMP", "another kind"),
        (encode(noise(), "PDF"), "PDF"),
        (encode(noise(), "JPEG2000"), "JPEG 2000"),
        (encode(noise(), "PPM"), "another kind"),
        (encode(noise(), "ICO"), "another kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 99, "video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"\0" * 99, "video"),
        (b"PK\x03\x04" + b"\0" * 99, "ZIP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "another kind"),
    ],
)
def test_other_kinds_are_named_and_refused(data, word):
    sentence = refusal(data, name="photo.jpg")
    assert word in sentence
    assert "JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP" in sentence


@pytest.mark.parametrize("start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypavif"])
@pytest.mark.parametrize("rest", [b"", b"\0", b"\0" * 500, b"\xff" * 500, bytes(range(256)) * 4, b"VP8X" + b"\0" * 40])
def test_garbage_behind_a_good_beginning(start, rest):
    sentence = refusal(start + rest)
    assert "damaged" in sentence or "megapixels" in sentence


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_files_are_refused(kind):
    data = encode(noise(64, 48), kind, quality=90)
    for keep in (13, 40, len(data) // 3, len(data) // 2, len(data) * 9 // 10):
        assert KINDS[kind] in refusal(data[:keep])


def test_too_many_bytes(monkeypatch):
    monkeypatch.setattr(reading, "_decode", lambda *_: pytest.fail("looked inside"))
    data = encode(noise(), "JPEG")
    assert "21 MB" in refusal(data + b"\0" * (20 * 2**20 + 1 - len(data)))


LARGE = {
    "PNG": ("PNG", {}, b"IHDR", 0, struct.pack(">II", 7000, 7200)),
    "lossy WebP": ("WEBP", {}, b"\x9d\x01\x2a", 0, struct.pack("<HH", 7000, 7200)),
    "lossless WebP": ("WEBP", {"lossless": True}, b"VP8L", 5, struct.pack("<I", 6999 | 7199 << 14)),
    "WebP with metadata": (
        "WEBP",
        {"exif": b"Exif"},
        b"VP8X",
        8,
        struct.pack("<I", 6999)[:3] + struct.pack("<I", 7199)[:3],
    ),
    "AVIF": ("AVIF", {}, b"ispe", 4, struct.pack(">II", 7000, 7200)),
    "progressive JPEG": ("JPEG", {"progressive": True}, b"\xff\xc2", 3, struct.pack(">HH", 7200, 7000)),
}


@pytest.mark.parametrize("name", LARGE)
def test_more_than_fifty_megapixels_are_refused_by_the_header(name, monkeypatch):
    kind, options, mark, behind, size = LARGE[name]
    data = bytearray(encode(noise(), kind, **options))
    place = data.index(mark) + len(mark) + behind
    data[place : place + len(size)] = size
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("made pixels"))
    assert "51 megapixels but at most 50" in refusal(with_right_checksums(bytes(data)))


def test_too_large_heic_is_refused_by_the_header(monkeypatch):
    """Its library compares the sizes in the header, so one of them cannot be changed alone."""
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("made pixels"))
    monkeypatch.setattr(reading, "MAX_PIXELS", 300)
    monkeypatch.setattr(plugins, "MAX_PIXELS", 300)
    assert "1 megapixels but at most 0" in refusal(encode(noise(), "HEIF"))


@pytest.mark.parametrize("size", [(24, 16), (1, 1), (4000, 3000)])
def test_an_avif_with_a_false_header(size):
    """Its library decodes the frame at its own size, then scales it: the result is at least that of the header."""
    data = bytearray(encode(noise(640, 480), "AVIF"))
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", *size)
    try:
        assert read_photo(data).original_size == size
    except ImageError as error:
        check_sentence(str(error))


def test_a_slow_avif_or_heic_blocks_only_others_of_these_formats(monkeypatch):
    """Their frames may take long whatever the header: one is decoded at a time, and others continue."""
    files = {kind: encode(noise(), encoder) for encoder, kind in KINDS.items()}
    running, most, free = [], [], threading.Event()
    decode = reading._decode

    def slow(data, kind, max_side):
        if kind in ("AVIF", "HEIC"):
            running.append(kind)
            most.append(len(running))
            assert free.wait(20)
            running.pop()
        return decode(data, kind, max_side)

    monkeypatch.setattr(reading, "_decode", slow)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(read_photo, files[kind]) for kind in ("AVIF", "HEIC", "AVIF", "HEIC")]
        try:
            for kind in ("JPEG", "PNG", "WebP"):
                assert read_photo(files[kind]).format == kind
        finally:
            free.set()
        assert [photo.result().format for photo in waiting] == ["AVIF", "HEIC", "AVIF", "HEIC"]
    assert most == [1, 1, 1, 1]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG with this size in its header; its image data is much shorter."""
    data = bytearray(encode(noise(), "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_jpeg_may_have_two_hundred_megapixels():
    photo = read_photo(encode(Image.new("RGB", (16000, 12500), (200, 100, 50)), "JPEG"), max_side=640)
    assert photo.pixels.shape == (500, 640, 3)
    assert photo.original_size == (16000, 12500)
    assert np.abs(photo.pixels.astype(int) - (200, 100, 50)).max() <= 3


def test_a_jpeg_above_two_hundred_megapixels_is_refused():
    assert "201 megapixels but at most 200" in refusal(jpeg_of_size(16000, 12501))
    assert "4295 megapixels" in refusal(jpeg_of_size(65535, 65535))


def test_a_jpeg_in_several_scans_counts_like_a_progressive_one():
    """libjpeg holds all coefficients of these as well."""
    data = jpeg_of_size(8000, 8000)
    place = data.index(b"\xff\xda")
    one_component = data[: place + 2] + b"\0\x08\x01\x01\0\0\x3f\0" + data[place + 14 :]
    assert "64 megapixels but at most 50" in refusal(one_component)


def test_a_progressive_jpeg_with_thousands_of_scans(monkeypatch):
    data = encode(Image.new("RGB", (800, 600)), "JPEG", progressive=True)
    assert read_photo(data).pixels.shape == (600, 800, 3)
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    monkeypatch.setattr(reading, "open_file", lambda *_: pytest.fail("decoded"))
    assert "damaged" in refusal(data[:-2] + last_scan * 5000 + b"\xff\xd9")


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_rare_kinds_of_jpeg(marker):
    assert "rare kind" in refusal(encode(noise(), "JPEG").replace(b"\xff\xc0", bytes([0xFF, marker])))


@pytest.mark.parametrize("size", [(1, 65_536), (65_536, 1), (1, 50_000_000), (2**31 - 1, 1), (0, 5), (5, 0)])
def test_sides_of_a_png(size):
    rows = chunk(b"IDAT", zlib.compress(b"\0" * 99))
    refusal(png((*size, 8, 0, 0, 0, 0), rows, chunk(b"IEND", b"")))


@pytest.mark.parametrize("size", [(1, 65_535), (65_535, 1)])
def test_the_thinnest_picture(size):
    longest = read_photo(encode(Image.new("L", size, 77), "PNG"), max_side=100)
    assert sorted(longest.pixels.shape) == [1, 3, 100]
    assert (longest.pixels == 77).all()


def test_image_data_with_a_wrong_checksum():
    data = bytearray(encode(noise(), "PNG"))
    data[data.index(b"IEND") - 5] ^= 1
    assert "damaged" in refusal(bytes(data))


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("height", [1, 2, 7, 8])
def test_image_data_that_ends_too_early(interlaced, height):
    """Pillow would leave the rest black."""
    header = (9, height, 8, 0, 0, 0, interlaced)
    columns = ((0, 8), (4, 8), (0, 4), (2, 4), (0, 2), (1, 2), (0, 1)) if interlaced else ((0, 1),)
    lines = ((0, 8), (0, 8), (4, 8), (0, 4), (2, 4), (0, 2), (1, 2)) if interlaced else ((0, 1),)
    rows = b"".join(
        (b"\0" + b"\xc8" * len(range(x, 9, dx))) * len(range(y, height, dy))
        for (x, dx), (y, dy) in zip(columns, lines, strict=True)
    )
    end = chunk(b"IEND", b"")
    assert (read_photo(png(header, chunk(b"IDAT", zlib.compress(rows)), end)).pixels == 200).all()
    black = zlib.compress(bytes(len(rows)))
    assert (read_photo(png(header, chunk(b"IDAT", black[:5]), chunk(b"IDAT", black[5:]), end)).pixels == 0).all()
    for missing in (1, 9):
        refusal(png(header, chunk(b"IDAT", zlib.compress(rows[:-missing])), end))


BOMB = zlib.compress(bytes(100_000_000), 9)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"k\0\0" + BOMB),
        chunk(b"iTXt", b"k\0\1\0\0\0" + BOMB),
        chunk(b"iCCP", b"k\0\0" + BOMB),
        chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000), 9)) * 200,
        chunk(b"tEXt", b"k\0") * 60_000,
        chunk(b"IDAT", b"") * 60_000,
    ],
    ids=["zTXt", "iTXt", "iCCP", "many zTXt", "many tEXt", "many IDAT"],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_bombs_in_png_chunks(extra, place):
    rows = chunk(b"IDAT", zlib.compress(b"\0\xc8" * 8))
    header, end = (1, 8, 8, 0, 0, 0, 0), chunk(b"IEND", b"")
    data = png(header, *((extra, rows) if place == "before" else (rows, extra)), end)
    tracemalloc.start()
    started = time.thread_time()
    try:
        assert (read_photo(data).pixels == 200).all()
    except ImageError as error:
        check_sentence(str(error))
    assert time.thread_time() - started < 10  # of the processor, however busy the machine
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def test_image_data_that_inflates_to_far_more_than_the_picture():
    rows = chunk(b"IDAT", BOMB)
    assert (read_photo(png((1, 8, 8, 0, 0, 0, 0), rows, chunk(b"IEND", b""))).pixels == 0).all()


def test_a_large_profile_is_ignored():
    data = encode(noise(), "JPEG", icc_profile=b"\0" * 5_000_000)
    assert read_photo(data).pixels.shape == (16, 24, 3)


@pytest.mark.parametrize(
    "error", [OSError, SyntaxError, KeyError, struct.error, MemoryError, RecursionError, UserWarning]
)
def test_whatever_a_decoder_raises_ends_in_one_sentence(monkeypatch, error):
    def broken(*_):
        raise error("inside")

    monkeypatch.setattr(plugins, "open_file", broken)
    refusal(encode(noise(), "PNG"))


def test_without_the_heic_library(monkeypatch):
    data = encode(noise(), "HEIF")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert "JPEG" in refusal(data)


def test_process_wide_settings_stay_as_they_are():
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(Image.OPEN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no DecompressionBombWarning for 100 megapixels
        read_photo(encode(Image.new("L", (10_000, 10_000)), "JPEG"), max_side=100)
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(Image.OPEN))
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_many_visitors_at_once():
    files = [encode(noise(200, 150), kind) for kind in KINDS] * 8
    alone = [read_photo(data, max_side=100).pixels for data in files[: len(KINDS)]] * 8
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: read_photo(data, max_side=100).pixels, files))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@functools.cache
def seeds() -> tuple[bytes, ...]:
    image, other = noise(), noise(16, 24)
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {"save_all": True, "append_images": [other.resize(image.size)]}
    return (
        encode(image, "JPEG", exif=exif.tobytes()),
        encode(image, "JPEG", progressive=True),
        encode(noise(mode="CMYK"), "JPEG"),
        encode(image, "MPO", **several),
        encode(image, "PNG", exif=exif.tobytes()),
        encode(noise(mode="P"), "PNG", transparency=3),
        encode(image, "PNG", **several),
        png(
            (8, 8, 16, 0, 0, 0, 1),
            chunk(b"tRNS", b"\0\1"),
            chunk(b"IDAT", zlib.compress(bytes(200))),
            chunk(b"IEND", b""),
        ),
        encode(image, "WEBP", exif=exif.tobytes()),
        encode(noise(mode="RGBA"), "WEBP", lossless=True),
        encode(image, "WEBP", **several),
        encode(image, "AVIF", exif=exif.tobytes()),
        encode(noise(mode="RGBA"), "AVIF", save_all=True, append_images=[noise(mode="RGBA")]),
        encode(image, "HEIF", exif=exif.tobytes()),
        encode(noise(mode="RGBA"), "HEIF", **several),
        encode(image, "GIF", **several),
        encode(noise(mode="P"), "GIF", transparency=3, interlace=0),
    )


EDIT = st.tuples(
    st.sampled_from(["flip", "set", "delete", "insert", "cut", "splice"]), st.floats(0, 1), st.integers(0, 2**32 - 1)
)


def mutate(data: bytes, edits: list[tuple[str, float, int]]) -> bytes:
    """Apply edits at relative positions; the integer selects the bit, byte, length or other seed."""
    for action, place, number in edits:
        at = int(place * len(data))
        if action == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]
        elif action == "set":
            size = 1 + number % 4
            data = data[:at] + number.to_bytes(4, "little")[:size] + data[at + size :]
        elif action == "delete":
            data = data[:at] + data[at + 1 + number % 40 :]
        elif action == "insert":
            data = data[:at] + number.to_bytes(4, "big") * (1 + number % 9) + data[at:]
        elif action == "cut":
            data = data[:at]
        elif action == "splice":
            other = seeds()[number % len(seeds())]
            data = data[:at] + other[int(place * len(other)) :]
    return data


def with_right_checksums(data: bytes) -> bytes:
    """Correct the check sums of a PNG, so that the damage reaches the decoder."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    result, position = bytearray(data), 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            break
        result[end - 4 : end] = struct.pack(">I", zlib.crc32(data[position + 4 : end - 4]))
        position = end
    return bytes(result)


def survives(data: bytes) -> bool:
    try:
        photo = read_photo(data, max_side=12)
    except ImageError as error:
        check_sentence(str(error))
        return False
    assert isinstance(photo, Photo)
    height, width = photo.pixels.shape[:2]
    assert 1 <= min(height, width) <= max(height, width) <= 12
    return True


def test_the_seeds_are_good():
    assert all(survives(data) for data in seeds())


@settings(max_examples=3000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 16), st.lists(EDIT, min_size=1, max_size=4), st.booleans())
def test_damaged_files_are_read_or_refused(seed, edits, repair):
    data = mutate(seeds()[seed], edits)
    survives(with_right_checksums(data) if repair else data)
