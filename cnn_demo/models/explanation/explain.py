"""Why a network answers as it does: the door to all methods that draw it onto the photo.

The methods themselves are in `cams.py` (by the gradient at a layer), `perturbation.py` (by changing the picture) and
`attribution.py` (by the gradient at the pixels); `perturbation.deletion_curve` checks what they say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models.explanation.attribution import effective_field, integrated_gradients
from cnn_demo.models.explanation.cams import class_gradients, enlarge, grad_cam, grad_cam_plus_plus, layer_cam
from cnn_demo.models.explanation.feature_maps import check_label, check_picture, convolutional_layers
from cnn_demo.models.explanation.perturbation import occlusion, score_cam

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

__all__ = ["METHODS", "Method", "convolutional_layers", "effective_field", "explain"]

CAMS = {"grad_cam": grad_cam, "grad_cam_plus_plus": grad_cam_plus_plus, "layer_cam": layer_cam}
PERCENTILE = 99  # of integrated gradients, what is drawn as 1: a few pixels would else leave all others dark


@dataclass(frozen=True)
class Method:
    """A way to explain an answer.

    Attributes:
        title: Its name in the literature.
        sentence: What it does, for a visitor.
        paper: A lasting address.
        needs_layer: Whether it looks at the feature maps of a layer.
    """

    title: str
    sentence: str
    paper: str
    needs_layer: bool


METHODS = {
    "grad_cam": Method(
        "Grad-CAM",
        "Adds up the layer's feature maps, each weighted by how much it moves the class on average.",
        "https://arxiv.org/abs/1610.02391",
        needs_layer=True,
    ),
    "grad_cam_plus_plus": Method(
        "Grad-CAM++",
        "Grad-CAM that counts small and repeated things as much as large ones.",
        "https://arxiv.org/abs/1710.11063",
        needs_layer=True,
    ),
    "layer_cam": Method(
        "Layer-CAM",
        "Weights every place of every feature map by itself: sharper, and of use in early layers too.",
        "https://doi.org/10.1109/TIP.2021.3089943",
        needs_layer=True,
    ),
    "score_cam": Method(
        "Score-CAM",
        "Shows the network only what each feature map covers, and weights the map by the probability that results.",
        "https://arxiv.org/abs/1910.01279",
        needs_layer=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "Slides a grey square over the photo: where the probability falls, something mattered.",
        "https://arxiv.org/abs/1311.2901",
        needs_layer=False,
    ),
    "integrated_gradients": Method(
        "Integrated gradients",
        "Fades the photo in from grey and credits every pixel with what it adds to the class, for or against.",
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
    """Draw which places of a picture speak for a class.

    The scale is each map's own, so that two maps can be compared by where they are bright, and not by how bright. 1 is
    the largest value, after enlarging the maps of a layer to the picture bilinearly; a place that speaks against the
    class is 0. Integrated gradients are magnitudes, for or against, summed over red, green and blue; there 1 is the
    99th percentile and what exceeds it.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 of the network's own size, as from `model.prepare`.
        label_index: Of the class; it need not be the most probable one.
        method: A key of `METHODS`.
        layer: One of `feature_maps.map_layers`, for methods that look at one; None for the last of
            `convolutional_layers`.
        progress: Called with the share that is done (0...1), by the methods that run the network many times.

    Returns:
        (h, w) float32 in 0...1; 0 everywhere where nothing speaks for the class.

    Raises:
        ValueError: If there is no such method, layer or class, or the picture is of another size.
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
    """Divide so that `one` becomes 1; what is more becomes 1 as well, what is negative 0."""
    if one <= 0:
        return np.zeros(values.shape, np.float32)
    return np.clip(values / one, 0, 1).astype(np.float32)
