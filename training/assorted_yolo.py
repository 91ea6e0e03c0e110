"""Train the bundled detector: YOLO11n from its own description, from random initialization, on fifteen classes.

`python -m training.assorted_yolo --data FOLDER`; interrupted, it goes on with `--resume`. The validation parts are
never trained on, and nothing is chosen by them: the exponential moving average of the weights is the result, in
`runs/assorted_yolo/bundle`. The learning rate stays as it is and falls to 0 over the last part of the epochs, so that
a run that was to be short can be made longer. Architecture and loss are Ultralytics'; the loop is `steps.loop`'s
because theirs does not compute in bfloat16 on processors that have it, and cannot be given more epochs.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from cnn_demo.models import frameworks
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.detection.metrics import IOUS, class_precisions
from cnn_demo.models.frameworks import TorchNetwork
from training.data.assorted import LABELS, Labelled, pasted, read_assorted
from training.data.mosaics import Pool, picture
from training.steps import loop
from training.steps.precision import autocast

torch = frameworks.torch()

ARCHITECTURE = "yolo11n.yaml"
RECIPE = loop.Recipe(
    "assorted_yolo", weights="assorted_yolo11n", rate=1.5e-3, weight_decay=0.02, clip=10.0, small_side=192
)
MEASURED_STEP = 3  # every third held-out photo is measured for the log


def main() -> None:
    """Read the arguments and train."""
    train(loop.read_options(RECIPE, __doc__, epochs=150, side=320, batch=16, pictures=2048))


def train(options: argparse.Namespace) -> list[dict]:
    """Train, and return the history."""
    device = loop.prepare(options)
    training, validation = read_assorted(options.data)
    pool = Pool(training + pasted(training, options.data))
    network = new_network(ARCHITECTURE, LABELS).to(device, memory_format=torch.channels_last)
    print(f"{len(training):,} photos to learn from, {len(validation):,} held back, on {device}", flush=True)

    def draw(side: int, rng: np.random.Generator) -> dict:
        return batch_of([picture(pool, side, rng) for _ in range(options.batch)], device)

    def measure(mean: TorchNetwork) -> dict[str, float]:
        return measured(mean, validation[::MEASURED_STEP], options.side)

    return loop.train(network, RECIPE, options, draw, yolo_loss, measure)


def new_network(architecture: str, labels: tuple[str, ...]) -> TorchNetwork:
    """Build a YOLO network for these classes, with random weights and Ultralytics' own weights of the loss.

    Args:
        architecture: Ultralytics' name of its description; one with "-seg" also predicts masks.
        labels: Names of the classes.
    """
    frameworks.ultralytics()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel, SegmentationModel

    kind: Callable[..., TorchNetwork] = SegmentationModel if "-seg" in architecture else DetectionModel
    network = kind(architecture, nc=len(labels), verbose=False)
    network.names = dict(enumerate(labels))
    network.args = get_cfg()
    return network


def batch_of(pictures: list[tuple], device: str) -> dict:
    """Return a batch for Ultralytics' loss: boxes as centre and size, in fractions of the side."""
    pixels, boxes, class_ids = zip(*pictures, strict=True)
    side = len(pixels[0])
    corners = np.concatenate(boxes) / side
    centred = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)
    owners = np.repeat(np.arange(len(boxes)), [len(own) for own in boxes])
    images = torch.from_numpy(np.stack(pixels)).to(device).permute(0, 3, 1, 2).float() / 255
    return {
        "img": images,  # channels last in memory
        "cls": torch.from_numpy(np.concatenate(class_ids)).float(),
        "bboxes": torch.from_numpy(centred.astype(np.float32)),
        "batch_idx": torch.from_numpy(owners).float(),
    }


def yolo_loss(network: TorchNetwork, batch: dict) -> Tensor:
    """Return Ultralytics' loss, summed over the pictures: the network in `autocast`, the loss in float32."""
    with autocast(batch["img"].device.type):
        outputs = network(batch["img"])
    outputs = {name: value.float() if name != "feats" else value for name, value in outputs.items()}
    return network.loss(batch, outputs)[0].sum()


def measured(network: TorchNetwork, photos: list[Labelled], side: int) -> dict[str, float]:
    """Return mAP50 and mAP50-95 of the current network, for the log; `training.evaluate` measures the bundled one."""
    precisions = average_precisions(network, photos, side, len(LABELS))
    return {"map50": float(np.nanmean(precisions[:, 0])), "map50_95": float(np.nanmean(precisions))}


def average_precisions(network: TorchNetwork, photos: Sequence[Labelled], side: int, classes: int) -> np.ndarray:
    """Return the average precision of each class at each IoU threshold of `IOUS`, (classes, 10), by Ultralytics' NMS.

    Args:
        network: Network whose head decodes its boxes in evaluation mode.
        photos: Photos with their ground-truth boxes; those that are marked as difficult, if any, are ignored.
        side: Longer side of the network's input, in pixels.
        classes: Number of classes.
    """
    from ultralytics.utils.nms import non_max_suppression

    network.eval()
    device = next(network.parameters()).device
    predictions = []
    for photo in photos:
        frame = Letterbox.fit(photo.pixels.shape[:2], side, 32)
        image = torch.from_numpy(frame.apply(photo.pixels)).to(device).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            found = non_max_suppression(network(image)[0], 0.001, 0.7, max_det=300, multi_label=True, max_time_img=60)
        found = found[0].cpu().numpy()
        boxes = frame.to_photo(found[:, :4])
        class_ids = found[:, 5].astype(int)
        predictions.append((boxes, found[:, 4], class_ids, *photo.ground_truth))
    return class_precisions(predictions, classes, IOUS)


if __name__ == "__main__":
    main()
