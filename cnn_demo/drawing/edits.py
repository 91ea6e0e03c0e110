"""A visitor's changes of a photo: parts covered by drawn shapes; colour, shape or texture removed from all of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnn_demo.drawing.shapes import Shape, as_json, rasterize
from cnn_demo.images.covering import changed, covered

_BLANK = -1


@dataclass(frozen=True)
class Edit:
    """The changes of a photo. Two that give the same photo are equal if both are `simplified`.

    Attributes:
        shapes: Shapes that cover the photo, of class 0, and strokes of the eraser.
        fill: A key of `images.covering.FILLS`.
        change: A key of `images.covering.CHANGES`, made before the photo is covered.
        patches: Patches along a side, if the shape is removed.
        smoothing: Standard deviation in percent of the longer side, if the texture is removed.
    """

    shapes: tuple[Shape, ...] = ()
    fill: str = "grey"
    change: str = "none"
    patches: int = 4
    smoothing: int = 10

    @cached_property
    def name(self) -> str:
        """Short name by which results are kept: a digest, since a long drawing has thousands of points."""
        facts = [as_json(self.shapes), self.fill, self.change, self.patches, self.smoothing]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def untouched(self) -> bool:
        """Whether the photo is as it was."""
        return not self.shapes and self.change == "none"

    def simplified(self) -> Edit:
        """Return an edit without the settings that have no effect."""
        return Edit(
            self.shapes,
            self.fill if self.shapes else "grey",
            self.change,
            self.patches if self.change == "shape" else 4,
            self.smoothing if self.change == "texture" else 10,
        )

    def whole(self, pixels: np.ndarray) -> np.ndarray:
        """Return a photo (H, W, 3) uint8 with the change of all of it, but nothing covered."""
        return changed(pixels, self.change, self.patches, self.smoothing)

    def of(self, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Edit a photo.

        Args:
            pixels: (H, W, 3) uint8, at any size of the proportions of `size`.
            size: (height, width) of the picture that the shapes were drawn on.

        Returns:
            (H, W, 3) uint8; the pixels themselves if the photo is untouched.
        """
        mask = rasterize(self.shapes, size, (pixels.shape[0], pixels.shape[1]), _BLANK) != _BLANK
        return covered(self.whole(pixels), mask, self.fill)
