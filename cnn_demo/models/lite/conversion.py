"""From EfficientNet-Lite's published tensors to Keras's, once: the result is kept in the user's cache.

The kept file is safetensors, numbers behind a header of text. Its name tells which checkpoint and which version of this
module it comes from, and the checksum of its own bytes: a file that was damaged is not read, but made anew.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load, save

from cnn_demo.models.files.weights import user_cache
from cnn_demo.models.lite.network import weighted_layers
from cnn_demo.models.lite.weights import LITE_FILES, checked_file, read_state

if TYPE_CHECKING:
    import keras
    import torch

VERSION = 1  # to be raised when the same checkpoint gives other numbers
EPSILON = 1e-3  # that the variances of batch normalization were kept from zero with


def set_published_weights(network: keras.Model, key: str) -> None:
    """Set the weights of every layer that `efficientnet_lite(key)` has too, by name; others stay as they are.

    Args:
        network: The classifier, or any network on its trunk.
        key: Of `LITE_FILES`.

    Raises:
        WeightsUnreadable: If the checkpoint is missing or is not the published one.
    """
    arrays = published_weights(key)
    for layer in network.layers:
        if f"{layer.name}/kernel" in arrays:
            layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])


def published_weights(key: str) -> dict[str, np.ndarray]:
    """Return the published weights as Keras has them: `stem_conv/kernel`, `stem_conv/bias`, ..., float32.

    They come from the user's cache, without torch, where they were put the first time.

    Args:
        key: Of `LITE_FILES`.

    Raises:
        WeightsUnreadable: If the checkpoint is missing or is not the published one.
    """
    checked_file(key)
    stem = f"{key}-{LITE_FILES[key].sha256[:8]}-v{VERSION}"
    kept = _kept(stem)
    if kept is None:
        arrays = converted(key)
        kept = save(arrays)
        _keep(kept, stem)
    return load(kept)


def converted(key: str) -> dict[str, np.ndarray]:
    """Read the checkpoint and fold each batch normalization into the convolution before it.

    With y = gamma · (conv(x) − mean) / sqrt(variance + epsilon) + beta and s = gamma / sqrt(variance + epsilon), the
    kernel becomes s · kernel and the bias beta − s · mean.

    Args:
        key: Of `LITE_FILES`.

    Raises:
        WeightsUnreadable: As `read_state` does.
    """
    return folded(read_state(key), weighted_layers(key))


def folded(state: Mapping[str, torch.Tensor], layers: Iterable[str]) -> dict[str, np.ndarray]:
    """Fold each batch normalization of a torch network of this architecture into the convolution before it.

    Args:
        state: Its tensors by name, in the order of computation.
        layers: Names of the Keras layers that they are for, in the same order; further tensors are left out.

    Returns:
        `NAME/kernel` and `NAME/bias` of each layer, float32.
    """
    tensors = _in_order(state)
    arrays = {}
    for name in layers:
        kernel = next(tensors)
        if kernel.ndim == 2:
            kernel, bias = kernel.T, next(tensors)
        else:
            gamma, beta, mean, variance = (next(tensors) for _ in range(4))
            scale = gamma / np.sqrt(variance + EPSILON)
            kernel, bias = kernel * scale[:, None, None, None], beta - scale * mean
            # torch: (outputs, inputs, height, width); depthwise kernels are (channels, 1, height, width).
            kernel = kernel.transpose((2, 3, 0, 1) if name.endswith("_dwconv") else (2, 3, 1, 0))
        arrays[f"{name}/kernel"] = np.ascontiguousarray(kernel, np.float32)
        arrays[f"{name}/bias"] = np.ascontiguousarray(bias, np.float32)
    return arrays


def _in_order(state) -> Iterator[np.ndarray]:
    """The tensors in the order of computation, in which the file has them; without counters of batches."""
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            yield tensor.detach().cpu().double().numpy()


def _folder() -> Path:
    return user_cache() / "cnn_demo" / "efficientnet_lite"


def _kept(stem: str) -> bytes | None:
    """Return the bytes of the kept file, if there is one and it is whole."""
    for path in sorted(_folder().glob(f"{stem}-*.safetensors")):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if path.stem == f"{stem}-{hashlib.sha256(data).hexdigest()}":
            return data
    return None


def _keep(data: bytes, stem: str) -> None:
    """Write the file, never half of it; where that cannot be done, the next process converts again."""
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_folder()) as folder:
            half = Path(folder) / "weights"
            half.write_bytes(data)
            half.replace(_folder() / f"{stem}-{hashlib.sha256(data).hexdigest()}.safetensors")
    except OSError as error:
        logging.getLogger(__name__).info("%s is not kept: %s", stem, error)
