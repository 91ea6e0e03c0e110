"""The published data sets that the bundled networks were trained on, read from one archive each.

The archives are not part of the project: the cards under `assets/weights` say where each set comes from. Every split is
made here, by file number, so that training and evaluation cannot disagree about it.
"""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cnn_demo.models.registry import CIFAR10_LABELS

DATA = Path("data")
CIFAR10_VALIDATION = 500  # of each class, the last ones by file number


@dataclass(frozen=True)
class LabelledImages:
    """Images (N, H, W, 3) uint8 RGB and their labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray


def read_cifar10(folder: Path = DATA) -> tuple[LabelledImages, LabelledImages]:
    """Read the training images of CIFAR-10 from `cifar10.tar.gz`, which holds `train/LABEL/NUMBER.jpg`.

    Args:
        folder: Where the archive is.

    Returns:
        (training, validation): 45,000 and 5,000 images; of each class the last 500 by file number are validation.

    Raises:
        FileNotFoundError: If the archive is not there.
    """
    training: tuple[list, list] = ([], [])
    validation: tuple[list, list] = ([], [])
    with tarfile.open(folder / "cifar10.tar.gz") as archive:
        files = [(Path(member.name), archive.extractfile(member).read()) for member in archive if member.isfile()]
    files = sorted((path, data) for path, data in files if path.suffix == ".jpg")
    of_class = {label: [path for path, _ in files if path.parent.name == label] for label in CIFAR10_LABELS}
    held_back = {path for paths in of_class.values() for path in paths[-CIFAR10_VALIDATION:]}
    for path, data in files:
        images, labels = validation if path in held_back else training
        images.append(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        labels.append(CIFAR10_LABELS.index(path.parent.name))
    return tuple(LabelledImages(np.stack(images), np.array(labels)) for images, labels in (training, validation))
