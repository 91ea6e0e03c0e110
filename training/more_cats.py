"""Give masks to the cats that have none, by what the two trained networks for pets agree on, for `training.pet_unet`.

`python -m training.more_cats --data FOLDER --out FOLDER` writes one picture of classes for each photo, as
`masks.MaskedPhoto` has them. Self-training (Xie et al., "Self-training with noisy student" (2020),
https://arxiv.org/abs/1911.04252): the teachers look at each photo several times, undisturbed; the student then learns
from it in changed light, cut and pasted. A pixel of which the teachers are not sure is ignored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from cnn_demo.models import load
from cnn_demo.models.mask_scores import IGNORED
from cnn_demo.models.unets import PET_LABELS
from training.datasets import DATA, read_archive
from training.masks import MaskedPhoto, whole

SIDES = (112, 144, 176, 208)  # of the photo's shorter side, at which the U-Net looks
LEAST_CONFIDENCE = 0.05  # of an instance, to be counted at all
BACKGROUND_UNTIL, PET_FROM = 0.35, 0.6  # mean opinion; between them nobody is sure
DOUBTFUL = 0.25  # share of ignored pixels with which a photo is left out
LEAST_PET = 0.03  # share of the photo that a cat covers at least


def main() -> None:
    """Write the masks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the archives")
    parser.add_argument("--out", type=Path, default=Path("runs") / "more_cats")
    options = parser.parse_args()
    unet, yolo = load("pet_unet", "cpu"), load("pets_instances", "cpu")
    options.out.mkdir(parents=True, exist_ok=True)
    kept = 0
    photos = read_unmasked(options.data)
    for name, pixels in photos.items():
        mask = mask_from(opinion(unet, yolo, pixels))
        if mask is not None:
            Image.fromarray(mask).save(options.out / f"{name}.png")
            kept += 1
    print(f"{kept:,} of {len(photos):,} cats have a mask now.")


def read_unmasked(folder: Path) -> dict[str, np.ndarray]:
    """Read the cats of `pets.tar.gz` without a trimap: name to pixels (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If the archive is not there.
    """
    files = read_archive(folder / "pets.tar.gz")
    names = sorted(name for name in files if name.startswith("pets/more_cats/") and name.endswith(".jpg"))
    return {Path(name).stem: whole(files[name]) for name in names}


def read_masked(folder: Path, masks: Path) -> list[MaskedPhoto]:
    """Read the cats that `main` has given a mask.

    Args:
        folder: Where the archive is.
        masks: What `main` has written.

    Raises:
        FileNotFoundError: If the archive or the masks are not there.
    """
    if not any(masks.glob("*.png")):
        raise FileNotFoundError(f"There are no masks in {masks}: run `python -m training.more_cats` first.")
    photos = read_unmasked(folder)
    return [
        MaskedPhoto(photos[path.stem], np.array(Image.open(path)), path.stem) for path in sorted(masks.glob("*.png"))
    ]


def opinion(unet, yolo, pixels: np.ndarray) -> np.ndarray:
    """Return how sure the teachers are that a pixel is of a pet, (H, W) float32: the mean of both.

    The U-Net's is its probability, a mean over sizes and the mirrored photo; the YOLO network's is the root of the
    confidence of the surest instance at that pixel, a mean over the photo and the mirrored one.
    """
    total = np.zeros(pixels.shape[:2], np.float32)
    for mirror in (1, -1):
        seen = np.ascontiguousarray(pixels[:, ::mirror])
        answers = [unet.predict(seen, side=side, keep_probabilities=True).probabilities for side in SIDES]
        semantic = np.mean([answer[1:].sum(0, dtype=np.float32) for answer in answers], axis=0)
        found = yolo.predict(seen, confidence=LEAST_CONFIDENCE)
        instances = np.zeros_like(semantic)
        if len(found):
            instances = (found.mask * np.sqrt(found.confidence)[:, None, None]).max(0)
        total += ((semantic + instances) / 2)[:, ::mirror]
    return total / 2


def mask_from(sure: np.ndarray) -> np.ndarray | None:
    """Return the classes (H, W) uint8 of a photo of a cat, or None where the teachers are too much in doubt.

    Args:
        sure: As `opinion` returns it.
    """
    background, cat = sure <= BACKGROUND_UNTIL, sure >= PET_FROM
    if not background.any() or cat.mean() < LEAST_PET or (~background & ~cat).mean() > DOUBTFUL:
        return None
    mask = np.full(sure.shape, IGNORED, np.uint8)
    mask[background], mask[cat] = 0, PET_LABELS.index("cat")
    return mask


if __name__ == "__main__":
    main()
