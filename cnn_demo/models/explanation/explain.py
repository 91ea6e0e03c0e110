"""Common interface of all explanation methods.

The methods are implemented in `cams.py` (gradients at a layer), `perturbation.py` (modified images) and
`attribution.py` (gradients at the pixels); `curves.py` evaluates them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models.explanation.attribution import effective_field, integrated_gradients, logit_gradient
from cnn_demo.models.explanation.cams import class_gradients, enlarge, grad_cam, grad_cam_plus_plus, layer_cam
from cnn_demo.models.explanation.feature_maps import check_label, check_picture, convolutional_layers
from cnn_demo.models.explanation.perturbation import occlusion, score_cam

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

__all__ = ["METHODS", "Method", "convolutional_layers", "effective_field", "explain", "logit_gradient"]

CAMS = {"grad_cam": grad_cam, "grad_cam_plus_plus": grad_cam_plus_plus, "layer_cam": layer_cam}
PERCENTILE = 99  # integrated gradients are normalized to this percentile, as a few outliers would dominate the scale


@dataclass(frozen=True)
class Method:
    """An explanation method.

    Attributes:
        title: Name in the literature.
        sentence: Description for visitors.
        paper: Permanent link to the paper.
        needs_layer: Whether it uses the feature maps of a layer.
    """

    title: str
    sentence: str
    paper: str
    needs_layer: bool


METHODS = {
    "grad_cam": Method(
        "Grad-CAM",
        "Sums the layer's feature maps, each weighted by its average gradient for the class.",
        "https://arxiv.org/abs/1610.02391",
        needs_layer=True,
    ),
    "grad_cam_plus_plus": Method(
        "Grad-CAM++",
        "Grad-CAM with weights under which small and repeated objects count as much as large ones.",
        "https://arxiv.org/abs/1710.11063",
        needs_layer=True,
    ),
    "layer_cam": Method(
        "Layer-CAM",
        "Weights every position of every feature map by its own gradient: sharper, and useful in early layers too.",
        "https://doi.org/10.1109/TIP.2021.3089943",
        needs_layer=True,
    ),
    "score_cam": Method(
        "Score-CAM",
        "Masks the photo with each feature map and weights the map by the resulting class probability.",
        "https://arxiv.org/abs/1910.01279",
        needs_layer=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "Slides a grey square over the photo: where the class probability drops, the covered pixels mattered.",
        "https://arxiv.org/abs/1311.2901",
        needs_layer=False,
    ),
    "integrated_gradients": Method(
        "Integrated gradients",
        "Fades the photo in from grey and attributes to every pixel its contribution for or against the class.",
        "https://arxiv.org/abs/1703.01365",
        needs_layer=False,
    ),
}


def explain(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    method: str,
    layer: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Return a saliency map of a class.

    Each map is normalized separately, so that maps can be compared by the positions of high values, but not by the
    values. 1 is the maximum, after resizing a layer's maps bilinearly to the image; evidence against the class is 0.
    Integrated gradients are magnitudes, summed over red, green and blue, with values clipped at the 99th percentile.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class; any class, not only the top prediction.
        method: A key of `METHODS`.
        layer: One of `feature_maps.map_layers`, for methods that need a layer; None for the last of
            `convolutional_layers`.
        progress: Callback that receives the completed fraction (0...1), for methods that run the network many times.

    Returns:
        (h, w) float32 in 0...1; all 0 if there is no evidence for the class.

    Raises:
        ValueError: If there is no such method, layer or class, or the image has another size.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}: choose one of {', '.join(METHODS)}.")
    check_picture(model, seen)
    check_label(model, label_index)
    if method == "integrated_gradients":
        attribution = integrated_gradients(model, seen, label_index, progress=progress)
        magnitude = np.abs(attribution.values).sum(axis=2)
        return _scaled(magnitude, np.percentile(magnitude, PERCENTILE) or magnitude.max())
    if method == "occlusion":
        values = occlusion(model, seen, label_index, progress=progress)
    elif method == "score_cam":
        values = enlarge(score_cam(model, seen, label_index, layer, progress=progress), seen.shape[:2])
    else:
        values = enlarge(CAMS[method](*class_gradients(model, seen, label_index, layer)), seen.shape[:2])
    return _scaled(values, values.max())


def _scaled(values: np.ndarray, one: float) -> np.ndarray:
    """Divide by `one` and clip to 0...1."""
    if one <= 0:
        return np.zeros(values.shape, np.float32)
    return np.clip(values / one, 0, 1).astype(np.float32)
