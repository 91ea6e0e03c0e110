"""How a photo of any proportions becomes what a detector takes: made to fit, and filled up with grey."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GREY = 114  # what Ultralytics fills up with, so its networks learned to see nothing in it


@dataclass(frozen=True)
class Letterbox:
    """The place of a photo in a network's input; it knows the way there and back.

    The input is the smallest rectangle around the photo whose sides are whole strides, with the photo in its middle, as
    `ultralytics.data.augment.LetterBox` has it.

    Attributes:
        photo: (height, width) of the photo.
        input: (height, width) of what the network takes.
        scaled: (height, width) that the photo has in there, in whole pixels.
        left: Columns of grey on the left.
        top: Rows of grey above.
    """

    photo: tuple[int, int]
    input: tuple[int, int]
    scaled: tuple[int, int]
    left: int
    top: int

    @classmethod
    def fit(cls, photo: tuple[int, int], side: int, stride: int) -> Letterbox:
        """Fit a photo into a square, and cut off what is grey as far as the network's stride allows.

        Args:
            photo: (height, width).
            side: Of the square, in pixels.
            stride: Of which both sides of the input must be multiples; `side` is one.

        Raises:
            ValueError: If the side is not a positive multiple of the stride.
        """
        if side < stride or side % stride:
            raise ValueError(f"The image size must be a multiple of {stride}, not {side}.")
        height, width = photo
        gain = min(side / height, side / width)
        scaled = max(round(height * gain), 1), max(round(width * gain), 1)
        spare = [(side - length) % stride for length in scaled]
        top, left = (round(rest / 2 - 0.1) for rest in spare)
        return cls(photo, (scaled[0] + spare[0], scaled[1] + spare[1]), scaled, left, top)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the network sees, (height, width, 3) uint8, of a photo (H, W, 3) uint8."""
        height, width = self.scaled
        if (height, width) != pixels.shape[:2]:
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        canvas = np.full((*self.input, 3), GREY, np.uint8)
        canvas[self.top : self.top + height, self.left : self.left + width] = pixels
        return canvas

    def to_photo(self, boxes: np.ndarray) -> np.ndarray:
        """From corners (..., 4) in pixels of the input to pixels of the photo, float32; they may lie outside it."""
        gains = np.array([self.scaled[1] / self.photo[1], self.scaled[0] / self.photo[0]] * 2)
        boxes = np.asarray(boxes, np.float32) - (self.left, self.top, self.left, self.top)
        return (boxes / gains).astype(np.float32)
