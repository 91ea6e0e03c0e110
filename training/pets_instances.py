"""Train the bundled instance segmenter: YOLO11n-seg from its own description, from random initialization, cat and dog.

`python -m training.pets_instances --data FOLDER`; interrupted, it goes on with `--resume`. It learns from pets in their
own photos and from composites of several. The validation pets are never trained on, and nothing is chosen by them: the
exponential moving average of the weights is the result, in `runs/pets_instances/bundle`. Architecture and loss are
Ultralytics'; for the loop see `training.assorted_yolo`.
"""

import argparse

import cv2
import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.registry import PET_LABELS
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.frameworks import TorchNetwork
from cnn_demo.models.segmentation.metrics import IGNORED
from training.assorted_yolo import batch_of, new_network, yolo_loss
from training.data.composites import BACKGROUND_ARCHIVES, Composite, PetPool, picture
from training.data.datasets import read_backgrounds
from training.data.masks import MaskedPhoto, foreground, read_pets
from training.steps.loop import Recipe, prepare, read_options, train
from training.steps.mask_precision import MaskedPrediction, mask_precisions

torch = frameworks.torch()

ARCHITECTURE = "yolo11n-seg.yaml"
LABELS = PET_LABELS[1:]
RECIPE = Recipe("pets_instances", rate=1.5e-3, weight_decay=0.02, clip=10.0, small_side=192)
MASK_STRIDE = 4  # stride of the predicted masks
FEWEST_SURE = 0.01  # confidence threshold of the measured predictions


def main() -> None:
    """Read the arguments and train."""
    run(read_options(RECIPE, __doc__, epochs=150, side=320, batch=16, pictures=1024))


def run(options: argparse.Namespace) -> list[dict]:
    """Train, and return the history."""
    device = prepare(options)
    training, validation = read_pets(options.data)
    pool = PetPool(training, read_backgrounds(options.data, BACKGROUND_ARCHIVES)[0])
    network = new_network(ARCHITECTURE, LABELS).to(device, memory_format=torch.channels_last)
    print(f"{len(training):,} pets to learn from, {len(validation):,} held back, on {device}", flush=True)

    def draw(side: int, rng: np.random.Generator) -> dict:
        return masked_batch([picture(pool, side, rng) for _ in range(options.batch)], device)

    def measure(mean: TorchNetwork) -> dict[str, float]:
        precisions = mask_precisions([prediction_for(mean, photo, options.side) for photo in validation], len(LABELS))
        return {"mask_map50": float(np.nanmean(precisions[:, 0])), "mask_map50_95": float(np.nanmean(precisions))}

    return train(network, RECIPE, options, draw, yolo_loss, measure)


def masked_batch(pictures: list[Composite], device: str) -> dict:
    """Return a batch for Ultralytics' loss: boxes, and one map of masks (side / 4, side / 4) for each picture.

    Each pixel of a map holds its instance's number, from 1 in the order of the boxes ("overlap_mask").
    """
    middle = MASK_STRIDE // 2
    masks = np.stack([made.instances[middle::MASK_STRIDE, middle::MASK_STRIDE] for made in pictures])
    boxed = batch_of([(made.pixels, made.boxes, made.labels - 1) for made in pictures], device)
    return boxed | {"masks": torch.from_numpy(masks).to(device)}


def prediction_for(network: TorchNetwork, photo: MaskedPhoto, side: int) -> MaskedPrediction:
    """Return the network's predictions for a photo and the ground truth, for the log."""
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.ops import process_mask

    network.eval()
    frame = Letterbox.fit(photo.mask.shape, side, 32)
    pixels = torch.from_numpy(frame.apply(photo.pixels)).to(next(network.parameters()).device)
    with torch.no_grad():
        outputs, prototypes = network(pixels.permute(2, 0, 1)[None].float() / 255)[0]
        found = non_max_suppression(outputs, FEWEST_SURE, 0.7, nc=len(LABELS), max_det=100)[0]
        masks = process_mask(prototypes[0], found[:, 6:], found[:, :4], frame.input, upsample=True)
    masks = [on_photo(mask, frame) for mask in masks.cpu().numpy()]
    return MaskedPrediction(
        np.array(masks, bool).reshape(-1, *photo.mask.shape),
        found[:, 4].cpu().numpy(),
        found[:, 5].cpu().numpy().astype(int),
        *truth_of(photo),
    )


def on_photo(mask: np.ndarray, frame: Letterbox) -> np.ndarray:
    """Bring a mask from the network's input back to the photo, (H, W) bool."""
    height, width = frame.scaled
    inner = mask[frame.top : frame.top + height, frame.left : frame.left + width].astype(np.float32)
    return cv2.resize(inner, frame.photo[::-1], interpolation=cv2.INTER_LINEAR) > 0.5


def truth_of(photo: MaskedPhoto) -> tuple[np.ndarray, np.ndarray]:
    """Return the ground-truth masks (T, H, W) bool of a photo, of one pet or none, and class ids (T,) of `LABELS`.

    Half of the border counts to the pet: its outline is assumed to be in the middle of the undefined border.
    """
    labels = np.setdiff1d(np.unique(photo.mask), [0, IGNORED])[:1].astype(int)
    return foreground(photo.mask)[None][: len(labels)], labels - 1


if __name__ == "__main__":
    main()
