"""Preprocessing of a drawn digit to the 8 × 8 format of the UCI digits.

The UCI digits were scanned as bitmaps of 32 × 32 pixels that the digit fills, and the ink was counted in blocks of
4 × 4. In all ten classes ink covers about 30.5% of the bitmap, so strokes are thickened or thinned to that fraction.
"""

import cv2
import numpy as np

BITMAP, BLOCK = 32, 4
INK_FRACTION = 0.305  # fraction of the bitmap that is ink, mean over scikit-learn's 1,797 digits


def eight_by_eight(ink: np.ndarray) -> np.ndarray | None:
    """Convert a drawing to the format of the training data.

    Args:
        ink: (H, W) drawing, 0 is paper and 255 is ink; position and size of the digit do not matter.

    Returns:
        (8, 8) float32 in 0..1, the fraction of ink in each block; None if nothing is drawn.
    """
    drawn = ink > 127
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return None
    digit = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    bitmap = _with_usual_strokes(_centred(_fitted(digit)))
    blocks = bitmap.reshape(BITMAP // BLOCK, BLOCK, BITMAP // BLOCK, BLOCK)  # (8, 4, 8, 4)
    return blocks.mean(axis=(1, 3), dtype=np.float32)  # (8, 8)


def _fitted(digit: np.ndarray) -> np.ndarray:
    """Resize the digit so that its longer side fills the bitmap, keeping the aspect ratio."""
    height, width = digit.shape
    scale = BITMAP / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(digit.astype(np.float32), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return small >= min(0.5, float(small.max()))  # keeps lines thinner than a pixel


def _centred(digit: np.ndarray) -> np.ndarray:
    """Paste the digit into the bitmap, with its centre of mass as close to the centre as possible."""
    height, width = digit.shape
    row, column = (float(indices.mean()) + 0.5 for indices in np.nonzero(digit))
    top = int(np.clip(round(BITMAP / 2 - row), 0, BITMAP - height))
    left = int(np.clip(round(BITMAP / 2 - column), 0, BITMAP - width))
    bitmap = np.zeros((BITMAP, BITMAP), bool)
    bitmap[top : top + height, left : left + width] = digit
    return bitmap


def _with_usual_strokes(bitmap: np.ndarray) -> np.ndarray:
    """Erode or dilate the digit until its ink fraction matches the training data."""
    ink = bitmap.astype(np.uint8)
    depth = cv2.distanceTransform(ink, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - ink, cv2.DIST_L2, 5)
    depth += cv2.GaussianBlur(ink.astype(np.float32), (0, 0), 2) / 2  # breaks ties in favour of denser regions
    ink_pixels = round(INK_FRACTION * bitmap.size)
    return depth >= np.partition(depth.ravel(), -ink_pixels)[-ink_pixels]
