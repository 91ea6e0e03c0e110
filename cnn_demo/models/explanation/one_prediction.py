"""Explanations of one prediction of any model: a class, a box or one side of it, a pixel, or a region.

`probe_of` makes a target of a model ready to be explained, `explain_prediction` computes its map, and
`target_curves.check_map` tests the map on the very same target.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import gpu_memory
from cnn_demo.models.detection.torchvision_detectors import TorchvisionDetector
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.explanation.explain import CAMS, METHODS, Method
from cnn_demo.models.explanation.localizer_probe import LocalizerProbe
from cnn_demo.models.explanation.masking import MASKS, Masking, Report, d_rise, occlusion, random_masks
from cnn_demo.models.explanation.probe import Probe
from cnn_demo.models.explanation.targets import BoxTarget, ClassTarget, PixelTarget, RegionTarget, Target
from cnn_demo.models.explanation.torchvision_probe import TorchvisionProbe
from cnn_demo.models.explanation.unet_probe import UnetProbe
from cnn_demo.models.explanation.yolo_mask_probe import YoloMaskProbe
from cnn_demo.models.explanation.yolo_probe import YoloProbe
from cnn_demo.models.localization.localizers import Localizer
from cnn_demo.models.model import Model, SettingError
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
from cnn_demo.models.segmentation.unet_ablation import can_be_opened

GRADIENT_METHODS = {key: METHODS[key] for key in ("layer_cam", "grad_cam_plus_plus", "grad_cam")}
PERTURBATION_METHODS = {
    "d_rise": Method(
        "D-RISE",
        "Hides random parts of the photo hundreds of times and keeps what the prediction needs; no gradients.",
        "https://arxiv.org/abs/2006.03204",
        needs_layer=False,
    ),
    "occlusion": Method(
        "Occlusion",
        "Slides a grey square over the photo: where the score drops, the covered pixels mattered.",
        METHODS["occlusion"].paper,
        needs_layer=False,
    ),
}
TARGET_METHODS = GRADIENT_METHODS | PERTURBATION_METHODS


@dataclass(frozen=True, eq=False)
class Explanation:
    """Explanation of one prediction.

    Attributes:
        map: (H, W) float32 at the photo's size, 0 to 1; all 0 if there is no evidence for the target.
        method: A key of `TARGET_METHODS`.
        layer: The layer whose feature maps were used; None for perturbation-based methods.
        score: Score of the target, 0 to 1, as the network predicts it that was explained.
        milliseconds: Time from the photo to the map.
        runs: Number of times that the network ran forward.
    """

    map: np.ndarray = field(repr=False)
    method: str
    layer: str | None
    score: float
    milliseconds: float
    runs: int = 1


def probe_of(model: Model, pixels: np.ndarray, target: Target, side: int | None = None) -> Probe:
    """Make one target ready to be explained.

    Args:
        model: A model of the registry whose task the target fits.
        pixels: (H, W, 3) uint8 photo.
        target: The target.
        side: Image size at which the prediction was made, as in the model's `predict`; None for its default.

    Raises:
        ValueError: If the model has no such targets, or the target is not on this photo.
    """
    check_pixels(pixels)
    match model, target:
        case YoloDetector(), BoxTarget(part="mask"):
            return YoloMaskProbe(model, pixels, target, side)
        case YoloDetector(), BoxTarget():
            return YoloProbe(model, pixels, target, side)
        case TorchvisionDetector(), BoxTarget():
            return TorchvisionProbe(model, pixels, target, side)
        case Localizer(), ClassTarget() | BoxTarget():
            return LocalizerProbe(model, pixels, target)
        case SemanticSegmenter(), PixelTarget() | RegionTarget() if can_be_opened(model.spec):
            return UnetProbe(model, pixels, target, side)
    raise ValueError(f"“{model.spec.title}” predicts nothing that a {type(target).__name__} could mean.")


def can_be_explained(model: Model) -> bool:
    """Return whether the predictions of a model can be explained."""
    if isinstance(model, SemanticSegmenter):
        return can_be_opened(model.spec)
    return isinstance(model, (YoloDetector, TorchvisionDetector, Localizer))


@gpu_memory.or_on_cpu
def explain_prediction(
    model: Model,
    pixels: np.ndarray,
    target: Target,
    method: str = "layer_cam",
    *,
    layer: str | None = None,
    side: int | None = None,
    masks: int = MASKS,
    report: Report | None = None,
) -> Explanation:
    """Explain one prediction.

    Args:
        model: A model of the registry.
        pixels: (H, W, 3) uint8 photo.
        target: The prediction.
        method: A key of `TARGET_METHODS`.
        layer: One of the probe's `layers`, for gradient-based methods; None for the default.
        side: Image size at which the prediction was made; None for the model's default.
        masks: Number of masks of D-RISE.
        report: Callback of perturbation-based methods, with the state after every few runs; it stops them by returning
            False, and the map of the runs so far is returned.

    Raises:
        SettingError: If there is no such method or layer.
        ValueError: If `probe_of` raises it.
    """
    start = time.perf_counter()
    if method not in TARGET_METHODS:
        raise SettingError(f"There is no method {method!r}: choose one of {', '.join(TARGET_METHODS)}.")
    probe = probe_of(model, pixels, target, side)
    if method in PERTURBATION_METHODS:
        state = perturb(probe, method, masks, report)
        values, score, used, runs = state.values, probe.score(probe.picture), None, state.done
    else:
        used = probe.layers[0] if layer is None else layer
        if used not in probe.layers:
            raise SettingError(f"There is no layer {used!r}: choose one of {', '.join(probe.layers)}.")
        found = probe.gradients(used)
        values, score, runs = found.cam(CAMS[method]), found.score, 1
    shown = to_unit_range(probe.on_photo(values))
    return Explanation(shown, method, used, score, (time.perf_counter() - start) * 1000, runs)


@gpu_memory.or_on_cpu
def explain_layers(
    model: Model, pixels: np.ndarray, target: Target, method: str = "layer_cam", *, side: int | None = None
) -> dict[str, Explanation]:
    """Explain one prediction at each of the probe's layers, the default first; of U-Nets in one pass.

    Args:
        model: A model of the registry.
        pixels: (H, W, 3) uint8 photo.
        target: The prediction.
        method: A key of `GRADIENT_METHODS`.
        side: Image size at which the prediction was made; None for the model's default.

    Returns:
        Explanations by the layer's name; each has the time of all of them.

    Raises:
        SettingError: If there is no such method.
        ValueError: If `probe_of` raises it.
    """
    start = time.perf_counter()
    if method not in GRADIENT_METHODS:
        raise SettingError(f"There is no method {method!r}: choose one of {', '.join(GRADIENT_METHODS)}.")
    probe = probe_of(model, pixels, target, side)
    maps = {
        layer: (to_unit_range(probe.on_photo(found.cam(CAMS[method]))), found.score)
        for layer, found in probe.all_gradients().items()
    }
    milliseconds = (time.perf_counter() - start) * 1000
    return {layer: Explanation(values, method, layer, score, milliseconds) for layer, (values, score) in maps.items()}


def perturb(probe: Probe, method: str, masks: int = MASKS, report: Report | None = None) -> Masking:
    """Run a perturbation-based method.

    Args:
        probe: The target.
        method: A key of `PERTURBATION_METHODS`.
        masks: Number of masks of D-RISE.
        report: Callback; see `masking`.

    Raises:
        ValueError: If D-RISE gets no masks.
    """
    if method == "d_rise":
        return d_rise(probe, random_masks(probe.picture.shape[:2], masks), masks, report)
    return occlusion(probe, report=report)


def to_unit_range(values: np.ndarray) -> np.ndarray:
    """Divide a map by its maximum; negative values, evidence against the target, become 0. Returns float32."""
    highest = float(values.max())
    if highest <= 0:
        return np.zeros(values.shape, np.float32)
    return np.clip(values / highest, 0, 1).astype(np.float32)
