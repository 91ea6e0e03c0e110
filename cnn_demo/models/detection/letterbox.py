"""Letterbox resizing: a photo resized to fit the network's input, padded with grey."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cnn_demo.models.model import SettingError

GREY = 114  # padding value of Ultralytics


@dataclass(frozen=True)
class Letterbox:
    """Position of a photo in a network's input, with the transforms in both directions.

    The input is the smallest rectangle around the resized photo whose sides are multiples of the stride, with the photo
    centred, as in `ultralytics.data.augment.LetterBox`.

    Attributes:
        photo: (height, width) of the photo.
        input: (height, width) of the network's input.
        scaled: (height, width) of the resized photo, in pixels.
        left: Padding on the left, in pixels.
        top: Padding at the top, in pixels.
    """

    photo: tuple[int, int]
    input: tuple[int, int]
    scaled: tuple[int, int]
    left: int
    top: int

    @classmethod
    def fit(cls, photo: tuple[int, int], side: int, stride: int) -> Letterbox:
        """Fit a photo into a square, with as little padding as the network's stride allows.

        Args:
            photo: (height, width) of the photo.
            side: Side of the square in pixels, a multiple of `stride`.
            stride: Stride of the network; both sides of the input are multiples of it.

        Raises:
            SettingError: If the side is not a positive multiple of the stride.
        """
        if side < stride or side % stride:
            raise SettingError(f"The image size must be a multiple of {stride}, not {side}.")
        height, width = photo
        gain = min(side / height, side / width)
        scaled = max(round(height * gain), 1), max(round(width * gain), 1)
        padding = [(side - length) % stride for length in scaled]
        top, left = (round(rest / 2 - 0.1) for rest in padding)
        return cls(photo, (scaled[0] + padding[0], scaled[1] + padding[1]), scaled, left, top)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Resize and pad a photo (H, W, 3) uint8 to the network's input (height, width, 3) uint8."""
        height, width = self.scaled
        if (height, width) != pixels.shape[:2]:
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        canvas = np.full((*self.input, 3), GREY, np.uint8)
        canvas[self.top : self.top + height, self.left : self.left + width] = pixels
        return canvas

    def crop(self, values: np.ndarray) -> np.ndarray:
        """Return the part (scaled) of values at the input's size that shows the photo."""
        return values[self.top : self.top + self.scaled[0], self.left : self.left + self.scaled[1]]

    def to_photo(self, boxes: np.ndarray) -> np.ndarray:
        """Convert corners (..., 4) from pixels of the input to pixels of the photo, float32, without clipping."""
        gains = np.array([self.scaled[1] / self.photo[1], self.scaled[0] / self.photo[0]] * 2)
        boxes = np.asarray(boxes, np.float32) - (self.left, self.top, self.left, self.top)
        return (boxes / gains).astype(np.float32)
