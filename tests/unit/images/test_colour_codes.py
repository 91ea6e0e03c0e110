"""Colours that codes, gamma and chromaticities name are shown as Chromium 156 shows them."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from cnn_demo.images import cicp, read_photo
from cnn_demo.images.heif import check_heif

PATCHES = np.array([[200, 60, 40], [40, 160, 60], [60, 80, 200], [220, 200, 60], [128, 128, 128], [180, 120, 100]])
PIXELS = np.repeat(np.repeat(PATCHES.reshape(2, 3, 3), 32, 0), 32, 1).astype(np.uint8)
P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
NTSC = (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)

# What Chromium draws on a canvas for each patch.
AS_P3 = [[217, 43, 23], [0, 164, 40], [54, 82, 206], [224, 199, 0], [128, 128, 128], [190, 118, 94]]
AS_BT2020 = [[247, 0, 23], [0, 170, 32], [0, 81, 208], [237, 198, 0], [128, 128, 128], [209, 111, 94]]
LINEAR = [[229, 133, 110], [110, 208, 133], [133, 152, 229], [239, 229, 133], [188, 188, 188], [219, 183, 168]]
CODES = {
    (1, 13): PATCHES,
    (2, 2): PATCHES,
    (1, 99): PATCHES,
    (99, 13): PATCHES,
    (12, 13): AS_P3,
    (1, 1): PATCHES,
    (1, 6): PATCHES,
    (9, 1): AS_BT2020,
    (9, 13): AS_BT2020,
    (9, 14): AS_BT2020,
    (1, 8): LINEAR,
    (1, 4): [[201, 58, 35], [35, 162, 57], [57, 80, 200], [221, 201, 56], [129, 129, 129], [181, 122, 99]],
    (1, 5): [[189, 37, 17], [17, 143, 36], [36, 57, 187], [212, 189, 35], [106, 106, 106], [165, 99, 75]],
    (1, 7): [[206, 78, 58], [58, 171, 77], [77, 97, 205], [224, 206, 77], [141, 141, 141], [188, 135, 114]],
    (1, 17): [[200, 45, 23], [23, 156, 44], [44, 67, 199], [224, 200, 43], [118, 118, 118], [177, 110, 86]],
    (4, 13): [[236, 50, 15], [0, 158, 50], [0, 96, 204], [234, 193, 6], [128, 128, 128], [202, 118, 94]],
    (5, 13): [[204, 61, 40], [19, 161, 62], [59, 81, 198], [221, 200, 63], [128, 128, 128], [182, 121, 99]],
    (6, 13): [[195, 67, 39], [55, 159, 59], [65, 84, 199], [218, 199, 57], [128, 128, 128], [177, 122, 99]],
    (8, 13): [[226, 41, 21], [0, 165, 45], [47, 77, 205], [227, 201, 0], [128, 128, 128], [195, 118, 95]],
    (10, 13): [[255, 0, 64], [0, 215, 0], [0, 104, 210], [255, 173, 0], [128, 128, 128], [255, 0, 102]],
    (11, 13): [[212, 44, 24], [0, 164, 40], [55, 81, 206], [223, 199, 0], [128, 128, 128], [187, 118, 95]],
    (22, 13): [[202, 67, 39], [29, 158, 60], [60, 88, 199], [220, 198, 58], [128, 128, 128], [181, 122, 99]],
}


def shown(data: bytes) -> np.ndarray:
    return read_photo(data).pixels[16::32, 16::32].reshape(-1, 3).astype(int)


def with_codes(data: bytes, primaries: int, transfer: int) -> bytes:
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def avif(primaries: int, transfer: int, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "AVIF", quality=95, subsampling="4:4:4", **options)
    return with_codes(file.getvalue(), primaries, transfer)


def heic(primaries: int, transfer: int) -> bytes:
    heif, file = pillow_heif.from_bytes("RGB", PIXELS.shape[1::-1], PIXELS.tobytes()), io.BytesIO()
    codes = {"color_primaries": 1, "transfer_characteristics": 13, "matrix_coefficients": 0, "full_range_flag": 1}
    heif.save(file, quality=-1, chroma=444, save_nclx_profile=True, **codes)
    return with_codes(file.getvalue(), primaries, transfer)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*chunks: bytes, depth: int = 8, samples: np.ndarray = PIXELS) -> bytes:
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2" if depth == 16 else np.uint8).tobytes() for row in samples)
    colour = {1: 0, 3: 2, 4: 6}[samples.shape[2]]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + data


def gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chrm(values: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def coded(*codes: int) -> bytes:
    return chunk(b"cICP", bytes(codes))


@pytest.mark.parametrize("codes", CODES, ids=str)
def test_codes_of_avif_and_heic(codes):
    assert np.abs(shown(avif(*codes)) - CODES[codes]).max() <= 4
    if 99 not in codes:  # libheif refuses those
        assert np.abs(shown(heic(*codes)) - CODES[codes]).max() <= 6  # without the losses of the AVIF


PNGS = {
    "gAMA of linear light": ((gama(1),), LINEAR),
    "gAMA of sRGB": ((gama(0.45455),), PATCHES),
    "gAMA": (
        (gama(0.55),),
        [[210, 76, 52], [52, 175, 76], [76, 98, 210], [227, 210, 76], [146, 146, 146], [193, 138, 118]],
    ),
    "darker gAMA": (
        (gama(0.35),),
        [[187, 34, 16], [16, 140, 34], [34, 54, 187], [212, 187, 34], [104, 104, 104], [164, 96, 74]],
    ),
    "gAMA of zero": ((gama(0),), PATCHES),
    "gAMA too short": ((chunk(b"gAMA", b"\0\1"),), PATCHES),
    "cHRM alone": ((chrm(P3),), PATCHES),
    "cHRM and gAMA": (
        (gama(1), chrm(P3)),
        [[244, 127, 104], [64, 210, 125], [128, 153, 235], [241, 229, 118], [188, 188, 188], [226, 181, 166]],
    ),
    "cHRM of P3": (
        (gama(0.45455), chrm(P3)),
        [[219, 37, 13], [0, 164, 35], [51, 80, 209], [225, 200, 0], [129, 129, 129], [192, 117, 96]],
    ),
    "cHRM of NTSC": (
        (gama(0.45455), chrm(NTSC)),
        [[238, 45, 1], [0, 159, 47], [0, 95, 207], [235, 195, 0], [129, 129, 129], [204, 117, 95]],
    ),
    "cHRM on one line": ((gama(0.45455), chrm((0.3, 0.3) * 4)), PATCHES),
    "cHRM of zeros": ((gama(0.45455), chrm((0.0,) * 8)), PATCHES),
    "sRGB wins": ((chunk(b"sRGB", b"\0"), gama(1), chrm(P3)), PATCHES),
    "cICP": ((coded(12, 13, 0, 1),), AS_P3),
    "cICP wins": ((coded(12, 13, 0, 1), chunk(b"sRGB", b"\0"), gama(1)), AS_P3),
    "cICP of linear light": ((coded(1, 8, 0, 1),), LINEAR),
    "cICP of BT.709": (
        (coded(1, 1, 0, 1),),
        [[197, 49, 28], [28, 155, 49], [49, 70, 197], [218, 197, 49], [121, 121, 121], [176, 113, 91]],
    ),
    "cICP of narrow range": ((coded(12, 13, 0, 0),), PATCHES),
    "cICP with a matrix": ((coded(12, 13, 1, 1),), PATCHES),
    "cICP without codes": ((coded(2, 2, 0, 1), gama(1)), LINEAR),
    "cICP too short": ((coded(12, 13),), PATCHES),
}


@pytest.mark.parametrize("name", PNGS)
def test_colours_of_png(name):
    chunks, expected = PNGS[name]
    assert np.abs(shown(png(*chunks)) - expected).max() <= 2
    assert np.abs(shown(png(*chunks, depth=16, samples=PIXELS.astype(int) * 257)) - expected).max() <= 2
    opaque = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255)])
    assert np.abs(shown(png(*chunks, samples=opaque)) - expected).max() <= 2


def test_hdr_is_clipped_at_its_diffuse_white():
    """PQ of 203 cd/m² and HLG of 75 % are white; 18 % grey is that of sRGB."""
    for transfer, white, grey in ((16, 0.5807, 0.4109), (18, 0.75, 0.3779)):
        for level, expected in ((white, 255), (1.0, 255), (0.0, 0), (grey, 118)):
            samples = np.full((16, 16, 3), round(level * 65535))
            pixels = read_photo(png(coded(9, transfer, 0, 1), depth=16, samples=samples)).pixels
            assert np.abs(pixels.astype(int) - expected).max() <= 2


def test_sixteen_bits_are_needed_for_dark_colours():
    dark = np.tile(np.arange(0, 1024, 8).reshape(1, -1, 1), (8, 1, 3))
    linear = dark / 65535
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    for samples in (dark, dark[..., :1]):
        pixels = read_photo(png(gama(1), depth=16, samples=samples)).pixels
        assert np.abs(pixels - expected).max() <= 1


def test_sixteen_bits_with_transparency_and_reduction():
    samples = np.dstack([PIXELS.astype(int) * 257, np.full(PIXELS.shape[:2], 65535)])
    samples[:32, :, 3] = 0
    pixels = read_photo(png(gama(1), depth=16, samples=samples), max_side=48).pixels
    assert pixels.shape == (32, 48, 3)
    assert (pixels[4:12] == 255).all()
    assert np.abs(pixels[24, 8::16].astype(int) - LINEAR[3:]).max() <= 2


def test_a_profile_wins_over_codes():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(shown(avif(12, 13, icc_profile=profile)) - PATCHES).max() <= 4
    compressed = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile))
    assert np.abs(shown(png(compressed, gama(1))) - PATCHES).max() <= 2
    assert np.abs(shown(png(compressed, coded(12, 13, 0, 1))) - AS_P3).max() <= 2


def test_codes_of_the_stream_if_the_boxes_name_none():
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "AVIF", subsampling="4:4:4")
    assert check_heif(file.getvalue().replace(b"colrnclx", b"freenclx")).codes == (1, 13)


def test_grey_and_palette():
    grey = np.tile(np.arange(256).reshape(1, -1, 1), (8, 1, 1))
    linear = np.arange(256) / 255
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    for chunks in ((gama(1),), (gama(1), chrm(NTSC)), (coded(1, 8, 0, 1),)):
        assert np.abs(read_photo(png(*chunks, samples=grey)).pixels - expected[:, None]).max() <= 2


def test_a_conversion_takes_as_much_memory_as_its_result():
    space = cicp.of_codes(9, 16)
    assert space is not None
    pixels = np.tile(PIXELS, (8, 8, 1))
    np.testing.assert_array_equal(space.to_srgb(pixels)[:64, :96], space.to_srgb(PIXELS))
    assert cicp.of_codes(1, 13) is None
