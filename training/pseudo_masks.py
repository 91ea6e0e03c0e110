"""Pseudo-masks: a class for every pixel of photos without masks, from a published YOLOv8n-seg.

`python -m training.pseudo_masks --data FOLDER` writes `runs/pseudo_masks/NAME.png`, class ids with background as 0; the
published weights are found as the app finds them, in the folder that CNN_DEMO_WEIGHTS names for one. Photos of Pascal
VOC have boxes: an instance counts if a box of its class agrees, and a box without an instance is ignored. They get
`instances/NAME.png` too, k for a pixel of the object in the k-th box. Cats of Oxford-IIIT Pet have no boxes: one
instance must be a cat. Pixels near an outline, which prototypes draw coarsely, and pixels of doubtful instances are
ignored in the classes.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from PIL import Image

from cnn_demo.detections import confidences, masks
from cnn_demo.models import load_detector
from cnn_demo.models.boxes import iou
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.segmentation.metrics import IGNORED
from training.data.datasets import argument_parser, read_archive
from training.data.everyday import LABELS, EverydayPhoto, read_voc, voc_label
from training.data.masks import MaskedPhoto, decode_photo

TEACHER = "yolov8n-seg"
SIDE = 640  # image size of the teacher
DOUBTFUL, CONFIDENCE = 0.15, 0.4  # confidence thresholds: ignored from the first, trained on from the second
AGREEMENT = 0.6  # IoU of an instance's box with a true box of its class
BAND = 5  # pixels: width of the ignored band along outlines
OUT = Path("runs/pseudo_masks")
INSTANCES = "instances"  # folder in `OUT` with the number of the box for every pixel


def main() -> None:
    """Write the masks."""
    parser = argument_parser(__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    teacher = load_detector(TEACHER, "cpu")
    teacher.wait_for_export()
    options.out.mkdir(parents=True, exist_ok=True)
    cats = read_unmasked(options.data)
    written = 0
    for name, pixels in cats.items():
        mask = class_map(teacher, pixels)
        if (mask == LABELS.index("cat") + 1).any():
            Image.fromarray(mask).save(options.out / f"{name}.png")
            written += 1
    photos = [photo for photo in read_voc(options.data)[0] if photo.mask is None]
    instances = options.out / INSTANCES
    instances.mkdir(exist_ok=True)
    for photo in photos:
        file = f"{Path(photo.name).stem}.png"
        Image.fromarray(class_map(teacher, photo.pixels, photo)).save(options.out / file)
        Image.fromarray(instance_map(teacher, photo)).save(instances / file)
    print(f"{written:,} of {len(cats):,} cats and {len(photos):,} photos of Pascal VOC have a mask now.")


def read_unmasked(folder: Path) -> dict[str, np.ndarray]:
    """Read the cats of `pets.tar.gz` without a trimap: name to pixels (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If the archive is missing.
    """
    files = read_archive(folder / "pets.tar.gz")
    names = sorted(name for name in files if name.startswith("pets/more_cats/") and name.endswith(".jpg"))
    return {Path(name).stem: decode_photo(files[name]) for name in names}


def _predicted(teacher: Detector, pixels: np.ndarray) -> tuple[sv.Detections, np.ndarray]:
    """Return the teacher's instances of Pascal VOC's classes, and their class ids (N,) of `LABELS`."""
    classes = [label for label in teacher.spec.labels if voc_label(label)]
    found = teacher.predict(pixels, DOUBTFUL, classes=classes, side=SIDE)
    names = found.data.get("class_name", ())
    return found, np.array([LABELS.index(voc_label(name) or "") for name in names], int)


def class_map(teacher: Detector, pixels: np.ndarray, truth: EverydayPhoto | None = None) -> np.ndarray:
    """Return the pseudo-mask (H, W) uint8 of a photo: 0 background, class id + 1, or `IGNORED`.

    Args:
        teacher: Instance segmenter with COCO's classes.
        pixels: (H, W, 3) uint8.
        truth: The photo's boxes; None if it has none.
    """
    found, class_ids = _predicted(teacher, pixels)
    scores = confidences(found) if len(found) else np.zeros(0)
    sure = scores >= CONFIDENCE
    mask = np.zeros(pixels.shape[:2], np.uint8)
    if truth is not None:
        overlaps = np.array([iou(box, truth.boxes) for box in found.xyxy]).reshape(len(found), len(truth.boxes))
        agreed = (overlaps >= AGREEMENT) & (class_ids[:, None] == truth.class_ids[None])
        sure = agreed.any(axis=1)
        for box in truth.boxes[~agreed.any(axis=0)].round().astype(int):
            mask[box[1] : box[3] + 1, box[0] : box[2] + 1] = IGNORED
    instances = masks(found) if len(found) else np.zeros((0, *mask.shape), bool)
    for i in np.argsort(scores):
        inside = instances[i].astype(np.uint8)
        mask[inside > 0] = class_ids[i] + 1 if sure[i] else IGNORED
        if sure[i]:
            edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((BAND, BAND), np.uint8))
            mask[edge > 0] = IGNORED
    return mask


def instance_map(teacher: Detector, truth: EverydayPhoto) -> np.ndarray:
    """Return the pseudo-masks of the boxes of a photo, (H, W) uint8: k in the k-th box, 0, or `IGNORED`.

    Each box takes the instance of its class that agrees with it best; boxes without one are ignored.

    Args:
        teacher: Instance segmenter with COCO's classes.
        truth: The photo and its boxes, fewer than 255.
    """
    found, class_ids = _predicted(teacher, truth.pixels)
    overlaps = np.array([iou(box, truth.boxes) for box in found.xyxy]).reshape(len(found), len(truth.boxes))
    overlaps[class_ids[:, None] != truth.class_ids[None]] = 0
    numbers = np.zeros(truth.pixels.shape[:2], np.uint8)
    pairs = {}
    for k in range(len(truth.boxes)):
        best = int(overlaps[:, k].argmax()) if len(found) else -1
        if best >= 0 and overlaps[best, k] >= AGREEMENT:
            pairs[k] = best
        else:
            left, top, right, bottom = truth.boxes[k].round().astype(int)
            numbers[top : bottom + 1, left : right + 1] = IGNORED
    instances = masks(found) if pairs else np.zeros((0, *numbers.shape), bool)
    for k, i in sorted(pairs.items(), key=lambda pair: -int(instances[pair[1]].sum())):
        numbers[instances[i]] = k + 1
    return numbers


def read_pseudo_masked(out: Path = OUT) -> dict[str, np.ndarray]:
    """Read the masks that `main` wrote: name of the photo to (H, W) uint8.

    Raises:
        FileNotFoundError: If `main` has not run.
    """
    paths = sorted(out.glob("*.png"))
    if not paths:
        raise FileNotFoundError(f"There are no masks in {out}: run `python -m training.pseudo_masks` first.")
    return {path.stem: np.array(Image.open(path)) for path in paths}


def read_masked_cats(folder: Path, out: Path = OUT) -> list[MaskedPhoto]:
    """Read the cats with pseudo-masks, whose classes are those of `PET_LABELS`.

    A cat that the teacher takes for a dog as well is ignored there.

    Args:
        folder: Folder with the archives.
        out: Folder that `main` wrote into.
    """
    pseudo_masks = read_pseudo_masked(out)
    cat = LABELS.index("cat") + 1
    photos = []
    for name, pixels in read_unmasked(folder).items():
        if name in pseudo_masks:
            found = pseudo_masks[name]
            mask = np.where(found == cat, 1, np.where(found == LABELS.index("dog") + 1, IGNORED, 0))
            mask[found == IGNORED] = IGNORED
            photos.append(MaskedPhoto(pixels, mask.astype(np.uint8), name))
    return photos


if __name__ == "__main__":
    main()
