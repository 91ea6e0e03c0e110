"""Pictures of several pets that hide each other, cut out of their own photos and pasted together.

Dwibedi et al., "Cut, paste and learn" (2017), https://arxiv.org/abs/1708.01642: edges are blended in several ways, and
other objects are pasted in the same manner, so that no network learns to detect the pasting itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from cnn_demo.models.segmentation.metrics import IGNORED
from training.data.masks import MaskedPhoto, foreground, view
from training.data.placement import part_of, recolour

BACKGROUND_ARCHIVES = ("clothing", "cards", "bccd", "raccoon")  # archives whose photos show neither cat nor dog
ALONE, AT_HOME = 0.3, 0.4  # fraction of pictures of one photo; fraction of the others that begin with a whole photo
MOST = 5  # pets and other objects that are pasted onto a picture
SMALLEST, LARGEST = 0.2, 0.9  # longer side of a pasted pet, as a fraction of the picture's side
CUT = 0.3  # fraction of its height and width that may be outside
TURN, STRETCH = 12.0, 0.15  # degrees, and logarithm of how much wider or higher it may become
OTHER_THINGS = 0.25  # fraction of pasted objects that are no pets, but other pictures in the outline of one
BLENDS = (0.0, 0.6, 1.2, 2.0)  # deviations in pixels of the blur at the edges
MIN_VISIBLE, MIN_PIXELS = 0.2, 40  # visible fraction and pixels of a pet for it to count


@dataclass(frozen=True)
class Cutout:
    """A pet out of its photo: pixels (H, W, 3) uint8, mask (H, W) bool, and its label, of `PET_LABELS`."""

    pixels: np.ndarray = field(repr=False)
    inside: np.ndarray = field(repr=False)
    label: int


@dataclass(frozen=True)
class Composite:
    """A picture of N pets.

    Attributes:
        pixels: (S, S, 3) uint8 RGB.
        instances: (S, S) uint8, from 1 to N where a pet is, else 0.
        labels: (N,) int64, of `PET_LABELS`.
        classes: (S, S) uint8, of `PET_LABELS` or `IGNORED`; also of pets that are too much hidden to count.
    """

    pixels: np.ndarray = field(repr=False)
    instances: np.ndarray = field(repr=False)
    labels: np.ndarray
    classes: np.ndarray = field(repr=False)

    @property
    def boxes(self) -> np.ndarray:
        """(N, 4) float32: the corners around the visible part of each pet, in pixels."""
        return boxes_around([self.instances == number + 1 for number in range(len(self.labels))])


class PetPool:
    """Pets to draw from, cats as often as dogs, and photos without any.

    Args:
        photos: Pets with their masks; one whose mask has no pet is left out.
        backgrounds: (H, W, 3) uint8 each, without cat or dog.
    """

    def __init__(self, photos: list[MaskedPhoto], backgrounds: list[np.ndarray]) -> None:
        self.backgrounds = backgrounds
        pairs = [(cut_out(photo), photo) for photo in photos if foreground(photo.mask).any()]
        labels = sorted({cutout.label for cutout, _ in pairs})
        self._of_label = [[pair for pair in pairs if pair[0].label == label] for label in labels]

    def draw(self, rng: np.random.Generator) -> tuple[Cutout, MaskedPhoto]:
        """Draw a pet: alone, and in its photo."""
        of_label = self._of_label[rng.integers(len(self._of_label))]
        return of_label[rng.integers(len(of_label))]

    def background(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a part of a photo without pets, (side, side, 3) uint8."""
        picture = self.backgrounds[rng.integers(len(self.backgrounds))]
        return recolour(part_of(picture, side, rng), rng)


def cut_out(photo: MaskedPhoto) -> Cutout:
    """Cut a pet out of its photo, along its box."""
    inside = foreground(photo.mask)
    left, top, right, bottom = boxes_around([inside])[0].astype(int)
    label = int(photo.mask[(photo.mask != IGNORED) & (photo.mask > 0)][0])
    return Cutout(photo.pixels[top:bottom, left:right], inside[top:bottom, left:right], label)


def boxes_around(masks: list[np.ndarray]) -> np.ndarray:
    """Return the corners (N, 4) float32 around masks (H, W) bool, none of which is empty."""
    boxes = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def picture(pool: PetPool, side: int, rng: np.random.Generator) -> Composite:
    """Make a picture (side, side): a pet in its own photo, or several pets pasted onto another or onto one's photo."""
    alone = rng.random() < ALONE
    if alone or rng.random() < AT_HOME:
        canvas, instances, labels, classes = full_photo(pool.draw(rng)[1], side, rng)
    else:
        canvas = pool.background(side, rng)
        labels = []
        instances, classes = np.zeros((2, side, side), np.uint8)
    areas = np.bincount(instances.ravel(), minlength=len(labels) + 1)[1:].tolist()
    for _ in range(0 if alone else rng.integers(1, MOST + 1)):
        cutout = pool.draw(rng)[0]
        pixels, cover = random_paste(cutout, side, rng)
        other = rng.random() < OTHER_THINGS
        pixels = pool.background(side, rng) if other else recolour(pixels, rng)
        canvas = blended(canvas, pixels, cover, BLENDS[rng.integers(len(BLENDS))])
        classes[cover] = 0 if other else cutout.label
        instances[cover] = 0 if other else len(labels) + 1
        if not other:
            labels, areas = [*labels, cutout.label], [*areas, int(cover.sum())]
    return _counted(canvas, instances, np.array(labels, np.int64), np.array(areas), classes)


def _counted(
    pixels: np.ndarray, instances: np.ndarray, labels: np.ndarray, areas: np.ndarray, classes: np.ndarray
) -> Composite:
    """Drop instances that are mostly hidden, and number the rest from 1."""
    visible = np.bincount(instances.ravel(), minlength=len(labels) + 1)[1:]
    kept = (visible >= MIN_PIXELS) & (visible >= MIN_VISIBLE * areas)
    numbers = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.uint8)
    return Composite(pixels, numbers[instances], labels[kept], classes)


def full_photo(
    photo: MaskedPhoto, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list, np.ndarray]:
    """Show a pet's photo; return the pixels, where the pet is as 1, its label if it is to be seen, and the classes."""
    fits = side / max(photo.mask.shape)
    pixels, classes = view(photo, (side, side), (0.5 * fits, 1.6 * fits), rng, outside=0)
    inside = foreground(classes)
    return pixels, inside.astype(np.uint8), classes[inside & (classes != IGNORED)][:1].tolist(), classes


def random_paste(cutout: Cutout, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Lay a pet somewhere on a picture at random size, turned a little, mirrored or not.

    Returns:
        pixels (side, side, 3) uint8, and where the pet is in them (side, side) bool.
    """
    longer = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))) * side
    size = np.array(cutout.inside.shape) * longer / max(cutout.inside.shape) * np.exp(rng.uniform(-1, 1, 2) * STRETCH)
    size = np.maximum(2, np.round(size)).astype(int)
    mirror = rng.choice((1, -1))
    scaled = size[::-1].tolist()
    pixels = cv2.resize(cutout.pixels[:, ::mirror], scaled, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(cutout.inside.astype(np.float32)[:, ::mirror], scaled, interpolation=cv2.INTER_AREA)
    top, left = rng.uniform(-CUT * size, side - (1 - CUT) * size)
    turn = cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), rng.uniform(-TURN, TURN), 1.0)
    turn[:, 2] += left, top
    pixels = cv2.warpAffine(pixels, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return pixels, cv2.warpAffine(inside, turn, (side, side)) > 0.5


def blended(under: np.ndarray, over: np.ndarray, cover: np.ndarray, deviation: float) -> np.ndarray:
    """Paste a picture over another where `cover` (S, S) bool is True, with an edge blurred by so many pixels."""
    hard = cover.astype(np.float32)
    opacity = cv2.GaussianBlur(hard, (0, 0), deviation) if deviation else hard
    return np.round(under + opacity[..., None] * (over.astype(np.float32) - under)).astype(np.uint8)
