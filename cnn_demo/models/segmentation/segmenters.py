"""Semantic segmentation models in torch, with predictions as `Segmentation`."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import frameworks, gpu_memory, openvino_export
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.detection.yolo_detector import read_network
from cnn_demo.models.model import SettingError
from cnn_demo.models.openvino_export import BackgroundOpenVinoExport
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.segmentation import unets
from cnn_demo.models.segmentation.engines import Array, Engine, OpenVinoLogits, TorchLogits
from cnn_demo.models.segmentation.postprocessing import postprocess
from cnn_demo.models.segmentation.tiling import OVERLAP, TILE, Frame, weight_of
from cnn_demo.models.tiling import tiles
from cnn_demo.models.torch_weights import with_weights
from cnn_demo.results import Segmentation

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.frameworks import TorchNetwork
    from cnn_demo.models.half_precision import Half

MODES = {"whole": "In one pass", "tiled": "In tiles"}
SIDES = (256, 360, 512, 720, 960)  # selectable image sizes (shorter side)
LONGEST = 4096  # maximum side of the input, in pixels
TORCHVISION_STRIDE = 16  # output stride of all torchvision segmenters


class PhotoTooLong(ValueError):
    """A photo is too narrow for an image size: its longer side would exceed `LONGEST` in the input."""


class SemanticSegmenter(BackgroundOpenVinoExport[Engine]):
    """A semantic segmentation model; one instance serves all visitors, serialized by its lock.

    Attributes:
        spec: Its registry entry.
        network: The torch module in evaluation mode, from (1, 3, H, W) to logits (1, C, h, w). If OpenVINO predicts, it
            is loaded when it is first asked for.
        device: Device it runs on: "cpu", "cuda" or "mps".
        stride: Output stride; both sides of the input are multiples of it.
        sides: Image sizes to choose from, in pixels of the shorter side; other sizes work too.
        lock: Held while the network runs.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: TorchNetwork | None,
        device: str,
        stride: int,
        engine: OpenVinoLogits | None = None,
    ) -> None:
        self.spec = spec
        self.device = device
        self.stride = stride
        self.sides = tuple(sorted({*SIDES, spec.input_size[0]}))
        self.lock = threading.Lock()
        self._loading = threading.Lock()
        self._network = None if network is None else self._placed(network)
        self._engine = engine or TorchLogits(self.network, device)

    @property
    def engine(self) -> str:
        """Name of the engine that predicts, as in `Segmentation`."""
        engine = self._engine  # read once: a background export may replace it meanwhile
        half: Half | None = getattr(engine, "half", None)
        return half.engine(engine.name) if half else engine.name

    def _placed(self, network: TorchNetwork) -> TorchNetwork:
        # channels_last memory format: convolutions on a CPU take two thirds of the time.
        return network.eval().requires_grad_(False).to(self.device, memory_format=frameworks.torch().channels_last)

    @property
    def network(self) -> TorchNetwork:
        """The torch module, for feature maps, ablations and gradients.

        Raises:
            ModelUnavailable: If the weights are missing or broken.
        """
        with self._loading:
            if self._network is None:
                with frameworks.torch().inference_mode(False):  # its caller's: such weights would have no gradients
                    self._network = self._placed(with_weights(self.spec, build_smp))
            return self._network

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in the network's order."""
        return self.spec.labels

    def frame(self, size: tuple[int, int], side: int | None = None) -> Frame:
        """Return the position of a photo in the network's input.

        Args:
            size: (height, width) of the photo.
            side: Image size: the shorter side of the photo in the input; None for the training size, or less if the
                input would exceed `LONGEST`.

        Raises:
            PhotoTooLong: If the input would exceed `LONGEST`.
            ValueError: If the size is not positive.
        """
        if side is None:
            side = max(1, min(self.spec.input_size[0], LONGEST * min(size) // max(size)))
        frame = Frame.fit(size, side, self.stride)
        if max(frame.input) > LONGEST:
            raise PhotoTooLong(f"The input would have {max(frame.input):,} pixels a side: choose a smaller image size.")
        return frame

    def batch(self, seen: np.ndarray) -> torch.Tensor:
        """Return the normalized input, (1, 3, H, W) float32 on the network's device, for an image (H, W, 3) uint8."""
        return frameworks.torch().from_numpy(self._scaled(seen)).to(self.device)

    def _scaled(self, seen: np.ndarray) -> np.ndarray:
        return SCALINGS[self.spec.scaling].apply(seen)[None].transpose(0, 3, 1, 2)

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the network.

        Args:
            batch: (1, 3, H, W), both sides multiples of the stride; the caller holds the lock.

        Returns:
            Logits (C, H, W).
        """
        engine = self._engine
        if isinstance(engine, OpenVinoLogits):
            return frameworks.torch().from_numpy(engine(batch.numpy()))
        return engine(batch)

    def logits(self, seen: np.ndarray, mode: str = "whole", tile: int = TILE, overlap: float = OVERLAP) -> Array:
        """Return the logits (C, H, W) of an image whose sides are multiples of the stride.

        Args:
            seen: (H, W, 3) uint8, as returned by `Frame.apply`.
            mode: "whole" for one pass, "tiled" for overlapping tiles with blended logits.
            tile: Height and width of a tile, a multiple of the stride.
            overlap: Overlap of neighbouring tiles as a fraction of a tile, from 0 to below 1.

        Returns:
            An array if OpenVINO ran the network, else a tensor.

        Raises:
            ValueError: If the mode does not exist, or the tile size or overlap is out of range.
        """
        if mode not in MODES:
            raise SettingError(f"There is no mode {mode!r}: choose one of {', '.join(MODES)}.")
        engine: Engine = self._engine  # an export that ends now replaces it for the next photo
        batch = engine.array(self._scaled(seen))
        size = seen.shape[:2]
        parts = tiles(size, tile, overlap, self.stride) if mode == "tiled" else ()
        if len(parts) < 2:
            with self.lock:
                return engine(batch)
        total = engine.array(np.zeros((len(self.labels), *size), np.float32))
        weights = engine.array(np.zeros(size, np.float32))
        for part in parts:
            rows, columns = part.slices
            with self.lock:  # released between tiles, so that small photos need not wait for large ones
                logits = engine(batch[:, :, rows, columns])
            weight = engine.array(weight_of(part, size))
            total[:, rows, columns] += logits * weight
            weights[rows, columns] += weight
        total /= weights
        return total

    @gpu_memory.or_on_cpu
    def predict(
        self,
        pixels: np.ndarray,
        mode: str = "whole",
        side: int | None = None,
        tile: int = TILE,
        overlap: float = OVERLAP,
        keep_probabilities: bool = False,
    ) -> Segmentation:
        """Predict the class of every pixel of a photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            mode: "whole" for one pass, "tiled" for overlapping tiles.
            side: Image size, as in `frame`; the photo's own shorter side keeps its resolution.
            tile: Height and width of a tile, in pixels of the input.
            overlap: Overlap of neighbouring tiles as a fraction of a tile.
            keep_probabilities: Whether to return the probabilities of all classes, in float16: 2.5 megabytes per class
                for a photo of 1280 × 960.

        Raises:
            ValueError: If the pixels have another shape or dtype, or a setting is out of range.
        """
        start = time.perf_counter()
        check_pixels(pixels)
        frame = self.frame(pixels.shape[:2], side)
        logits = self.logits(frame.apply(pixels), mode, tile, overlap)
        arrays = postprocess(logits, frame, keep_probabilities)
        milliseconds = (time.perf_counter() - start) * 1000
        return Segmentation(
            labels=self.labels, milliseconds=milliseconds, device=self.device, engine=self.engine, **arrays
        )


def build_smp(spec: ModelSpec) -> TorchNetwork:
    """Build a network of segmentation-models-pytorch with random weights; nothing is downloaded."""
    options: dict[str, Any] = dict(spec.options)
    return unets.build(spec.builder, classes=len(spec.labels), **options).eval()


def build_torchvision(spec: ModelSpec) -> TorchNetwork:
    """Build a torchvision segmentation model with random weights.

    The published weights of FCN and DeepLabV3 include the auxiliary classifier used in training.
    """
    builder = getattr(frameworks.torchvision().models.segmentation, spec.builder)
    second = {} if spec.builder.startswith("lraspp") else {"aux_loss": True}
    return builder(weights=None, weights_backbone=None, num_classes=len(spec.labels), **second).eval()


def load_torch_segmenter(spec: ModelSpec, device: str) -> SemanticSegmenter:
    """Load a semantic segmentation model with locally available weights; nothing is downloaded.

    On the CPU, bundled networks switch to OpenVINO; published ones, many of them large, stay in torch.

    Raises:
        ModelUnavailable: If the weights are missing or do not fit the network.
        ValueError: If the device is not available.
    """
    where = frameworks.torch_device(device)
    match spec.family:
        case "smp":
            return _load_smp(spec, where)
        case "torchvision_segmenter":
            network = with_weights(spec, build_torchvision)
            network.aux_classifier = None  # only used in training
            return SemanticSegmenter(spec, network, where, TORCHVISION_STRIDE)
        case "yolo_semantic":
            network = read_network(spec.weights_file().path, spec)
            return SemanticSegmenter(spec, network, where, int(network.stride.max()))
    raise ValueError(f"No segmenter is of the family {spec.family!r}.")


def _load_smp(spec: ModelSpec, device: str) -> SemanticSegmenter:
    found = spec.weights_file()
    if device == "cpu" and found.source == "bundled":
        engine = openvino_export.existing(openvino_file(spec, found.path), OpenVinoLogits)
        if engine is not None:
            return SemanticSegmenter(spec, None, device, 2**unets.STEPS, engine)
    network = with_weights(spec, build_smp)
    model = SemanticSegmenter(spec, network, device, int(network.encoder.output_stride))
    if device == "cpu" and found.source == "bundled":
        model.export_in_background(lambda: in_openvino(spec, found.path))
    return model


def openvino_file(spec: ModelSpec, weights: Path) -> Path:
    """Return the path of the OpenVINO export of these weights, whether or not it exists."""
    installed = frameworks.version("segmentation-models-pytorch")
    library = f"segmentation-models-pytorch{installed or frameworks.segmentation_models_pytorch().__version__}"
    return openvino_export.exported_file(spec, weights, library)


def in_openvino(spec: ModelSpec, weights: Path) -> OpenVinoLogits:
    """Export a bundled U-Net to OpenVINO, a copy of its own, while another one may serve visitors.

    Raises:
        ModelUnavailable: If the weights are broken.
        OSError: If the files cannot be written.
    """
    path = openvino_file(spec, weights)
    openvino_export.write(openvino_export.converted(with_weights(spec, build_smp)), path)
    return OpenVinoLogits(path)
