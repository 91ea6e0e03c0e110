"""Train the everyday U-Net: the twenty classes of Pascal VOC and background, its encoder from the everyday detector.

`python -m training.pseudo_masks --data FOLDER`, then `python -m training.everyday_unet --data FOLDER --encoder FILE`,
where FILE holds the weights of the everyday detector, whose encoder has seen the same classes in more photos; without
it the encoder starts from ImageNet weights. Interrupted, it goes on with `--resume`. The validation parts are never
trained on, and nothing is chosen by them: the exponential moving average of the weights at the end is the result, in
`runs/everyday_unet/bundle`.
"""

import argparse
from pathlib import Path

import numpy as np

from cnn_demo.models.catalogue.registry import PET_LABELS
from cnn_demo.models.catalogue.segmentation_models import VOC_LABELS
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.segmentation.metrics import IGNORED
from training.data.everyday import EverydayPhoto, read_coco, read_voc
from training.data.masks import MaskedPhoto, read_pets, view
from training.pseudo_masks import read_pseudo_masked
from training.steps.loop import Recipe, options_of, prepare, train
from training.steps.unet import COARSE_STEPS, batch_of, mask_loss, measured, new_network

RECIPE = Recipe(
    "everyday_unet", rate=1e-3, weight_decay=0.02, clip=20.0, small_side=224, encoder_rate=0.3, measured_every=2
)
ZOOMS = (0.6, 1.8)  # times the size at which the photo just fits
BY_CLASS = 0.6  # probability that a photo is drawn by one of its classes, so that rare classes are seen
TRUE_MASK = 0.5  # probability that a photo with a ground-truth mask is drawn; others have pseudo-masks
BACKGROUND_WEIGHT = 0.6  # weight of a background pixel in the cross-entropy; 1 for the twenty classes
MEASURED_STEP = 2  # every second validation photo is measured for the log


class MaskedPool:
    """Pool of photos, sampled partly by class and partly uniformly."""

    def __init__(self, photos: list[MaskedPhoto]) -> None:
        self.photos = photos
        found = [set(np.unique(photo.mask)) - {0, IGNORED} for photo in photos]
        of_class = [[i for i, own in enumerate(found) if label in own] for label in range(1, len(VOC_LABELS))]
        self._of_class = [own for own in of_class if own]

    def draw(self, rng: np.random.Generator) -> MaskedPhoto:
        """Draw a photo."""
        if rng.random() > BY_CLASS:
            return self.photos[rng.integers(len(self.photos))]
        own = self._of_class[rng.integers(len(self._of_class))]
        return self.photos[own[rng.integers(len(own))]]


def main() -> None:
    """Read the arguments and train."""
    parser = options_of(RECIPE, __doc__, epochs=30, side=256, batch=8, pictures=1024)
    parser.add_argument("--encoder", type=Path, metavar="FILE", help="weights of the everyday detector")
    run(parser.parse_args())


def run(options: argparse.Namespace) -> list[dict]:
    """Train, and return the history."""
    device = prepare(options)
    training, validation = read_voc(options.data)
    pseudo = read_pseudo_masked()
    true_masks = MaskedPool(masked(training + read_coco(options.data)[0]) + everyday_pets(read_pets(options.data)[0]))
    unmasked = [photo for photo in training if photo.mask is None and Path(photo.name).stem in pseudo]
    pseudo_masks = MaskedPool([MaskedPhoto(p.pixels, pseudo[Path(p.name).stem], p.name) for p in unmasked])
    held_back = masked(validation)
    print(
        f"{len(true_masks.photos):,} photos with masks and {len(pseudo_masks.photos):,} with pseudo-masks to learn "
        f"from, {len(held_back):,} held back, on {device}",
        flush=True,
    )
    network = new_network(VOC_LABELS, device, encoder=options.encoder, decoder_steps=COARSE_STEPS)

    def draw(side: int, rng: np.random.Generator) -> dict:
        return batch_of([everyday_view(true_masks, pseudo_masks, side, rng) for _ in range(options.batch)], device)

    def measure(mean: TorchNetwork) -> dict[str, float]:
        scores = measured(mean, held_back[::MEASURED_STEP], VOC_LABELS)
        return {"mean_iou": scores.mean_iou, "pixel_accuracy": scores.pixel_accuracy}

    weights = np.array([BACKGROUND_WEIGHT] + [1.0] * (len(VOC_LABELS) - 1), np.float32)
    return train(network, RECIPE, options, draw, mask_loss(weights), measure)


def masked(photos: list[EverydayPhoto]) -> list[MaskedPhoto]:
    """Return the photos that have a ground-truth mask."""
    return [MaskedPhoto(photo.pixels, photo.mask, photo.name) for photo in photos if photo.mask is not None]


def everyday_pets(photos: list[MaskedPhoto]) -> list[MaskedPhoto]:
    """Return pets with the class ids of `VOC_LABELS` instead of those of `PET_LABELS`."""
    table = np.arange(256, dtype=np.uint8)
    table[: len(PET_LABELS)] = [VOC_LABELS.index(label) for label in PET_LABELS]
    return [MaskedPhoto(photo.pixels, table[photo.mask], photo.name) for photo in photos]


def everyday_view(
    true_masks: MaskedPool, pseudo_masks: MaskedPool, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a picture (side, side) and its classes."""
    photo = (true_masks if rng.random() < TRUE_MASK else pseudo_masks).draw(rng)
    fits = side / max(photo.mask.shape)
    return view(photo, (side, side), (ZOOMS[0] * fits, ZOOMS[1] * fits), rng)


if __name__ == "__main__":
    main()
