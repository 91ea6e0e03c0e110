"""Half precision on an NVIDIA GPU: predictions in float16, where they stay the same and take less time.

torch's autocast computes convolutions and matrix products in float16, and in float32 what needs it (mixed precision,
Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740). `CNN_DEMO_HALF` is "on", "off", or "auto", which tries each
network on some photos when it is loaded for the first time. Gradients, feature maps and training stay in float32.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cnn_demo.environment import HALF, setting
from cnn_demo.images import sample_photos
from cnn_demo.machine import IN_HALF
from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.results import Classification, Localization, Segmentation

if TYPE_CHECKING:
    import supervision as sv

    from cnn_demo.models.model import Model

PHOTOS = ("bus", "coffee", "chelsea")  # sample photos on which both precisions are compared
BATCHES = (1, 4, 16)  # numbers of photos that are timed
RUNS = 7  # timed forward passes, of which the median counts
GAIN = 1.1  # how many times as fast float16 must be: less may be chance
PROBABILITY = 0.01  # largest difference of a probability or a score
BOX = 1.0  # largest difference of a side of a box, in pixels of the photo
PIXELS = 0.005  # largest fraction of pixels with another class, and of a mask's pixels that differ
SOME_PIXELS = 4  # of a mask may differ even if it is small

Output = TypeVar("Output")
_DECIDED: dict[tuple[str, str], int | None] = {}  # by model and device: the smallest batch in half precision


class Half:
    """Switch between float32 and half precision for the predictions of one model.

    Attributes:
        device: Device of the model.
        largest_batch: Largest number of photos in one forward pass.
        dtype: Name of the type of torch that autocast computes in.
        from_batch: Smallest number of photos that are predicted in half precision; None for float32 always.
    """

    def __init__(self, device: str, largest_batch: int = 1, dtype: str = "float16") -> None:
        self.device = device
        self.largest_batch = largest_batch
        self.dtype = dtype
        self.from_batch: int | None = None
        self.last_call: tuple[Callable[..., Any], Any] | None = None
        self._is_recording = False

    def covers(self, count: int) -> bool:
        """Return whether so many photos are predicted in half precision."""
        return self.from_batch is not None and count >= self.from_batch

    def engine(self, name: str, count: int = 1) -> str:
        """Return the name of the engine that predicts so many photos: `name`, or that of half precision."""
        return IN_HALF if self.covers(count) else name

    def context(self, count: int = 1) -> contextlib.AbstractContextManager:
        """Return the context for the forward pass of so many photos."""
        if not self.covers(count):
            return contextlib.nullcontext()
        torch = frameworks.torch()
        return torch.autocast(self.device, getattr(torch, self.dtype))

    def run(self, function: Callable[[Any], Output], batch: Any) -> Output:
        """Return function(batch), a forward pass, with its tensors in float32 again.

        Args:
            function: From a batch to tensors or arrays, or to lists, tuples or dictionaries of them.
            batch: Array, tensor or list; its length is the number of photos.
        """
        if self._is_recording:
            self.last_call = function, batch
        with self.context(len(batch)):
            outputs = function(batch)
        return _in_float32(outputs) if self.covers(len(batch)) else outputs

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Keep the last call of `run` as `last_call`; on exit, predictions are in float32 again."""
        self._is_recording = True
        try:
            yield
        finally:
            self._is_recording, self.last_call, self.from_batch = False, None, None


def decide(model: Model) -> None:
    """Choose the precision of a model that has just been loaded and that nobody uses yet; float32 except on CUDA."""
    half: Half | None = getattr(model, "half", None)
    if half is None or half.device != "cuda":
        return
    chosen = setting(HALF).lower()
    if chosen == "on":
        half.from_batch = 1
    elif chosen != "off":
        half.from_batch = _decided(model, half)


def _decided(model: Model, half: Half) -> int | None:
    key = model.spec.key, half.device
    if key not in _DECIDED:
        log = logging.getLogger(__name__)
        try:
            _DECIDED[key] = smallest_batch(model, half)
        except Exception as error:  # such as no memory, or NaN that a conversion refuses; the next load tries again
            log.warning("%s stays in float32: %s", model.spec.key, error)
            return None
        finally:
            gpu_memory.give_back()
        log.info("%s: half precision from a batch of %s on", model.spec.key, _DECIDED[key])
    return _DECIDED[key]


def smallest_batch(model: Model, half: Half) -> int | None:
    """Return the smallest batch that a model predicts faster in half precision; None if none, or results differ.

    Args:
        model: A model that nobody else uses at the moment.
        half: Its switch, which is set to float32 in the end.

    Raises:
        RuntimeError: If the GPU's memory is full, or it cannot compute the network in half precision.
    """
    photos = [sample.load().pixels for sample in sample_photos() if sample.key in PHOTOS]
    with half.recording(), gpu_memory.without_fallback():
        for pixels in photos:
            half.from_batch = None
            exact = _predicted(model, pixels)
            half.from_batch = 1
            if not agree(exact, _predicted(model, pixels), model.spec.threshold):
                return None
        return _first_faster(half)


def agree(first: Any, second: Any, threshold: float = 0.0) -> bool:
    """Return whether two predictions for one photo are the same within `PROBABILITY`, `BOX` and `PIXELS`.

    Classifications have the same top-1, and all probabilities within the limit: two classes of the top-5 change places
    only if they are as close.

    Args:
        first: Classification, localization, segmentation or detections.
        second: A prediction of the same kind.
        threshold: Confidence threshold: detections above it must be in the other prediction, too.
    """
    match first, second:
        case Classification(), Classification():
            return first.top(1)[0][0] == second.top(1)[0][0] and _close(first.probabilities, second.probabilities)
        case Localization(), Localization():
            if first.label != second.label or not _close(first.probabilities, second.probabilities):
                return False
            return first.box_xyxy is None or _close(first.box_xyxy, second.box_xyxy, BOX)
        case Segmentation(), Segmentation():
            return float((first.class_map != second.class_map).mean()) <= PIXELS
        case _:
            return _are_among(first, second, threshold) and _are_among(second, first, threshold)


def is_close(probabilities: np.ndarray) -> np.ndarray:
    """Return for which rows of probabilities (N, C) differences of up to `PROBABILITY` may change the top-1, (N,).

    It is True, too, for rows with NaN, as from logits beyond the range of float16.
    """
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    return ~(first - second > 2 * PROBABILITY)


def _are_among(found: sv.Detections, others: sv.Detections, threshold: float) -> bool:
    """Return whether each detection above the threshold is among the others, with its class, score, box and mask."""
    for box, mask, score, class_id in zip(*_columns(found), strict=True):
        if score < threshold:
            continue
        same = [
            other_class == class_id
            and abs(other_score - score) <= PROBABILITY
            and _close(other_box, box, BOX)
            and (mask is None or (other_mask != mask).sum() <= max(PIXELS * mask.sum(), SOME_PIXELS))
            for other_box, other_mask, other_score, other_class in zip(*_columns(others), strict=True)
        ]
        if not any(same):
            return False
    return True


def _columns(found: sv.Detections) -> tuple[Any, Any, Any, Any]:
    masks = [None] * len(found) if found.mask is None else found.mask
    return found.xyxy, masks, found.confidence, found.class_id


def _close(first: np.ndarray | None, second: np.ndarray | None, limit: float = PROBABILITY) -> bool:
    assert first is not None
    assert second is not None
    return bool((np.abs(first - second) <= limit).all())


def _predicted(model: Model, pixels: np.ndarray) -> Any:
    """Return a prediction, with the detections hardly below the threshold."""
    if model.spec.task in ("detection", "instance-segmentation"):
        return model.predict(pixels, confidence=max(0.0, model.spec.threshold - PROBABILITY))
    return model.predict(pixels)


def _first_faster(half: Half) -> int | None:
    """Return the smallest of `BATCHES` for which the last forward pass is faster in half precision."""
    if half.last_call is None:
        return None
    function, batch = half.last_call
    for count in BATCHES:
        if count > half.largest_batch:
            break
        photos = batch if count == 1 else np.repeat(batch[:1], count, axis=0)
        times: dict[int | None, list[float]] = {None: [], 1: []}
        for run in range(RUNS + 1):  # in turn, since other work may slow some runs down
            for half.from_batch, kept in times.items():
                milliseconds = _timed(half, function, photos)
                if run:  # the first one chooses algorithms
                    kept.append(milliseconds)
        if np.median(times[None]) >= GAIN * np.median(times[1]):
            return count
    return None


def _timed(half: Half, function: Callable[[Any], object], batch: Any) -> float:
    """Return the milliseconds of a forward pass until the GPU has finished."""
    start = time.perf_counter()
    half.run(function, batch)
    if half.device == "cuda":
        frameworks.torch().cuda.synchronize()
    return (time.perf_counter() - start) * 1000


def _in_float32(outputs: Any) -> Any:
    """Return nested outputs with floating-point tensors in float32."""
    torch = frameworks.torch()
    match outputs:
        case dict():
            return {name: _in_float32(value) for name, value in outputs.items()}
        case list() | tuple():
            return type(outputs)(_in_float32(value) for value in outputs)
        case torch.Tensor() if outputs.is_floating_point():
            return outputs.float()
    return outputs
