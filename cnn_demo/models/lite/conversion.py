"""Conversion of EfficientNet-Lite's published torch weights to Keras, cached in the user's cache folder.

The cached file is safetensors. Its name contains the checkpoint, the version of this module and the checksum of its
contents: a damaged file is not read but created again.
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

VERSION = 1  # increase if the conversion of a checkpoint changes
EPSILON = 1e-3  # of the batch normalizations


def set_published_weights(network: keras.Model, key: str) -> None:
    """Set the weights of all layers that `efficientnet_lite(key)` has, by name; other layers are unchanged.

    Args:
        network: The classifier, or any network on its backbone.
        key: A key of `LITE_FILES`.

    Raises:
        WeightsUnreadable: If the checkpoint is missing or is not the published one.
    """
    arrays = published_weights(key)
    for layer in network.layers:
        if f"{layer.name}/kernel" in arrays:
            layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])


def published_weights(key: str) -> dict[str, np.ndarray]:
    """Return the published weights in Keras's layout: `stem_conv/kernel`, `stem_conv/bias`, ..., float32.

    After the first conversion they are read from the user's cache, without torch.

    Args:
        key: A key of `LITE_FILES`.

    Raises:
        WeightsUnreadable: If the checkpoint is missing or is not the published one.
    """
    checked_file(key)
    stem = _stem(key)
    kept = _kept(stem)
    if kept is None:
        arrays = converted(key)
        kept = save(arrays)
        _keep(kept, stem)
    return load(kept)


def is_converted(key: str) -> bool:
    """Return whether `published_weights` needs no torch for a key of `LITE_FILES`."""
    return _kept(_stem(key)) is not None


def converted(key: str) -> dict[str, np.ndarray]:
    """Read the checkpoint and fold each batch normalization into the convolution before it.

    With y = gamma · (conv(x) − mean) / sqrt(variance + epsilon) + beta and s = gamma / sqrt(variance + epsilon), the
    kernel becomes s · kernel and the bias beta − s · mean.

    Args:
        key: A key of `LITE_FILES`.

    Raises:
        WeightsUnreadable: As `read_state` does.
    """
    return folded(read_state(key), weighted_layers(key))


def folded(state: Mapping[str, torch.Tensor], layers: Iterable[str]) -> dict[str, np.ndarray]:
    """Fold each batch normalization of a torch network of this architecture into the convolution before it.

    Args:
        state: State dict, in computation order.
        layers: Names of the corresponding Keras layers, in the same order; further tensors are ignored.

    Returns:
        `NAME/kernel` and `NAME/bias` of each layer, float32.
    """
    tensors = _in_order(state)
    arrays = {}
    for name in layers:
        kernel = next(tensors)
        if kernel.ndim == 2:
            kernel = kernel.T
            bias = next(tensors)
        else:
            gamma, beta, mean, variance = (next(tensors) for _ in range(4))
            scale = gamma / np.sqrt(variance + EPSILON)
            kernel = kernel * scale[:, None, None, None]
            bias = beta - scale * mean
            # torch: (outputs, inputs, height, width); depthwise kernels are (channels, 1, height, width).
            kernel = kernel.transpose((2, 3, 0, 1) if name.endswith("_dwconv") else (2, 3, 1, 0))
        arrays[f"{name}/kernel"] = np.ascontiguousarray(kernel, np.float32)
        arrays[f"{name}/bias"] = np.ascontiguousarray(bias, np.float32)
    return arrays


def _in_order(state: Mapping[str, torch.Tensor]) -> Iterator[np.ndarray]:
    """Yield the tensors in computation order, the order of the file, without `num_batches_tracked`."""
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            yield tensor.detach().cpu().double().numpy()


def _stem(key: str) -> str:
    return f"{key}-{LITE_FILES[key].sha256[:8]}-v{VERSION}"


def _folder() -> Path:
    return user_cache() / "cnn_demo" / "efficientnet_lite"


def _kept(stem: str) -> bytes | None:
    """Return the contents of the cached file, if it exists and is intact."""
    for path in sorted(_folder().glob(f"{stem}-*.safetensors")):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if path.stem == f"{stem}-{hashlib.sha256(data).hexdigest()}":
            return data
    return None


def _keep(data: bytes, stem: str) -> None:
    """Write the file atomically; if that fails, the next process converts again."""
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_folder()) as folder:
            half = Path(folder) / "weights"
            half.write_bytes(data)
            half.replace(_folder() / f"{stem}-{hashlib.sha256(data).hexdigest()}.safetensors")
    except OSError as error:
        logging.getLogger(__name__).info("%s is not kept: %s", stem, error)
