"""From a drawing to the 8 × 8 numbers that a network trained on the UCI digits expects.

The UCI's program made bitmaps of 32 × 32 pixels that the digit fills, and counted the ink in blocks of 4 × 4. In all
ten classes about 30.5 % of the blocks' area is ink, whatever pen was used; so strokes are thickened or thinned to that.
"""

import cv2
import numpy as np

BITMAP, BLOCK = 32, 4
INK_SHARE = 0.305  # of the bitmap, mean over scikit-learn's 1,797 digits


def eight_by_eight(ink: np.ndarray) -> np.ndarray | None:
    """Make of a drawing what the network was trained on.

    Args:
        ink: (H, W), 0 is paper and 255 is ink; where in it the digit stands, and how large, does not matter.

    Returns:
        (8, 8) float32 in 0..1, the share of ink in each block; None where nothing is drawn.
    """
    drawn = ink > 127
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return None
    digit = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    bitmap = _with_usual_strokes(_centred(_fitted(digit)))
    blocks = bitmap.reshape(BITMAP // BLOCK, BLOCK, BITMAP // BLOCK, BLOCK)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def _fitted(digit: np.ndarray) -> np.ndarray:
    """Scale so that the longer side fills the bitmap; the shape of the digit is kept."""
    height, width = digit.shape
    scale = BITMAP / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(digit.astype(np.float32), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return small >= min(0.5, float(small.max()))  # a line thinner than a pixel stays


def _centred(digit: np.ndarray) -> np.ndarray:
    """Lay it into the bitmap, its centre of mass in the middle as far as there is room."""
    height, width = digit.shape
    row, column = (float(places.mean()) + 0.5 for places in np.nonzero(digit))
    top = int(np.clip(round(BITMAP / 2 - row), 0, BITMAP - height))
    left = int(np.clip(round(BITMAP / 2 - column), 0, BITMAP - width))
    bitmap = np.zeros((BITMAP, BITMAP), bool)
    bitmap[top : top + height, left : left + width] = digit
    return bitmap


def _with_usual_strokes(bitmap: np.ndarray) -> np.ndarray:
    """Move the outline in or out until as much is ink as in the digits that were trained on."""
    ink = bitmap.astype(np.uint8)
    depth = cv2.distanceTransform(ink, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - ink, cv2.DIST_L2, 5)
    depth += cv2.GaussianBlur(ink.astype(np.float32), (0, 0), 2) / 2  # of two places equally deep, the fuller one
    wanted = round(INK_SHARE * bitmap.size)
    return depth >= np.partition(depth.ravel(), -wanted)[-wanted]
