"""Cut the sample set `textures` from three pictures of scikit-image, and vary the patches as photos by hand vary.

    python assets/sample_sets/make_textures.py FOLDER

FOLDER holds brick.png, grass.png and gravel.png: scikit-image's `skimage/data`. Each picture is divided into 4 × 4
cells, and each patch lies within a cell of its own, so no two patches show the same place. A patch is turned by any
angle, zoomed, and given a brightness and a contrast of its own. On plain patches features of random weights do as well
as those of the trained CIFAR-10 network (0.96 and 0.93 of the held-out patches are recognized); on these it is 0.55 and
0.94, each the mean of ten draws of the hold-out.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

NAMES = ("brick", "grass", "gravel")
CELLS = 4  # in each direction
SIDE = 128  # of a cell, and of a patch, in pixels
ZOOM = (1.0, 1.6)
BRIGHTNESS = (80, 165)  # mean
CONTRAST = (18, 50)  # standard deviation


def patch(cell: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Take a turned square out of a cell (SIDE, SIDE), and light it anew; returns (SIDE, SIDE) uint8."""
    angle = chance.uniform(0, 360)
    largest = SIDE / (abs(np.cos(np.deg2rad(angle))) + abs(np.sin(np.deg2rad(angle))))  # that stays in the cell
    window = largest / chance.uniform(*ZOOM)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, SIDE / window)
    seen = cv2.warpAffine(cell.astype(np.float32), turn, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    lit = (seen - seen.mean()) / seen.std() * chance.uniform(*CONTRAST) + chance.uniform(*BRIGHTNESS)
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def main(folder: Path) -> None:
    """Write the patches beside this program."""
    chance = np.random.default_rng(5)
    for name in NAMES:
        whole = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        target = Path(__file__).parent / "textures" / name
        target.mkdir(parents=True, exist_ok=True)
        for number, (row, column) in enumerate(np.ndindex(CELLS, CELLS), start=1):
            cell = whole[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
            cv2.imwrite(str(target / f"{number:02}.jpg"), patch(cell, chance), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
