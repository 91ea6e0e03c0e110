"""Ultralytics YOLO models for detection and instance segmentation, with predictions as `supervision.Detections`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import frameworks, gpu_memory, openvino_export
from cnn_demo.models.batching import Batcher
from cnn_demo.models.catalogue.specs import ModelSpec, ModelUnavailable, unreadable_weights
from cnn_demo.models.detection.candidates import Candidates, Grid
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.detection.everyday_network import EVERYDAY, EVERYDAY_MASKS, everyday_detector
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.detection.yolo_engines import (
    Engine,
    OpenVinoEngine,
    TorchEngine,
    export_to_openvino,
    openvino_file,
    with_raw_outputs,
)
from cnn_demo.models.detection.yolo_masks import PrototypeMasks
from cnn_demo.models.openvino_export import BackgroundOpenVinoExport

if TYPE_CHECKING:
    from cnn_demo.models.frameworks import TorchNetwork

SIDES = (320, 480, 640, 960, 1280)  # image sizes to choose from
_ULTRALYTICS_TASKS = {
    "detection": "detect",
    "instance-segmentation": "segment",
    "semantic-segmentation": "semantic",
}
MIN_SCORE = 0.001  # minimum score of a candidate, as in Ultralytics' validation


@dataclass(frozen=True, eq=False)
class RawOutputs:
    """Raw outputs of the network for one photo, one row for each of N cells.

    Attributes:
        boxes_xyxy: (N, 4) float32, corners in pixels of the photo; they may extend beyond it.
        scores: (N, C) float32, class scores, each an independent sigmoid from 0 to 1: they do not sum to 1.
        grids: Grids from the finest to the coarsest; cells follow in that order, row by row.
        frame: Position of the photo in the input.
        milliseconds: Inference time.
        engine: Name of the inference engine.
        coefficients: (N, K) float32, mask coefficients of each cell; None if the network predicts no masks.
        prototypes: (K, h, w) float32, mask prototypes at a quarter of the input's resolution; None without masks.
    """

    boxes_xyxy: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    grids: tuple[Grid, ...]
    frame: Letterbox
    milliseconds: float
    engine: str
    coefficients: np.ndarray | None = field(default=None, repr=False)
    prototypes: np.ndarray | None = field(default=None, repr=False)


class YoloDetector(BackgroundOpenVinoExport[Engine], Detector):
    """A YOLO detector; one instance serves all visitors, serialized by its lock.

    Attributes:
        spec: Its registry entry.
        strides: Strides of the grids in pixels of the input, the finest first.
        device: Device it runs on: "cpu", "cuda" or "mps".
        needs_nms: Whether its boxes need NMS.
        lock: Held while the network runs.
    """

    def __init__(self, spec: ModelSpec, engine: Engine, device: str) -> None:
        self.spec = spec
        self.device = device
        self.strides = engine.strides
        self.needs_nms = engine.needs_nms
        self.lock = threading.Lock()
        self._engine = engine
        self._torch_network: TorchNetwork | None = None
        self._batcher = None if device == "cpu" else Batcher(self._run_batch)

    def _run(self, pictures: np.ndarray) -> tuple[tuple[np.ndarray, ...], str]:
        """Return the outputs for pictures (N, 3, H, W), and the name of the engine that computed them."""
        with self.lock:
            name = self._engine.name
            return self._engine(pictures), self.half.engine(name, len(pictures)) if self.half else name

    def _run_batch(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs for pictures (N, 3, H, W), and the name of the engine for each."""
        outputs, engine = self._run(pictures)
        return (*outputs, np.full(len(pictures), engine))

    def _infer(self, picture: np.ndarray) -> tuple[tuple[np.ndarray, ...], str]:
        """Run the network on a picture (1, 3, H, W), on a GPU together with those of other visitors."""
        if self._batcher is None:
            return self._run(picture)
        *outputs, engines = self._batcher(picture)
        return tuple(outputs), str(engines[0])

    def torch_network(self) -> TorchNetwork:
        """Return the network of `yolo_engines.with_raw_outputs` in torch, for gradients: OpenVINO computes none.

        It is loaded at the first call, unless torch runs the predictions too, and kept. Hold the lock while it runs.

        Raises:
            ModelUnavailable: If the weights are missing or broken.
        """
        with self.lock:
            if self._torch_network is None:
                network = self._engine.network if isinstance(self._engine, TorchEngine) else self._read_again()
                self._torch_network = network.requires_grad_(False)
            return self._torch_network

    def _read_again(self) -> TorchNetwork:
        return with_raw_outputs(read_network(self.spec.weights_file().path, self.spec)).to(self.device)

    @property
    def sides(self) -> tuple[int, ...]:
        """Image sizes to choose from, in pixels of the longer side; the size it was trained with is one of them."""
        return tuple(sorted({side for side in SIDES if side % max(self.strides) == 0} | {self.spec.input_size[0]}))

    def raw(self, pixels: np.ndarray, side: int | None = None) -> RawOutputs:
        """Run the network on a photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            side: Image size: the photo is resized to fit a square of this side; None for the network's own size.

        Raises:
            ValueError: If the pixels have another shape or dtype, or the size is not a multiple of the coarsest stride.
        """
        start = time.perf_counter()
        check_pixels(pixels)
        frame = Letterbox.fit(pixels.shape[:2], side or self.spec.input_size[0], max(self.strides))
        picture = np.ascontiguousarray(frame.apply(pixels).transpose(2, 0, 1)[None], np.float32) / 255
        (distances, scores, *masks), engine = self._infer(picture)  # (1, 4, N), (1, classes, N)
        height, width = frame.input
        grids = tuple(Grid(stride, height // stride, width // stride) for stride in self.strides)
        boxes = frame.to_photo(decode(distances[0].T, grids))
        milliseconds = (time.perf_counter() - start) * 1000
        coefficients, prototypes = (masks[0][0].T, masks[1][0]) if masks else (None, None)
        return RawOutputs(boxes, scores[0].T, grids, frame, milliseconds, engine, coefficients, prototypes)

    @gpu_memory.or_on_cpu
    def candidates(self, pixels: np.ndarray, side: int | None = None, *, several_classes: bool = False) -> Candidates:
        """Return all candidate boxes of the network for a photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            side: Image size, as in `raw`.
            several_classes: Whether to return one candidate for every class of a cell with a score above `MIN_SCORE`,
                as in validation, instead of one candidate per cell with its most likely class.

        Raises:
            ValueError: As `raw` does.
        """
        raw = self.raw(pixels, side)
        if several_classes or not self.needs_nms:
            cells, class_ids = np.nonzero(raw.scores > MIN_SCORE)
        else:
            class_ids = raw.scores.argmax(1)
            cells = np.flatnonzero(raw.scores[np.arange(len(class_ids)), class_ids] > MIN_SCORE)
            class_ids = class_ids[cells]
        boxes = raw.boxes_xyxy[cells]
        masks = None
        if raw.prototypes is not None and raw.coefficients is not None:
            masks = PrototypeMasks(raw.prototypes, raw.coefficients[cells], boxes, raw.frame)
        return Candidates(
            size=pixels.shape[:2],
            boxes_xyxy=boxes,
            scores=raw.scores[cells, class_ids],
            class_ids=class_ids.astype(np.int64),
            labels=self.spec.labels,
            needs_nms=self.needs_nms,
            cells=cell_indices(raw.grids)[cells],
            grids=raw.grids,
            frame=raw.frame,
            masks=masks,
            milliseconds=raw.milliseconds,
            device=self.device,
            engine=raw.engine,
        )


def decode(distances: np.ndarray, grids: tuple[Grid, ...]) -> np.ndarray:
    """Decode side distances (left, top, right, bottom) into box corners.

    Distances are measured from the centre of the cell, in cells, as in FCOS (Tian et al. 2019,
    https://arxiv.org/abs/1904.01355).

    Args:
        distances: (N, 4) distances, cells in the grids' order, row by row.
        grids: Grids with N cells in total.

    Returns:
        (N, 4) float32: corners in pixels of the network's input.
    """
    indices = cell_indices(grids)
    strides = np.array([grid.stride for grid in grids], np.float32)[indices[:, 0], None]  # (N, 1)
    middles = (indices[:, [2, 1]] + 0.5).astype(np.float32)  # column, row
    return np.concatenate([middles - distances[:, :2], middles + distances[:, 2:]], axis=1) * strides


def cell_indices(grids: tuple[Grid, ...]) -> np.ndarray:
    """Return the grid index, row and column of each cell, (N, 3) int64, in the network's order."""
    indices = []
    for level, grid in enumerate(grids):
        rows, columns = np.indices((grid.rows, grid.columns)).reshape(2, -1)  # each (rows·columns,)
        indices.append(np.stack([np.full(rows.shape, level), rows, columns], axis=1))
    return np.concatenate(indices).astype(np.int64)


def read_network(path: Path, spec: ModelSpec) -> TorchNetwork:
    """Load an Ultralytics model for detection or for instance or semantic segmentation.

    It is safe: only tensors and allowed classes are unpickled.

    Raises:
        ModelUnavailable: If the file is broken or belongs to a network with other classes.
    """
    ultralytics = frameworks.ultralytics()
    try:
        with frameworks.keep_torch_threads():
            if path.suffix == ".safetensors":
                model = _own_network(path, spec)
            else:
                model = ultralytics.YOLO(str(path), task=_ULTRALYTICS_TASKS[spec.task]).model
            model = model.float().eval()
            names = tuple(model.names[i] for i in range(len(model.names)))
            if hasattr(model.model[-1], "one2one_cv2"):
                model.model[-1].end2end = True  # keep the NMS-free one-to-one head
            model.fuse(verbose=False)
    except MemoryError:
        raise
    except Exception as error:  # whatever unpickling finds in a damaged file
        raise unreadable_weights(spec) from error
    if names != spec.labels:
        raise ModelUnavailable(f"The file {path.name} holds a network with other classes than “{spec.title}”.")
    return model


def _own_network(path: Path, spec: ModelSpec) -> TorchNetwork:
    """Build the architecture for the classes of this spec and load its safetensors weights."""
    from safetensors.torch import load_file
    from ultralytics.nn.tasks import DetectionModel, SegmentationModel

    if spec.builder in (EVERYDAY, EVERYDAY_MASKS):
        model = everyday_detector(spec.labels, with_masks=spec.builder == EVERYDAY_MASKS)
    else:
        architecture: Callable[..., TorchNetwork] = (
            SegmentationModel if spec.task == "instance-segmentation" else DetectionModel
        )
        model = architecture(spec.builder, nc=len(spec.labels), verbose=False)
    model.load_state_dict(load_file(path))
    model.names = dict(enumerate(spec.labels))
    return model


def load_yolo(spec: ModelSpec, device: str) -> YoloDetector:
    """Load a YOLO detector: with OpenVINO if an export exists and it runs on the CPU, otherwise with torch.

    Raises:
        ModelUnavailable: If the weights are missing or broken.
        ValueError: If the device is not available.
    """
    found = spec.weights_file()
    if frameworks.device(device) == "cpu":
        exported = openvino_file(spec, found.path)
        engine = openvino_export.existing(exported, OpenVinoEngine)
        if engine is not None:
            return YoloDetector(spec, engine, "cpu")
        detector = YoloDetector(spec, TorchEngine(with_raw_outputs(read_network(found.path, spec)), "cpu"), "cpu")
        detector.export_in_background(lambda: _exported(found.path, spec, exported))
        return detector
    where = frameworks.torch_device(device)
    return YoloDetector(spec, TorchEngine(with_raw_outputs(read_network(found.path, spec)), where), where)


def _exported(weights: Path, spec: ModelSpec, path: Path) -> OpenVinoEngine:
    export_to_openvino(with_raw_outputs(read_network(weights, spec)), path)
    return OpenVinoEngine(path)
