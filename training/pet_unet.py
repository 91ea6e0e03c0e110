"""Train the bundled U-Net for cat, dog and background; its encoder starts from ImageNet weights.

`python -m training.pseudo_masks --data FOLDER`, then `python -m training.pet_unet --data FOLDER`; interrupted, it goes
on with `--resume`. Half of the pictures are pets in their own photos, half are composites, of several pets or on other
grounds: the set is small, and its pets all sit in the middle. Cats without a mask have pseudo-masks. The validation
pets are never trained on, and nothing is chosen by them: the exponential moving average of the weights at the end is
the result, in `runs/pet_unet/bundle`.
"""

import argparse

import numpy as np

from cnn_demo.models.catalogue.registry import PET_LABELS
from cnn_demo.models.frameworks import TorchNetwork
from training.data.composites import BACKGROUND_ARCHIVES, PetPool, picture
from training.data.datasets import read_backgrounds
from training.data.masks import read_pets, view
from training.pseudo_masks import read_masked_cats
from training.steps.loop import Recipe, prepare, read_options, train
from training.steps.unet import COARSE_STEPS, batch_of, foreground_iou, mask_loss, measured, new_network

RECIPE = Recipe("pet_unet", rate=2e-3, weight_decay=0.02, clip=20.0, small_side=192, encoder_rate=0.3, measured_every=4)
AT_HOME = 0.5  # probability of a pet in its own photo; other pictures are composites
ZOOMS = (0.6, 1.8)  # times the size at which the photo just fits: the whole pet separates it from the background


def main() -> None:
    """Read the arguments and train."""
    run(read_options(RECIPE, __doc__, epochs=14, side=224, batch=8, pictures=640))


def run(options: argparse.Namespace) -> list[dict]:
    """Train, and return the history."""
    device = prepare(options)
    training, validation = read_pets(options.data)
    training += read_masked_cats(options.data)
    pool = PetPool(training, read_backgrounds(options.data, BACKGROUND_ARCHIVES)[0])
    print(f"{len(training):,} pets to learn from, {len(validation):,} held back, on {device}", flush=True)

    def draw(side: int, rng: np.random.Generator) -> dict:
        return batch_of([pet_view(pool, side, rng) for _ in range(options.batch)], device)

    def measure(mean: TorchNetwork) -> dict[str, float]:
        scores = measured(mean, validation, PET_LABELS, options.side)
        return {"foreground_iou": foreground_iou(scores.confusion), "mean_iou": scores.mean_iou}

    return train(
        new_network(PET_LABELS, device, decoder_steps=COARSE_STEPS), RECIPE, options, draw, mask_loss(), measure
    )


def pet_view(pool: PetPool, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a picture (side, side) and its classes."""
    if rng.random() < AT_HOME:
        photo = pool.draw(rng)[1]
        fits = side / max(photo.mask.shape)
        return view(photo, (side, side), (ZOOMS[0] * fits, ZOOMS[1] * fits), rng, outside=0)
    made = picture(pool, side, rng)
    return made.pixels, made.classes


if __name__ == "__main__":
    main()
