"""Train the bundled U-Net of street scenes on CamVid's eleven classes, its encoder from ImageNet weights.

`python -m training.street_unet --data FOLDER`; interrupted, it goes on with `--resume`. CamVid's validation part is
never trained on, and nothing is chosen by it: the exponential moving average of the weights is the result, in
`runs/street_unet/bundle`.
"""

import argparse

import numpy as np

from cnn_demo.models.catalogue.registry import STREET_LABELS
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.segmentation.unets import STEPS
from training.data.masks import MaskedPhoto, read_camvid, view
from training.data.placement import tint
from training.steps.loop import Recipe, prepare, train
from training.steps.unet import (
    COARSE_STEPS,
    batch_of,
    class_weights,
    mask_loss,
    measured,
    new_network,
    read_unet_options,
)

RECIPE = Recipe("street_unet", rate=1e-3, weight_decay=0.02, clip=20.0, small_side=320, growth=0.6, encoder_rate=0.5)
ZOOMS = (0.7, 1.9)  # times the size that a scene has
MEASURED_STEP = 3  # every third validation photo is measured for the log


def main() -> None:
    """Read the arguments and train."""
    run(*read_unet_options(RECIPE, __doc__, epochs=120, side=384, batch=4, pictures=368))


def run(options: argparse.Namespace, recipe: Recipe | None = None) -> list[dict]:
    """Train, and return the history."""
    device = prepare(options)
    training, validation = read_camvid(options.data)
    steps = COARSE_STEPS if options.coarse else STEPS
    network = new_network(STREET_LABELS, device, decoder_steps=steps, from_coarse=options.from_coarse)
    print(f"{len(training):,} street scenes to learn from, {len(validation):,} held back, on {device}", flush=True)

    def draw(side: int, rng: np.random.Generator) -> dict:
        return batch_of([street_view(training, side, rng) for _ in range(options.batch)], device)

    def measure(mean: TorchNetwork) -> dict[str, float]:
        scores = measured(mean, validation[::MEASURED_STEP], STREET_LABELS)
        return {"mean_iou": scores.mean_iou, "pixel_accuracy": scores.pixel_accuracy}

    loss = mask_loss(class_weights(training, len(STREET_LABELS)))
    return train(network, recipe or RECIPE, options, draw, loss, measure)


def street_view(photos: list[MaskedPhoto], side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a part of a street scene, 4:3 as the scenes are, `side` pixels wide, in other light."""
    pixels, mask = view(photos[rng.integers(len(photos))], (side * 3 // 4, side), ZOOMS, rng)
    return tint(pixels, rng), mask


if __name__ == "__main__":
    main()
