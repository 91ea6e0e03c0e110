"""Reading of photos made here: formats, orientations, bit depths, colour spaces, and files that are cut off.

Each file has a known picture. What `read_photo` makes of it is compared with that picture, converted by the arithmetic
of the standards, which is written again here. Prints the number of files, unexpected failures, the largest colour
error of each group, and the time and memory of the largest photos; MISSED where a limit is missed.

    python benchmarks/photo_formats.py
"""

import io
import itertools
import resource
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms
from timing import verdict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cnn_demo.images import ImageError, read_photo

MAX_ERROR = 8
MAX_SECONDS = 1.0
PATCHES = np.array([[200, 60, 40], [40, 160, 60], [60, 80, 200], [220, 200, 60], [128, 128, 128], [18, 12, 30]])
FLAT = np.repeat(np.repeat(PATCHES.reshape(2, 3, 3), 32, 0), 32, 1).astype(np.uint8)
UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that an EXIF orientation takes back
TO_XYZ = {
    1: ((0.4123908, 0.3575843, 0.1804808), (0.2126390, 0.7151687, 0.0721923), (0.0193308, 0.1191948, 0.9505322)),
    5: ((0.4306190, 0.3415419, 0.1783091), (0.2220379, 0.7066384, 0.0713236), (0.0201853, 0.1295504, 0.9390944)),
    6: ((0.3935891, 0.3652497, 0.1916313), (0.2124132, 0.7010437, 0.0865432), (0.0187423, 0.1119313, 0.9581563)),
    9: ((0.63695805, 0.14461690, 0.16888098), (0.26270021, 0.67799807, 0.05930172), (0.0, 0.02807269, 1.06098506)),
    12: ((0.48657095, 0.26566769, 0.19821729), (0.22897456, 0.69173852, 0.07928691), (0.0, 0.04511338, 1.04394437)),
}  # fmt: skip


@dataclass
class Case:
    """A file, its true pixels, and whether it may or must be refused."""

    group: str
    name: str
    data: bytes
    shows: np.ndarray | None  # None: must be refused
    is_whole: bool = True  # if not, up to 2 % of the pixels may be missing


# Files ---------------------------------------------------------------------------------------------------------------


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode with Pillow."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """Make a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(samples: np.ndarray, depth: int, colour: int, *extra: bytes, interlaced: bool = False) -> bytes:
    """Encode (H, W, C) samples as PNG by hand, with extra chunks before the image data."""
    height, width = samples.shape[:2]
    adam7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    rows = b""
    for x, dx, y, dy in adam7 if interlaced else ((0, 1, 0, 1),):
        for row in samples[y::dy, x::dx]:
            if row.size == 0:
                continue
            if depth == 16:
                packed = row.astype(">u2").tobytes()
            elif depth == 8:
                packed = row.astype(np.uint8).tobytes()
            else:
                bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, -depth:]
                packed = np.packbits(bits.reshape(-1)).tobytes()
            rows += b"\0" + packed
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    end = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + end


def tiff(samples: np.ndarray, order: str) -> bytes:
    """Encode (H, W, C) samples as TIFF by hand, in one strip without compression."""
    height, width, channels = samples.shape
    body, depth = samples.tobytes(), 8 * samples.itemsize
    start = 8 + len(body)
    tags = {256: width, 257: height, 258: depth, 259: 1, 262: 2 if channels > 2 else 1, 273: 8, 277: channels}
    tags |= {278: height, 279: len(body)} | ({338: 2} if channels == 4 else {})
    place = start + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack(f"{order}HHII", tag, 3, channels, place)
        if tag == 258 and channels > 2
        else struct.pack(f"{order}HHII", tag, 4, 1, value)
        for tag, value in sorted(tags.items())
    )
    outside = struct.pack(f"{order}{channels}H", *[depth] * channels)
    header = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    return header + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + outside


def avif(primaries: int, transfer: int, pixels: np.ndarray = FLAT) -> bytes:
    """Encode an AVIF and name its colours by codes."""
    data = bytearray(encoded(Image.fromarray(pixels), "AVIF", quality=100, subsampling="4:4:4"))
    place = data.find(b"colrnclx") + 8
    data[place : place + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(data)


def heic(primaries: int, transfer: int, pixels: np.ndarray = FLAT) -> bytes:
    """Encode a HEIC and name its colours by codes."""
    heif, file = pillow_heif.from_bytes("RGB", pixels.shape[1::-1], pixels.tobytes()), io.BytesIO()
    codes = {"color_primaries": primaries, "transfer_characteristics": transfer}
    heif.save(file, quality=98, chroma=444, save_nclx_profile=True, matrix_coefficients=6, full_range_flag=1, **codes)
    return file.getvalue()


# Colours by the standards --------------------------------------------------------------------------------------------


def linear(signal: np.ndarray, transfer: float) -> np.ndarray:
    """Return linear light, 1 for white; a negative transfer is the exponent of a power law."""
    if transfer == 16:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        root = signal ** (1 / m2)
        return 10_000 / 203 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    if transfer == 18:
        high = (np.exp((np.append(signal, 0.75) - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.where(signal <= 0.5, signal**2 / 3, high[:-1].reshape(signal.shape)) / high[-1]
    if transfer in (4, 5, 8) or transfer < 0:
        return signal ** {4.0: 2.2, 5.0: 2.8, 8.0: 1.0}.get(transfer, -transfer)
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def shown(signal: np.ndarray, primaries: int, transfer: float) -> np.ndarray:
    """Return the sRGB values, 0 to 255, of samples from 0 to 1."""
    light = linear(signal, transfer) @ (np.linalg.inv(np.array(TO_XYZ[1])) @ np.array(TO_XYZ[primaries])).T
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def colours() -> Iterator[Case]:
    """Yield files whose colours are named by codes, gamma and chromaticities, or a profile."""
    signal = FLAT / 255
    deep = np.rint(signal**2 * 65535).astype(np.uint16)
    for primaries, transfer in itertools.product(TO_XYZ, (1, 4, 5, 6, 8, 13, 14, 16, 18)):
        expected = shown(signal, primaries, transfer)
        codes = f"{primaries}/{transfer}"
        data = avif(primaries, transfer)
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # as it is encoded
        assert decoded is not None
        yield Case("AVIF, codes", codes, data, shown(decoded[..., ::-1] / 255, primaries, transfer))
        yield Case("HEIC, codes", codes, heic(primaries, transfer), expected)
        here = -2.4 if transfer in (1, 6, 14) else transfer  # of displays (BT.1886), as browsers take it in PNG
        cicp = chunk(b"cICP", bytes([primaries, transfer, 0, 1]))
        loser = chunk(b"gAMA", struct.pack(">I", 30_000)), chunk(b"sRGB", b"\0")
        yield Case("PNG, cICP", codes, png(FLAT, 8, 2, cicp, *loser), shown(signal, primaries, here))
        yield Case("PNG, cICP", codes + " 16 bit", png(deep, 16, 2, cicp), shown(deep / 65535, primaries, here))
        opaque = np.dstack([deep, np.full(deep.shape[:2], 65535, np.uint16)])
        yield Case("PNG, cICP", codes + " alpha", png(opaque, 16, 6, cicp), shown(deep / 65535, primaries, here))
    grey, chrm = FLAT[..., :1].astype(np.uint16), (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    p3 = chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in chrm)))
    for gamma in (0.3, 0.35, 0.4, 0.45455, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0):
        gama = chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
        power = 13 if gamma == 0.45455 else -1 / gamma
        yield Case("PNG, gAMA", f"{gamma}", png(FLAT, 8, 2, gama), shown(signal, 1, power))
        yield Case("PNG, gAMA", f"{gamma} 16 bit", png(deep, 16, 2, gama), shown(deep / 65535, 1, power))
        both = png(FLAT, 8, 2, gama, p3), png(deep, 16, 2, gama, p3)
        yield Case("PNG, gAMA and cHRM", f"{gamma}", both[0], shown(signal, 12, -1 / gamma))
        yield Case("PNG, gAMA and cHRM", f"{gamma} 16 bit", both[1], shown(deep / 65535, 12, -1 / gamma))
        alone = np.repeat(grey, 3, 2) / 255
        yield Case("PNG, gAMA", f"{gamma} grey", png(grey, 8, 0, gama), shown(alone, 1, power))
        yield Case("PNG, gAMA", f"{gamma} grey 16 bit", png(grey * 257, 16, 0, gama), shown(alone, 1, power))
        srgb = chunk(b"sRGB", b"\0")
        yield Case("PNG, sRGB wins", f"{gamma}", png(FLAT, 8, 2, srgb, gama, p3), FLAT)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for kind, one in itertools.product(("JPEG", "PNG", "WEBP", "AVIF", "HEIF"), (profile, lab, b"broken")):
        yield Case("profiles", kind, encoded(Image.fromarray(FLAT), kind, quality=98, icc_profile=one), FLAT)


# Formats and orientations --------------------------------------------------------------------------------------------


def settings() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield mode, format and options of Pillow's encoders."""
    for quality, sampling, progressive in itertools.product((85, 98), (0, 1, 2), (False, True)):
        yield "RGB", "JPEG", {"quality": quality, "subsampling": sampling, "progressive": progressive}
    yield "RGB", "JPEG", {"quality": 95, "restart_marker_rows": 1}
    yield "RGB", "JPEG", {"quality": 95, "restart_marker_blocks": 5, "progressive": True}
    yield "RGB", "JPEG", {"quality": 95, "keep_rgb": True}
    yield "L", "JPEG", {"quality": 95}
    yield "L", "JPEG", {"quality": 95, "progressive": True, "optimize": True}
    yield "CMYK", "JPEG", {"quality": 98}
    yield "CMYK", "JPEG", {"quality": 98, "progressive": True}
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        yield mode, "PNG", {}
    for mode in ("RGB", "RGBA"):
        yield mode, "WEBP", {"lossless": True}
        yield mode, "WEBP", {"quality": 95}
        yield mode, "AVIF", {"quality": 95, "range": "full"}
        yield mode, "AVIF", {"quality": 95, "range": "limited"}
    for sampled in ("4:4:4", "4:2:2", "4:2:0"):
        yield "RGB", "AVIF", {"quality": 95, "subsampling": sampled}
    yield "L", "AVIF", {"quality": 95, "subsampling": "4:0:0"}
    for chroma in (420, 422, 444):
        yield "RGB", "HEIF", {"quality": 95, "chroma": chroma}
    for mode in ("RGBA", "L"):
        yield mode, "HEIF", {"quality": 95}
    yield "RGB", "HEIF", {"quality": 95, "tile_size": 64}
    for mode in ("RGB", "L", "P"):
        yield mode, "GIF", {}
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield mode, "BMP", {}
    for mode, compression in itertools.product(
        ("L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"), (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd")
    ):
        yield mode, "TIFF", {"compression": compression}
    for mode in ("L", "RGB", "CMYK", "YCbCr"):
        yield mode, "TIFF", {"compression": "jpeg", "quality": 98}
    yield "1", "TIFF", {"compression": "group4"}


def formats() -> Iterator[Case]:
    """Yield every format in every mode and orientation, PNG in every bit depth, and files of several pictures."""
    for (mode, kind, options), orientation in itertools.product(settings(), range(1, 9)):
        image = Image.fromarray(FLAT).convert(mode)
        expected = np.asarray(image.convert("RGB"))
        exif = Image.Exif()
        exif[0x0112] = orientation
        if kind in ("GIF", "BMP") and orientation > 1:
            continue
        if orientation in UNDO:
            image = image.transpose(Image.Transpose(UNDO[orientation]))
        extra = {} if kind in ("GIF", "BMP") else {"exif": exif.tobytes()}
        yield Case(f"{kind}", f"{mode} {options} {orientation}", encoded(image, kind, **options, **extra), expected)
    for depth, interlaced in itertools.product((1, 2, 4, 8, 16), (False, True)):
        top = 2**depth - 1
        grey = np.rint(FLAT[..., :1] / 255 * top).astype(np.uint16)
        name = f"{depth} bit{' interlaced' * interlaced}"
        value = np.repeat(grey / top * 255, 3, 2)
        yield Case("PNG, depths", name + " grey", png(grey, depth, 0, interlaced=interlaced), value)
        if depth >= 8:
            rgb = np.rint(FLAT / 255 * top).astype(np.uint16)
            full = np.full((*rgb.shape[:2], 1), top, np.uint16)
            yield Case("PNG, depths", name + " RGB", png(rgb, depth, 2, interlaced=interlaced), FLAT)
            alpha = png(np.dstack([rgb, full]), depth, 6, interlaced=interlaced)
            yield Case("PNG, depths", name + " RGBA", alpha, FLAT)
            yield Case(
                "PNG, depths", name + " LA", png(np.dstack([grey, full]), depth, 4, interlaced=interlaced), value
            )
        if depth <= 8:
            index = (np.arange(64 * 96).reshape(64, 96, 1) // 32) % min(2**depth, 6)
            palette = chunk(b"PLTE", PATCHES[: min(2**depth, 6)].astype(np.uint8).tobytes())
            file = png(index, depth, 3, palette, interlaced=interlaced)
            yield Case("PNG, depths", name + " palette", file, PATCHES[index[..., 0]])
    for depth, channels, order in itertools.product((8, 16), (1, 3, 4), "<>"):
        samples = np.dstack([FLAT, np.full(FLAT.shape[:2], 255, np.uint8)])[..., :channels]
        deep = (samples.astype(np.uint16) * 257).astype(order + "u2") if depth == 16 else samples
        value = FLAT if channels > 1 else np.repeat(FLAT[..., :1], 3, 2)
        yield Case("TIFF, depths", f"{depth} bit, {channels} channels, {order}", tiff(deep, order), value)
    for kind, (width, height) in itertools.product(
        ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP"),
        ((1, 1), (1, 40), (40, 1), (17, 23), (97, 31), (200, 3)),
    ):
        expected = np.tile(PATCHES[0].astype(np.uint8), (height, width, 1))
        yield Case("sizes", f"{kind} {width}x{height}", encoded(Image.fromarray(expected), kind), expected)
    for kind in ("PNG", "WEBP", "GIF", "AVIF", "HEIF", "MPO", "TIFF"):
        others = [Image.fromarray(255 - FLAT), Image.fromarray(FLAT[::-1].copy())]
        data = encoded(Image.fromarray(FLAT), kind, save_all=True, append_images=others)
        yield Case("several pictures", kind, data, FLAT)


# Files that are cut off ----------------------------------------------------------------------------------------------


def scene(width: int = 320, height: int = 240) -> np.ndarray:
    """Return a picture with soft shapes and grain, as a photo has them."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack(
        [120 + 90 * np.sin(x / 37 + y / 51), 90 + y * 110 / height, 140 + 80 * np.cos(y / 29 - x / 43)], -1
    )
    return np.clip(waves + np.random.default_rng(0).normal(0, 6, waves.shape), 0, 255).astype(np.uint8)


def cut_off() -> Iterator[Case]:
    """Yield each format without its last bytes, with padding, or only half."""
    pixels = scene()
    exif = Image.Exif()
    exif[0x010E] = "words " * 99
    for mode, kind, options in (*settings(), ("RGB", "JPEG", {"exif": exif.tobytes()})):
        if mode in ("P", "1") and kind != "GIF":
            continue
        is_bare = kind in ("TIFF", "BMP")  # without redundancy, zeros may be black; and a TIFF may begin at its end
        image = Image.fromarray(pixels).convert(mode)
        if mode == "CMYK":  # Pillow leaves black empty
            image = Image.merge(mode, [*image.split()[:3], image.getchannel(0).point(lambda value: value // 2)])
        whole = encoded(image, kind, **options)
        truth = read_photo(whole).pixels.astype(int)
        size = len(whole)
        name = f"{kind} {mode} {options if 'exif' not in options else 'EXIF'}"
        few = 12 if (mode, kind) == ("RGBA", "HEIF") else size // 500  # its transparency has few bytes
        for lost in () if kind == "TIFF" else (1, 2, 4, 12, 16, few):
            yield Case("cut off, read", f"{name} -{lost}", whole[:-lost], truth if lost <= size / 400 else None, False)
        for lost in () if kind == "TIFF" else (2, 12, few):
            zeros = whole[:-lost] + bytes(lost + 512)
            yield Case("padded, read", f"{name} -{lost} + zeros", zeros, truth, False)
        yield Case("padded, read", f"{name} + zeros", whole + bytes(5000), truth)
        yield Case("padded, read", f"{name} + bytes", whole + scene(32, 8).tobytes(), truth)
        for fraction in (0.02, 0.25, 0.5, 0.75, 0.9):
            start = whole[: int(size * fraction)]
            yield Case("half, refused", f"{name} {fraction:.0%}", start, None)
            if not is_bare:
                yield Case("half, refused", f"{name} {fraction:.0%} + zeros", start + bytes(size - len(start)), None)
            if kind == "JPEG" and fraction < 0.9:
                yield Case("half, refused", f"{name} {fraction:.0%} + end marker", start + b"\xff\xd9", None)


# The report ----------------------------------------------------------------------------------------------------------


def compared(case: Case) -> tuple[float, str]:
    """Return the largest error in levels, and the unexpected results."""
    try:
        photo = read_photo(case.data)
    except ImageError as error:
        if case.shows is None:
            return 0.0, ""
        return 0.0, f"refused: {error}"
    except Exception as error:  # any other exception is what this program looks for
        return 0.0, f"{type(error).__name__}: {error}"
    if case.shows is None:
        return 0.0, "read, though it should be refused"
    if photo.pixels.shape != case.shows.shape:
        return 0.0, f"{photo.pixels.shape} instead of {case.shows.shape}"
    difference = np.abs(photo.pixels.astype(float) - case.shows)
    if not case.is_whole:
        return float(np.percentile(difference.max(axis=2), 98)), ""
    if case.shows.shape == FLAT.shape:
        difference = difference.reshape(2, 32, 3, 32, 3)[:, 6:-6, :, 6:-6].mean((1, 3))  # the middle of each patch
    return float(difference.max()), ""


def large_photos() -> None:
    """Print time and memory of large photos."""
    small = Image.fromarray(scene(512, 384))
    for name, size, kind, options in (
        ("JPEG of 12 MP", (4000, 3000), "JPEG", {}),
        ("JPEG of 12 MP without end", (4000, 3000), "JPEG", {}),
        ("HEIC of 12 MP, Display P3", (4000, 3000), "HEIF", {"quality": 50, "color_primaries": 12}),
        ("AVIF of 12 MP, BT.2020 PQ", (4000, 3000), "AVIF", {"quality": 50, "speed": 10}),
        ("TIFF of 6 MP, LZW", (3000, 2000), "TIFF", {"compression": "tiff_lzw"}),
        ("TIFF of 12 MP, JPEG", (4000, 3000), "TIFF", {"compression": "jpeg"}),
        ("BMP of 6 MP", (3000, 2000), "BMP", {}),
        ("JPEG of 8192 x 6144", (8192, 6144), "JPEG", {}),
        ("progressive JPEG of 8192 x 6144", (8192, 6144), "JPEG", {"progressive": True}),
        ("WebP of 8192 x 6144", (8192, 6144), "WEBP", {"method": 0}),
        ("PNG of 8192 x 6144", (8192, 6144), "PNG", {"compress_level": 1}),
    ):
        image = small if kind != "PNG" else small.quantize(16).convert("RGB")
        data = encoded(image.resize(size, Image.Resampling.NEAREST), kind, **options)
        if kind == "AVIF":
            data = data.replace(b"colrnclx\0\1\0\x0d", b"colrnclx\0\x09\0\x10")
        data = data[:-2] if "without" in name else data
        start = time.perf_counter()
        try:
            fine = read_photo(data).original_size == size
        except ImageError as error:
            fine, name = False, f"{name}: {error}"
        seconds = time.perf_counter() - start
        fine = fine and (kind != "JPEG" or size[0] > 4000 or seconds < MAX_SECONDS)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"  {name:34} {len(data) / 2**20:5.1f} MB {seconds:5.2f} s, process at most {peak:5} MB  {verdict(fine)}")


def main() -> None:
    """Read all files and print the counts and errors."""
    pillow_heif.register_heif_opener()
    count, unexpected = 0, []
    groups: dict[str, tuple[int, float, str]] = {}
    for case in itertools.chain(formats(), colours(), cut_off()):
        error, what = compared(case)
        count += 1
        number, worst, where = groups.get(case.group, (0, 0.0, ""))
        groups[case.group] = (number + 1, *max((worst, where), (error, case.name)))
        if what:
            unexpected.append(f"{case.group}: {case.name}: {what}")
    print(f"{count} files, {len(unexpected)} unexpected failures  {verdict(not unexpected)}")
    for line in unexpected:
        print(f"  {line}")
    for group, (number, worst, where) in groups.items():
        print(f"  {group:20} {number:4} files, at most {worst:5.1f} levels off  {verdict(worst <= MAX_ERROR)}  {where}")
    large_photos()


if __name__ == "__main__":
    main()
