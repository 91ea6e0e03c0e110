"""Gradient-based class activation maps: Grad-CAM, Grad-CAM++ and Layer-CAM.

All three methods use the feature maps A of a layer and the gradient g of the class logit with respect to them, from one
forward and one backward pass. They differ only in how A is weighted by g, which is what `grad_cam`,
`grad_cam_plus_plus` and `layer_cam` implement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.engines import MapGradient, map_gradient
from cnn_demo.models.explanation.feature_maps import OUTPUT, check_label, check_layer, check_picture, compiled

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier


@gpu_memory.or_on_cpu
def class_gradients(
    model: Classifier, seen: np.ndarray, label_index: int, layer: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the feature maps of a layer and the gradient of a class logit with respect to them.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        layer: One of `map_layers`; None for the last of `convolutional_layers`.

    Returns:
        Feature maps and gradients, both (H, W, C) float32.

    Raises:
        ValueError: If there is no such layer or class, or the image has another size.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    layer = check_layer(model.network, layer)
    run = compiled(model, _compile, layer)
    seed = np.eye(1, model.network.outputs[0].shape[-1], label_index, dtype=np.float32)  # (1, C)
    with model.lock:
        maps, gradients = run(model.scaled(seen[np.newaxis]), seed)
    return maps[0], gradients[0]


def grad_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM: weight each channel by its mean gradient, sum over channels, and apply a ReLU.

    If the layer is followed by global average pooling and a dense layer, this is the positive part of the class
    activation map of Zhou et al. (2016), https://arxiv.org/abs/1512.04150, divided by the number of positions.
    Otherwise it may highlight positions without influence on the class, because averaging discards where the gradient
    was.

    Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391.

    Args:
        maps: (H, W, C) feature maps.
        gradients: (H, W, C) gradient of the class logit with respect to the maps.

    Returns:
        (H, W), non-negative, not normalized.
    """
    weights = gradients.mean(axis=(0, 1))
    return np.maximum(maps @ weights, 0)


def grad_cam_plus_plus(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM++: weight each channel by its positive gradients, scaled so that small objects count like large ones.

    The paper weights the gradient at each position by α = g² / (2g² + ΣA · g³), summed over the channel's map; here g²
    is cancelled. This is the closed form for exp(logit), whose constant factor is left out. It assumes feature maps
    after a ReLU: negative activations are excluded from the sum, since they could make the denominator zero.

    Chattopadhay et al. (2018), https://arxiv.org/abs/1710.11063.

    Args:
        maps: (H, W, C) feature maps.
        gradients: (H, W, C) gradient of the class logit with respect to the maps.

    Returns:
        (H, W), non-negative, not normalized.
    """
    positive = np.maximum(gradients, 0)
    alpha = 1 / (2 + np.maximum(maps, 0).sum(axis=(0, 1)) * positive)
    weights = (alpha * positive).sum(axis=(0, 1))
    return np.maximum(maps @ weights, 0)


def layer_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Layer-CAM: weight each activation by its own positive gradient and sum over the channels.

    Jiang et al. (2021), https://doi.org/10.1109/TIP.2021.3089943.

    Args:
        maps: (H, W, C) feature maps.
        gradients: (H, W, C) gradient of the class logit with respect to the maps.

    Returns:
        (H, W), non-negative, not normalized.
    """
    return np.maximum((np.maximum(gradients, 0) * maps).sum(axis=2), 0)


def enlarge(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a map (H, W) bilinearly to (height, width), float32."""
    return cv2.resize(values.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_LINEAR)


def _compile(network: keras.Model, layer: str, device: str) -> MapGradient:
    """Compile the function from images and a mask of classes to the layer's maps and gradients."""
    keras = frameworks.keras()
    return map_gradient(keras.Model(network.input, [network.output[layer], network.output[OUTPUT]]), device)
