"""Pictures to train a localizer on: an object anywhere and at any size, or none.

The photos of the set are centred, and their objects fill three quarters of them. A network trained on nothing else
learns the usual positions of the set, not the objects' own. So each photo is cropped, stretched, mirrored, recoloured
and, more often than not, pasted at random scale and position onto another picture; the box moves with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cnn_demo.images.resizing import resized
from cnn_demo.models.boxes import area, intersection
from training.data.datasets import BoxedPhoto

NOTHING = 3  # the class of a picture without any of the three
IN_PLACE = 0.5  # fraction of objects that stay in their own photo, which then fills the picture
WHOLE = 0.5  # fraction of objects that bring all of their photo along
SMALLEST, LARGEST = 0.22, 0.95  # longer side of a pasted object, as a fraction of the picture's side
CLUTTERED = 0.5  # fraction of pictures with an object that have distractors beside it
CLUTTER_SMALLEST, CLUTTER_LARGEST = 0.15, 0.5  # longer side of a distractor, as a fraction of the picture's side
MAX_HIDDEN = 0.02  # fraction of the object's box that one of them may cover
TINTED, HUE_TURN = 0.5, 25  # fraction of pictures whose hues turn, and how far at most, in degrees / 2
CUT = 0.12  # fraction of its width or height that may be outside the picture, on each side


@dataclass(frozen=True)
class Backgrounds:
    """Backgrounds and distractors of composed pictures.

    Attributes:
        backgrounds: Photos without any of the three classes.
        distractors: Small pictures of other objects, pasted like objects, so that an edge of a paste means nothing.
        side: Height and width of the pictures to make.
    """

    backgrounds: list[np.ndarray]
    distractors: list[np.ndarray]
    side: int


def object_picture(photo: BoxedPhoto, scenery: Backgrounds, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make a picture of a photo's object.

    Returns:
        Picture (side, side, 3) uint8, and visible part of the box (4,) float32: corners as fractions of the side.
    """
    pixels = photo.pixels
    box = photo.box.astype(np.float64)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        box = np.array([pixels.shape[1] - box[2], box[1], pixels.shape[1] - box[0], box[3]])
    crop = random_crop(pixels.shape[:2], box, rng)
    if rng.random() < IN_PLACE:
        canvas = np.zeros((scenery.side, scenery.side, 3), np.uint8)
        target = np.array([0.0, 0.0, 1.0, 1.0])
    else:
        target = random_target(box, crop, rng)
        canvas = random_canvas(scenery, rng, pixels, crop)
    paste(canvas, pixels, crop, target)
    scale = (target[2:] - target[:2]) / (crop[2:] - crop[:2])
    corners = np.concatenate([(box[:2] - crop[:2]) * scale + target[:2], (box[2:] - crop[:2]) * scale + target[:2]])
    shown = np.clip(target, 0, 1)  # a tight crop leaves a little of the object out
    visible = np.clip(corners, np.tile(shown[:2], 2), np.tile(shown[2:], 2))
    if rng.random() < CLUTTERED:
        clutter(canvas, visible, scenery, rng)
    return recolour(tint(canvas, rng), rng), visible.astype(np.float32)


def clutter(canvas: np.ndarray, box: np.ndarray, scenery: Backgrounds, rng: np.random.Generator) -> None:
    """Paste up to three distractors beside an object, in place, if they leave its box uncovered.

    So the head learns to ignore regions that resemble the object.

    Args:
        canvas: The picture (side, side, 3) uint8.
        box: (4,) of the object, as fractions of the side.
        scenery: Source of the backgrounds and distractors.
        rng: Random generator.
    """
    for _ in range(rng.integers(1, 4)):
        many = scenery.distractors if rng.random() < 0.5 else scenery.backgrounds
        patch = many[rng.integers(len(many))]
        size = rng.uniform(CLUTTER_SMALLEST, CLUTTER_LARGEST) * np.array(patch.shape[1::-1]) / max(patch.shape[:2])
        for _ in range(6):  # attempts; none may fit
            corner = rng.uniform(-CUT * size, 1 - (1 - CUT) * size)
            target = np.concatenate([corner, corner + size])
            if intersection(target, box) <= MAX_HIDDEN * area(box):
                whole = np.array([0.0, 0.0, patch.shape[1], patch.shape[0]])
                paste(canvas, patch[:, :: rng.choice((1, -1))], whole, target)
                break


def empty_picture(photos: list[BoxedPhoto], scenery: Backgrounds, rng: np.random.Generator) -> np.ndarray:
    """Make a picture (side, side, 3) uint8 without any of the three classes: a background, or a crop beside a box.

    The surroundings of objects are also shown without them; otherwise a bookshelf would mean a face and a sky an
    airplane.
    """
    canvas = random_canvas(scenery, rng)
    if rng.random() < 0.35:
        photo = photos[rng.integers(len(photos))]
        crop = background_crop(photo, rng)
        if crop is not None:
            whole_canvas = rng.random() < 0.6
            target = np.array([0.0, 0.0, 1.0, 1.0]) if whole_canvas else random_target(crop, crop, rng)
            pixels = photo.pixels
            paste(canvas, pixels, crop, target)
    return recolour(tint(canvas, rng), rng)


def pasted_picture(
    photo: BoxedPhoto, background: np.ndarray, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste a whole photo at random scale and position onto another picture, to test the localizer.

    The photo keeps its proportions, and its longer side takes from 0.35 to 0.9 of the picture.

    Returns:
        The picture (side, side, 3) uint8, and the box (4,) float32: corners as fractions of the side.
    """
    height, width = photo.pixels.shape[:2]
    size = np.array([width, height]) / max(width, height) * rng.uniform(0.35, 0.9)
    corner = rng.uniform(0, 1 - size)
    canvas = squash(background, side)
    paste(canvas, photo.pixels, np.array([0.0, 0.0, width, height]), np.concatenate([corner, corner + size]))
    scale = size / (width, height)
    return canvas, (photo.box * np.tile(scale, 2) + np.tile(corner, 2)).astype(np.float32)


def squashed_picture(photo: BoxedPhoto, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Squash a whole photo into the square, as the app does; return it and the box as fractions of the side."""
    height, width = photo.pixels.shape[:2]
    return squash(photo.pixels, side), (photo.box / (width, height, width, height)).astype(np.float32)


def squash(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bring a photo to (side, side), whatever its proportions."""
    return resized(pixels, (side, side))


def random_crop(shape: tuple[int, int], box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw how much of its own photo comes along with an object: all of it, or less at each side, down to the box."""
    whole = np.array([0.0, 0.0, shape[1], shape[0]])
    if rng.random() < WHOLE:
        return whole
    spare = 0.05 * (box[2:] - box[:2])
    tight = np.clip(box + np.concatenate([spare, -spare]), 0, np.tile(whole[2:], 2))  # a little of the object may go
    return whole + (tight - whole) * rng.random(4)


def random_target(box: np.ndarray, crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw where on the picture a crop goes, so that most of the box in it stays visible.

    Args:
        box: Box of the object, in pixels of the photo.
        crop: Visible part of the photo, in its pixels.
        rng: Random generator.

    Returns:
        Corners of the pasted crop as fractions of the picture's side; it may reach beyond the picture.
    """
    width, height = box[2:] - box[:2]
    aspect = np.exp(np.log(width / height) + rng.uniform(-0.4, 0.4))
    longer = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))
    size = longer * np.array([min(aspect, 1), min(1 / aspect, 1)])
    corner = rng.uniform(-CUT * size, 1 - (1 - CUT) * size)
    scale = size / (width, height)
    return np.concatenate([corner + (crop[:2] - box[:2]) * scale, corner + (crop[2:] - box[:2]) * scale])


def random_canvas(
    scenery: Backgrounds, rng: np.random.Generator, pixels: np.ndarray | None = None, crop: np.ndarray | None = None
) -> np.ndarray:
    """Draw the canvas for an object: a part of a background, the crop's own edge colour, or one colour."""
    side = scenery.side
    kind = rng.random()
    if pixels is not None and crop is not None and kind < 0.2:
        left, top, right, bottom = np.round(crop).astype(int)
        edge = np.concatenate([pixels[top, left:right], pixels[bottom - 1, left:right]])
        canvas = np.full((side, side, 3), np.median(edge, axis=0), np.uint8)
    elif kind < 0.25:
        canvas = np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    else:
        background = scenery.backgrounds[rng.integers(len(scenery.backgrounds))]
        canvas = recolour(part_of(background, side, rng), rng)
    for _ in range(rng.choice(4, p=(0.55, 0.2, 0.15, 0.1))):
        many = scenery.distractors if rng.random() < 0.6 else scenery.backgrounds
        patch = many[rng.integers(len(many))]
        whole = np.array([0.0, 0.0, patch.shape[1], patch.shape[0]])
        paste(canvas, patch[:, :: rng.choice((1, -1))], whole, random_target(whole, whole, rng))
    return canvas


def part_of(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Cut out a random part of at least half the height and width, mirror it or not, and squash it into a square."""
    height, width = picture.shape[:2]
    rows, columns = (max(1, round(length * rng.uniform(0.5, 1))) for length in (height, width))
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    part = picture[top : top + rows, left : left + columns][:, :: rng.choice((1, -1))]
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA)


def background_crop(photo: BoxedPhoto, rng: np.random.Generator) -> np.ndarray | None:
    """Draw a part of a photo at one side of its box, in pixels; None if there is no room."""
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = photo.box
    sides = np.array([[0, 0, left, height], [right, 0, width, height], [0, 0, width, top], [0, bottom, width, height]])
    sizes = sides[:, 2:] - sides[:, :2]
    wide_enough = sides[sizes.min(axis=1) > 0.1 * min(height, width)]
    if not len(wide_enough):
        return None
    region = wide_enough[rng.integers(len(wide_enough))]
    size = region[2:] - region[:2]
    size = np.minimum(size, min(size) * rng.uniform(1, 2))  # not much longer than wide
    corner = region[:2] + rng.random(2) * (region[2:] - region[:2] - size)
    return np.concatenate([corner, corner + size])


def paste(canvas: np.ndarray, pixels: np.ndarray, crop: np.ndarray, target: np.ndarray) -> None:
    """Draw a crop of a photo (corners in pixels) into a box of the canvas (corners as fractions of it), in place."""
    side = len(canvas)
    left, top, right, bottom = np.round(crop).astype(int)
    to_left, to_top, to_right, to_bottom = np.round(target * side).astype(int)
    patch = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    size = max(to_right - to_left, 1), max(to_bottom - to_top, 1)
    shrinks = size[0] <= patch.shape[1] and size[1] <= patch.shape[0]
    patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    visible = patch[max(0, -to_top) : side - to_top, max(0, -to_left) : side - to_left]
    top, left = max(0, to_top), max(0, to_left)
    canvas[top : top + visible.shape[0], left : left + visible.shape[1]] = visible


def tint(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn the hues of every second picture, and change saturation and gamma: clothes and skies have any colour."""
    if rng.random() >= TINTED:
        return picture
    hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))
    levels = np.arange(256)
    turned = (hue.astype(int) + rng.integers(-HUE_TURN, HUE_TURN + 1)) % 180  # OpenCV's hues: 180 for the circle
    saturation = cv2.LUT(saturation, np.clip(levels * rng.uniform(0.3, 1.8), 0, 255).astype(np.uint8))
    value = cv2.LUT(value, np.round(255 * (levels / 255) ** np.exp(rng.normal(0, 0.3))).astype(np.uint8))
    return cv2.cvtColor(cv2.merge([turned.astype(np.uint8), saturation, value]), cv2.COLOR_HSV2RGB)


def recolour(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change light, contrast and tint a little; some pictures lose their colour, some their sharpness."""
    gain = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.06, 3))
    shift = rng.normal(0, 14)
    levels = np.clip(np.arange(256)[:, None] * gain + shift, 0, 255).astype(np.uint8)
    picture = cv2.LUT(np.ascontiguousarray(picture), levels.reshape(1, 256, 3))
    kind = rng.random()
    if kind < 0.08:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    elif kind < 0.25:
        size = picture.shape[1::-1]
        scale = rng.uniform(1 / 3, 1)
        small = cv2.resize(picture, [max(1, round(scale * length)) for length in size], interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    return picture


def in_window(picture: np.ndarray, corner: Sequence[int], size: tuple[int, int], fill: int) -> np.ndarray:
    """Lay a picture with its corner (row, column) into a window (height, width), which may cut it, filled up around it.

    Args:
        picture: (H, W) or (H, W, 3).
        corner: Position in pixels of the window; negative if the picture begins outside it.
        size: Size of the window.
        fill: The value beside the picture.
    """
    window = np.full((*size, *picture.shape[2:]), fill, picture.dtype)
    top, left = corner
    visible = picture[max(0, -top) : max(0, size[0] - top), max(0, -left) : max(0, size[1] - left)]
    window[max(0, top) :, max(0, left) :][: visible.shape[0], : visible.shape[1]] = visible
    return window
