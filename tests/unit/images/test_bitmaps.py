"""BMP and TIFF: all their kinds of samples, and files that are refused."""

import contextlib
import io
import itertools
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from cnn_demo.images import ImageError, read_photo

PATCHES = np.array([[200, 60, 40], [40, 160, 60], [60, 80, 200], [220, 200, 60], [128, 128, 128], [18, 12, 30]])
PIXELS = np.repeat(np.repeat(PATCHES.reshape(2, 3, 3), 9, 0), 8, 1).astype(np.uint8)
GREY = PIXELS[..., 0]


def encoded(image, kind="TIFF", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(samples, order="<", big=False, **tags):
    """Encode (H, W, C) samples by hand, in one strip without compression; tags are T followed by their numbers."""
    height, width, channels = samples.shape
    word, code = (8, "Q") if big else (4, "I")
    body = samples.tobytes()
    depth = 8 * samples.itemsize
    values = {256: [width], 257: [height], 258: [depth] * channels, 259: [1], 262: [2 if channels > 2 else 1]}
    values |= {273: [16], 277: [channels], 278: [height], 279: [len(body)]}
    values |= {int(name[1:]): value for name, value in tags.items()}
    start = 16 + len(body)
    count = struct.pack(order + ("Q" if big else "H"), len(values))
    outside, place = b"", start + len(count) + len(values) * (4 + 2 * word) + word
    entries = b""
    for tag, numbers in sorted(values.items()):
        packed = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        value = packed if len(packed) <= word else struct.pack(order + code, place + len(outside))
        outside += packed if len(packed) > word else b""
        entries += struct.pack(f"{order}HH{code}", tag, 16 if big else 4, len(numbers)) + value
    version = struct.pack(order + "HHHQ", 43, 8, 0, start) if big else struct.pack(order + "HI", 42, start)
    header = ((b"II" if order == "<" else b"MM") + version).ljust(16, b"\0")
    return header + body + count + entries + bytes(word) + outside


def bmp(rows, width, height, bits, compression=0, palette=b"", header=40, masks=b""):
    size = 14 + header + len(masks) * (header == 40) + len(palette)
    facts = struct.pack(
        "<IiiHHIIiiII", header, width, height, 1, bits, compression, len(rows), 0, 0, len(palette) // 4, 0
    )
    facts += (masks + bytes(header))[: header - 40] if header > 40 else masks
    return b"BM" + struct.pack("<IHHI", size + len(rows), 0, 0, size) + facts + palette + rows


def refusal(data):
    with pytest.raises(ImageError, match="please") as caught:
        read_photo(data)
    return str(caught.value)


WITHOUT_LOSS = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd")
COLOURS = ("L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")
IN_JPEG = ("L", "RGB", "CMYK", "YCbCr")


@pytest.mark.parametrize(
    ("mode", "compression"),
    [*itertools.product(COLOURS, WITHOUT_LOSS), *((mode, "jpeg") for mode in IN_JPEG), ("1", "group4")],
)
def test_tiff_in_every_mode(mode, compression):
    image = Image.fromarray(PIXELS)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image, expected = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB"), PIXELS
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("RGB"))
    photo = read_photo(encoded(image, compression=compression, **({"quality": 98} if compression == "jpeg" else {})))
    assert photo.format == "TIFF"
    error = np.abs(photo.pixels.astype(int) - expected)
    assert error.reshape(2, 9, 3, 8, 3)[:, 2:-2, :, 2:-2].max() <= 8


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True), (">", True)])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_tiff_in_every_depth(order, big, channels, depth):
    samples = np.dstack([PIXELS, np.full(GREY.shape, 255, np.uint8)])[..., :channels]
    if depth == 16:
        samples = (samples.astype(np.uint16) * 257).astype(order + "u2")
    extra = {"t338": [2]} if channels == 4 else {}
    photo = read_photo(tiff(samples, order, big, **extra))
    assert (photo.pixels == (PIXELS if channels > 1 else GREY[..., None])).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_white_is_zero(depth):
    samples = 255 - GREY if depth == 8 else 65535 - GREY.astype(np.uint16) * 257
    assert (read_photo(tiff(samples[..., None], t262=[0])).pixels == GREY[..., None]).all()


def test_twelve_bits():
    twelve = (GREY.astype(np.uint16) * 16 + GREY // 16).reshape(-1, 2)
    packed = np.stack([twelve[:, 0] >> 4, (twelve[:, 0] & 15) << 4 | twelve[:, 1] >> 8, twelve[:, 1] & 255], 1)
    data = tiff(packed.astype(np.uint8).reshape(18, 36, 1), t256=[24], t258=[12])
    assert np.abs(read_photo(data).pixels.astype(int) - GREY[..., None]).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_tiff_is_upright(orientation, compression):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    image = Image.fromarray(PIXELS)
    if orientation in undo:
        image = image.transpose(Image.Transpose(undo[orientation]))
    photo = read_photo(encoded(image, compression=compression, tiffinfo={274: orientation}))
    assert photo.original_size == (24, 18)
    assert (photo.pixels == PIXELS).all()


def test_the_first_page_counts_and_its_profile():
    other = Image.fromarray(255 - PIXELS)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(Image.fromarray(PIXELS), save_all=True, append_images=[other], icc_profile=profile)
    assert (read_photo(data).pixels == PIXELS).all()


def test_a_tiff_in_planes_and_in_tiles():
    planes = np.ascontiguousarray(PIXELS.transpose(2, 0, 1)).reshape(54, 24, 1)
    tags = {"t257": [18], "t258": [8] * 3, "t262": [2], "t273": [16, 448, 880], "t277": [3]}
    data = tiff(planes, t278=[18], t279=[432] * 3, t284=[2], **tags)
    assert (read_photo(data).pixels == PIXELS).all()
    large = np.tile(PIXELS, (4, 4, 1))[:64, :64]
    tiles = np.concatenate([large[y : y + 32, x : x + 32] for y in (0, 32) for x in (0, 32)])
    places = {"t324": [16 + 3072 * i for i in range(4)], "t325": [3072] * 4}
    tags = {"t256": [64], "t257": [64], "t322": [32], "t323": [32], **places}
    data = tiff(np.ascontiguousarray(tiles), **tags)
    assert read_photo(data).pixels.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (tiff(GREY.astype(np.float32)[..., None], t339=[3]), "16 bits"),
        (tiff(GREY.astype(np.float16)[..., None], t339=[3]), "16 bits"),
        (tiff(GREY.astype(np.uint32)[..., None]), "16 bits"),
        (tiff(GREY.astype(np.int16)[..., None], t339=[2]), "16 bits"),
        (tiff(PIXELS, t50706=[1]), "raw photo"),
        (tiff(GREY[..., None], t262=[32803]), "raw photo"),
        (tiff(PIXELS, t254=[1], t330=[8]), "raw photo"),
        (tiff(PIXELS, t259=[34712]), "compression"),
        (tiff(PIXELS, t322=[65520], t323=[65520]), "tiles"),
        (tiff(PIXELS, t256=[8000], t257=[8000]), "64 megapixels"),
        (tiff(PIXELS, t256=[70000]), "70000 pixels long"),
        (tiff(PIXELS, t256=[0]), "damaged"),
        (tiff(PIXELS, t277=[9000]), "damaged"),
        (tiff(PIXELS)[:-20], "damaged"),
        (tiff(PIXELS)[:40], "damaged"),
        (b"II*\0", "damaged"),
        (b"MM\0*" + b"\xff" * 40, "damaged"),
        (bmp(b"", 8000, 8000, 24), "damaged"),
        (bmp(bytes(99), 8000, 8000, 8, 1), "64 megapixels but at most 4"),
        (bmp(b"\1\5" * 2_200_000, 2000, 2000, 8, 1), "runs"),
        (tiff(PIXELS, t273=[16] * 140_000, t279=[10] * 140_000, t278=[1]), "strips"),
        (bmp(b"\xff\xd8\xff", 8, 8, 0, 4), "wraps"),
        (bmp(bytes(300), 0, 8, 24), "damaged"),
        (bmp(bytes(300), 8, 8, 7), "damaged"),
        (encoded(Image.fromarray(PIXELS), "BMP")[:-60], "damaged"),
    ],
)
def test_files_that_are_refused(data, word):
    assert word in refusal(data)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp_in_every_mode(mode):
    image = Image.fromarray(PIXELS).convert(mode)
    photo = read_photo(encoded(image, "BMP"))
    assert photo.format == "BMP"
    assert (photo.pixels == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
def test_bmp_of_16_bits(header):
    samples = PIXELS[::-1].astype(np.uint16)
    rows = (samples[..., 0] >> 3 << 11 | samples[..., 1] >> 2 << 5 | samples[..., 2] >> 3).astype("<u2").tobytes()
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    photo = read_photo(bmp(rows, 24, 18, 16, 3, header=header, masks=masks))
    assert np.abs(photo.pixels.astype(int) - PIXELS).max() <= 8


@pytest.mark.parametrize(("alpha", "shows"), [(0, PIXELS), (255, PIXELS), (None, 255)])
def test_bmp_with_a_fourth_byte(alpha, shows):
    """None of 255 and all of 0 are opaque; with both, it is transparency."""
    plane = np.full(GREY.shape, alpha or 0, np.uint8)
    if alpha is None:
        plane[0] = 255
    rows = np.dstack([PIXELS[..., ::-1], plane])[::-1].tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    photo = read_photo(bmp(rows, 24, 18, 32, 3, header=108, masks=masks))
    assert (photo.pixels[1:] == (shows[1:] if alpha is not None else shows)).all()


def test_bmp_from_the_top_and_with_run_lengths():
    rows = np.ascontiguousarray(PIXELS[..., ::-1]).tobytes()
    assert (read_photo(bmp(rows, 24, -18, 24)).pixels == PIXELS).all()
    palette = b"".join(bytes([*patch[::-1], 0]) for patch in PATCHES.astype(np.uint8))
    runs = b"".join(bytes([8, i, 8, i + 1, 8, i + 2, 0, 0]) for i in [3] * 9 + [0] * 9) + b"\0\1"
    assert (read_photo(bmp(runs, 24, 18, 8, 1, palette)).pixels == PIXELS).all()


def test_a_bmp_that_lacks_a_few_bytes_is_read():
    data = encoded(Image.fromarray(PIXELS), "BMP")
    assert np.mean(read_photo(data[:-12]).pixels == PIXELS) > 0.98


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow
def test_rubbish_behind_a_header_ends_in_one_sentence():
    random = np.random.default_rng(0)
    whole = [encoded(Image.fromarray(PIXELS), "TIFF", compression=c) for c in (None, "tiff_lzw", "jpeg", "packbits")]
    whole += [encoded(Image.fromarray(PIXELS).convert(mode), "BMP") for mode in ("P", "RGB", "RGBA")]
    for data in whole:
        for _ in range(60):
            changed = bytearray(data)
            for at in random.integers(4, len(data), 8):
                changed[at] = random.integers(256)
            with contextlib.suppress(ImageError):
                assert read_photo(bytes(changed)).pixels.shape[2] == 3


def test_a_directory_of_very_many_entries():
    entries = struct.pack("<HHII", 258, 4, 2**31, 8) * 60_000
    assert "damaged" in refusal(b"II*\0" + struct.pack("<IH", 8, 60_000) + entries)
