"""Colours of decoded frames, against the formulas of ITU-R BT.601, 709, 2020, 2100 and 2408, written out here."""

import av
import numpy as np
import pytest

from cnn_demo.video import first_frame
from cnn_demo.video.colour import PEAK, ColourCodes, to_srgb

from .clips import clip

PATCHES = np.array(
    [
        [200, 60, 40],
        [40, 160, 60],
        [60, 80, 200],
        [220, 200, 60],
        [128, 128, 128],
        [180, 120, 100],
        [0, 0, 0],
        [9, 9, 9],
    ]
)
EXTREME = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])
WIDTH, HEIGHT = 32, 32  # pixels of a patch
BT709, BT601, BT2020, SMPTE240 = 1, 6, 9, 7
LUMA = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), BT2020: (0.2627, 0.0593), SMPTE240: (0.212, 0.087)}
LIMITED, FULL = 1, 2
SDR, LINEAR, PQ, HLG = 1, 8, 16, 18
P3 = 12
FROM_2020 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
FROM_P3 = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
UNSTATED = ColourCodes()


def linear(srgb):
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def pq(nits):
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits):
    """BT.2100: inverse OOTF of a display of 1000 cd/m², then the OETF."""
    luminance = nits @ [0.2627, 0.678, 0.0593] / 1000
    scene = nits / 1000 * np.maximum(luminance, 1e-9)[:, None] ** (1 / 1.2 - 1)
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def painted(signal, pix_fmt, matrix=BT709, range_=LIMITED, opacity=1.0, **tags):
    """Make a frame with a patch for each row of `signal`, (N, 3) R'G'B' from 0 to 1."""
    frame = av.VideoFrame(WIDTH * len(signal), HEIGHT, pix_fmt)
    bits = frame.format.components[0].bits
    largest, unit = 2**bits - 1, 2 ** (bits - 8)
    if frame.format.is_rgb:
        values = signal[:, [1, 2, 0]] * largest
    else:
        red, blue = LUMA[matrix]
        luma = signal @ [red, 1 - red - blue, blue]
        values = np.stack([luma, (signal[:, 2] - luma) / 2 / (1 - blue), (signal[:, 0] - luma) / 2 / (1 - red)], 1)
        half = 2 ** (bits - 1)
        if range_ == FULL:
            values = values * largest + [0, half, half]
        else:
            values = values * np.array([219, 224, 224]) * unit + np.array([16, 128, 128]) * unit
    dtype = np.dtype(np.uint16 if bits > 8 else np.uint8)
    for index, plane in enumerate(frame.planes):
        row = (
            values[:, index].repeat(plane.width // len(signal))
            if index < 3
            else np.full(plane.width, opacity * largest)
        )
        rows = np.zeros((plane.height, plane.line_size // dtype.itemsize), dtype)
        rows[:, : plane.width] = np.clip(np.rint(row), 0, largest)
        plane.update(rows.tobytes())
    frame.colorspace, frame.color_range = (0 if frame.format.is_rgb else matrix), range_
    for name, code in tags.items():
        setattr(frame, name, code)
    return frame


def patches_of(frame, scale=1.0, fallback=UNSTATED):
    width = round(frame.width * scale)
    pixels = to_srgb(frame, width, round(frame.height * scale), fallback)
    step = round(WIDTH * scale)
    return pixels[len(pixels) // 2, step // 2 :: step].astype(int)


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv422p10le"])
@pytest.mark.parametrize("transfer", [1, 16])
def test_ycgco(pix_fmt, range_, transfer):
    """BT.709 is the basis: what that matrix makes of Y, Cg and Co is painted, as its blue and red differences."""
    signal = np.vstack([PATCHES, EXTREME]) / 255
    red, green, blue = signal.T
    luma, cg, co = green / 2 + (red + blue) / 4, green / 2 - (red + blue) / 4, (red - blue) / 2
    kr, kb = LUMA[BT709]
    as_red, as_blue = luma + 2 * (1 - kr) * co, luma + 2 * (1 - kb) * cg
    painted_as = np.stack([as_red, (luma - kr * as_red - kb * as_blue) / (1 - kr - kb), as_blue], 1)
    frame = painted(painted_as, pix_fmt, BT709, range_, color_trc=transfer)
    expected = patches_of(painted(signal, pix_fmt, BT2020, range_, color_trc=transfer, color_primaries=9))
    frame.colorspace = 8
    if transfer == 16:
        frame.color_primaries = 9
    else:
        expected = signal * 255
    assert np.abs(patches_of(frame) - expected).max() <= 3


FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuva420p", "gbrp", "gbrp10le"]


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", LUMA)
@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_matrix_and_range(pix_fmt, matrix, range_):
    colours = np.vstack([PATCHES, EXTREME])
    frame = painted(colours / 255, pix_fmt, matrix, FULL if pix_fmt.startswith("g") else range_)
    for scale in (1.0, 0.5, 0.25):
        assert np.abs(patches_of(frame, scale) - colours).max() <= 2


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_grey_frames(pix_fmt, range_):
    colours = PATCHES[[4, 6, 7]]
    assert np.abs(patches_of(painted(colours / 255, pix_fmt, BT709, range_)) - colours).max() <= 1


@pytest.mark.parametrize(("height", "matrix"), [(480, BT601), (720, BT709)])
def test_an_unstated_matrix_is_guessed_from_the_height(height, matrix):
    frame = painted(PATCHES / 255, "yuv444p", matrix)
    tall = frame.reformat(64, height, "yuv444p")
    tall.colorspace = 2
    wide = to_srgb(tall, 256, 32, UNSTATED)
    assert np.abs(wide[16, 16::32].astype(int) - PATCHES).max() <= 3


def test_codes_of_the_container_hold_where_the_frame_has_none():
    frame = painted(PATCHES / 255, "yuv444p", BT2020, FULL, colorspace=2, color_range=0)
    stated = ColourCodes(BT2020, FULL)
    assert np.abs(patches_of(frame, fallback=stated) - PATCHES).max() <= 2
    assert np.abs(patches_of(frame) - PATCHES).max() > 10


SIGNALS = {
    "PQ": (PQ, BT2020, pq(203 * np.clip(linear(PATCHES / 255) @ np.linalg.inv(FROM_2020).T, 0, None))),
    "HLG": (HLG, BT2020, hlg(203 * np.clip(linear(PATCHES / 255) @ np.linalg.inv(FROM_2020).T, 0, None))),
    "BT.2020 SDR": (14, BT2020, srgb(linear(PATCHES / 255) @ np.linalg.inv(FROM_2020).T)),
    "Display P3": (SDR, P3, srgb(linear(PATCHES / 255) @ np.linalg.inv(FROM_P3).T)),
    "linear": (LINEAR, BT709, linear(PATCHES / 255)),
    "BT.709": (SDR, BT709, PATCHES / 255),
}


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "yuva444p10le"])
@pytest.mark.parametrize(("transfer", "primaries", "signal"), SIGNALS.values(), ids=SIGNALS.keys())
def test_transfer_and_primaries(transfer, primaries, signal, pix_fmt, range_):
    matrix = BT2020 if primaries == BT2020 else BT709
    frame = painted(signal, pix_fmt, matrix, range_, color_trc=transfer, color_primaries=primaries)
    assert np.abs(patches_of(frame) - PATCHES).max() <= 4


@pytest.mark.parametrize(("transfer", "encode"), [(PQ, pq), (HLG, hlg)])
def test_highlights_are_compressed_and_keep_their_order(transfer, encode):
    nits = np.array([100, 150, 203, 300, 500, PEAK])[:, None].repeat(3, 1)
    frame = painted(encode(nits), "yuv444p12le", BT2020, FULL, color_trc=transfer, color_primaries=BT2020)
    grey = patches_of(frame)[:, 1]
    assert (np.diff(grey) > 0).all()
    assert grey[2] >= 240  # diffuse white is nearly white
    assert grey[-1] == 255


@pytest.mark.parametrize("tags", [{}, {"color_trc": PQ, "color_primaries": BT2020}])
def test_transparent_frames_are_composited_on_white(tags):
    assert (patches_of(painted(PATCHES / 255, "yuva444p10le", BT2020, FULL, opacity=0.0, **tags)) >= 254).all()


def half_transparent(_number=0):
    frame = painted(np.array([[0.8, 0.2, 0.2]] * 4), "yuva420p", BT601)
    plane = frame.planes[3]
    rows = np.full((plane.height, plane.line_size), 255, np.uint8)
    rows[:, : plane.width // 2] = 0
    plane.update(rows.tobytes())
    return frame


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_transparent_webm_is_composited_on_white(codec):
    shown = [half_transparent() for _ in range(3)]
    options = {"auto-alt-ref": "0"}  # VP8 cannot have both
    data = clip((0, 0.1, 0.2), (32, 128), "webm", codec, "yuva420p", frames=shown, options=options)
    pixels = first_frame(data)
    assert np.abs(pixels[16, 24].astype(int) - 255).max() <= 4
    assert np.abs(pixels[16, 100].astype(int) - [204, 51, 51]).max() <= 12


DEPTHS = (("HLG", 10), ("PQ", 10), ("BT.709", 8))


@pytest.mark.parametrize(
    ("codec", "container", "name", "bits"),
    [
        *((*video, *signal) for video in (("libx264", "mp4"), ("libx265", "mov")) for signal in DEPTHS),
        ("libvpx-vp9", "webm", "BT.709", 8),  # this encoder has 8 bits only
    ],
)
def test_encoded_videos(codec, container, name, bits):
    transfer, primaries, signal = SIGNALS[name]
    pix_fmt = "yuv420p10le" if bits == 10 else "yuv420p"
    matrix = BT2020 if primaries == BT2020 else BT709
    frame = painted(signal, pix_fmt, matrix)
    tags = {"colorspace": matrix, "color_range": LIMITED, "color_primaries": primaries, "color_trc": transfer}
    options = {"crf": "4", "x265-params": "log-level=none:pools=none:bframes=0"}
    size = (frame.height, frame.width)
    data = clip(
        (0,), size, container=container, codec=codec, pix_fmt=pix_fmt, tags=tags, frames=[frame], options=options
    )
    found = first_frame(data)[HEIGHT // 2, WIDTH // 2 :: WIDTH].astype(int)
    assert np.abs(found - PATCHES).mean() < 4


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_codes_that_only_the_container_states(codec, container):
    transfer, primaries, signal = SIGNALS["HLG"]
    frame = painted(signal, "yuv420p10le", BT2020)
    tags = {"colorspace": BT2020, "color_range": LIMITED, "color_primaries": primaries, "color_trc": transfer}
    undefined = "colorprim=undef:transfer=undef:colormatrix=undef"
    if codec == "libx265":
        undefined += ":bframes=0:log-level=none"
    options = {"crf": "4", f"{codec[3:]}-params": undefined}
    size = (frame.height, frame.width)
    data = clip((0, 0.1, 0.2), size, container, codec, "yuv420p10le", tags=tags, frames=[frame] * 3, options=options)
    found = first_frame(data)[HEIGHT // 2, WIDTH // 2 :: WIDTH].astype(int)
    assert np.abs(found - PATCHES).mean() < 3


@pytest.mark.parametrize("name", ["PQ", "HLG"])
def test_hdr_without_primaries_and_matrix_is_bt2020(name):
    transfer, _, signal = SIGNALS[name]
    frame = painted(signal, "yuv444p12le", BT2020, color_trc=transfer)
    frame.colorspace = 2
    assert np.abs(patches_of(frame) - PATCHES).max() <= 4


@pytest.mark.parametrize("range_", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [BT601, BT709])
@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_webm_with_any_matrix_and_range(codec, matrix, range_):
    """VP8's frames always claim limited BT.601; browsers record full BT.709."""
    frame = painted(PATCHES / 255, "yuv420p", matrix, range_)
    tags = {"colorspace": matrix, "color_range": range_, "color_primaries": 1, "color_trc": 13}
    options = {"crf": "4", "b": "8M"}
    size = (frame.height, frame.width)
    data = clip((0, 0.1, 0.2), size, "webm", codec, tags=tags, frames=[frame] * 3, options=options)
    found = first_frame(data)[HEIGHT // 2, WIDTH // 2 :: WIDTH].astype(int)
    assert np.abs(found - PATCHES).max() < 8
