"""Semantic segmenters: a torch network that labels pixels in, a `Segmentation` out."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import frameworks, openvino_export
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.files.weights import find_weights
from cnn_demo.models.openvino_export import BackgroundOpenVinoExport
from cnn_demo.models.preprocessing import SCALINGS
from cnn_demo.models.segmentation import unets
from cnn_demo.models.segmentation.postprocessing import answers
from cnn_demo.models.segmentation.tiling import OVERLAP, TILE, Frame, tiles, weight_of
from cnn_demo.models.torch_weights import with_weights
from cnn_demo.results import Segmentation

if TYPE_CHECKING:
    import torch

MODES = {"whole": "In one pass", "tiled": "In tiles"}
SIDES = (256, 360, 512, 720, 960)  # of the photo's shorter side, to choose from
LONGEST = 4096  # pixels of a side of the input that anybody may ask for
TORCHVISION_STRIDE = 16  # of the coarsest feature maps of all its segmenters


class TorchLogits:
    """A network in torch, called in inference mode; it may have two answers, of which the one called "out" counts."""

    name = "torch"

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """From (1, 3, H, W) to logits (1, C, h, w)."""
        logits = self.network(batch)
        return logits["out"] if isinstance(logits, dict) else logits


class OpenVinoLogits:
    """The same network in OpenVINO, for the processor; not by several threads at once."""

    name = "OpenVINO"

    def __init__(self, path: Path) -> None:
        self._request = openvino_export.infer_request(openvino_export.read(path))

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """From (1, 3, H, W) to logits (1, C, h, w)."""
        answer = self._request.infer([batch.contiguous().numpy()])[0]
        return frameworks.torch().from_numpy(np.array(answer))  # a copy: the request uses its memory again


class SemanticSegmenter(BackgroundOpenVinoExport):
    """A network that labels every pixel; one for all visitors, who take turns by its lock.

    Attributes:
        spec: Its row.
        network: The torch module, in evaluation mode, from (1, 3, H, W) to logits (1, C, h, w).
        device: "cpu", "cuda" or "mps": where it runs.
        stride: Of which the sides of its input are multiples.
        sides: Image sizes to choose from, in pixels of the shorter side; any other is taken too.
        lock: Held while the network runs.
    """

    def __init__(self, spec: ModelSpec, network: torch.nn.Module, device: str, stride: int) -> None:
        self.spec = spec
        # Channels last in memory: convolutions on a processor then take two thirds of the time.
        self.network = network.eval().to(device, memory_format=frameworks.torch().channels_last)
        self._engine = TorchLogits(self.network)
        self.device = device
        self.stride = stride
        self.sides = tuple(sorted({*SIDES, spec.input_size[0]}))
        self.lock = threading.Lock()

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the network's order."""
        return self.spec.labels

    def frame(self, size: tuple[int, int], side: int | None = None) -> Frame:
        """Return where a photo of this (height, width) is in the input.

        Args:
            size: Of the photo.
            side: Pixels of its shorter side in the input; None for the size that the network was trained at, less
                where a long photo would not fit.

        Raises:
            ValueError: If the side is not positive, or the input would be longer than `LONGEST`.
        """
        if side is None:
            side = max(1, min(self.spec.input_size[0], LONGEST * min(size) // max(size)))
        frame = Frame.fit(size, side, self.stride)
        if max(frame.input) > LONGEST:
            raise ValueError(f"The input would have {max(frame.input):,} pixels a side: choose a smaller image size.")
        return frame

    def batch(self, seen: np.ndarray) -> torch.Tensor:
        """Return what the network takes, (1, 3, H, W) float32 on its device, of a picture (H, W, 3) uint8."""
        scaled = SCALINGS[self.spec.scaling].apply(seen)
        return frameworks.torch().from_numpy(scaled[None]).to(self.device).permute(0, 3, 1, 2)

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the network.

        Args:
            batch: (1, 3, H, W), both sides whole strides; the lock is held by the caller.

        Returns:
            Logits (C, H, W).
        """
        torch = frameworks.torch()
        with torch.inference_mode():
            logits = self._engine(batch)
            if logits.shape[2:] != batch.shape[2:]:
                logits = torch.nn.functional.interpolate(logits, batch.shape[2:], mode="bilinear", align_corners=False)
            return logits[0]

    def logits(self, seen: np.ndarray, mode: str = "whole", tile: int = TILE, overlap: float = OVERLAP) -> torch.Tensor:
        """Return the logits (C, H, W) of a picture whose sides are whole strides.

        Args:
            seen: (H, W, 3) uint8, as `Frame.apply` returns it.
            mode: "whole" for one pass, "tiled" for overlapping tiles, whose logits are blended.
            tile: Height and width of a tile, a multiple of the stride.
            overlap: Share of a tile that the next one sees too, from 0 to below 1.

        Raises:
            ValueError: If there is no such mode, tile or overlap.
        """
        if mode not in MODES:
            raise ValueError(f"There is no mode {mode!r}: choose one of {', '.join(MODES)}.")
        batch, size = self.batch(seen), seen.shape[:2]
        parts = tiles(size, tile, overlap, self.stride) if mode == "tiled" else ()
        if len(parts) < 2:
            with self.lock:
                return self.run(batch)
        torch = frameworks.torch()
        total = weights = None
        for part in parts:
            rows, columns = part.place
            with self.lock:  # a visitor with one small photo need not wait for all tiles of a large one
                logits = self.run(batch[:, :, rows, columns].contiguous(memory_format=torch.channels_last))
            weight = torch.from_numpy(weight_of(part, size)).to(logits.device)
            if total is None:
                total, weights = logits.new_zeros((len(logits), *size)), weight.new_zeros(size)
            total[:, rows, columns] += logits * weight
            weights[rows, columns] += weight
        return total.div_(weights)

    def predict(
        self,
        pixels: np.ndarray,
        mode: str = "whole",
        side: int | None = None,
        tile: int = TILE,
        overlap: float = OVERLAP,
        keep_probabilities: bool = False,
    ) -> Segmentation:
        """Label every pixel of a photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            mode: As for `logits`, like `tile` and `overlap`.
            side: As for `frame`; the shorter side of the photo itself leaves it as large as it is.
            tile: In pixels of the input.
            overlap: Share of a tile.
            keep_probabilities: Whether the answer holds the probabilities of all classes, in float16: 2.5 megabytes for
                each class of a photo of 1280 × 960.

        Raises:
            ValueError: If the pixels are of another shape or type, or `frame` or `logits` refuses a setting.
        """
        start = time.perf_counter()
        check_pixels(pixels)
        frame = self.frame(pixels.shape[:2], side)
        logits = self.logits(frame.apply(pixels), mode, tile, overlap)
        arrays = answers(logits, frame, keep_probabilities)
        milliseconds = (time.perf_counter() - start) * 1000
        return Segmentation(labels=self.labels, milliseconds=milliseconds, device=self.device, **arrays)


def build_smp(spec: ModelSpec) -> torch.nn.Module:
    """Build a network of segmentation-models-pytorch, with numbers drawn by chance; nothing is downloaded."""
    return unets.build(spec.builder, classes=len(spec.labels), **dict(spec.options)).eval()


def load_smp(spec: ModelSpec, device: str) -> SemanticSegmenter:
    """Load a network of segmentation-models-pytorch, bundled or published.

    A bundled one goes on in OpenVINO where there is no GPU; published ones, many of which are large, stay in torch.

    Raises:
        ModelUnavailable: If the weights are missing, or of another network.
        ValueError: If the device is not to be had.
    """
    where = frameworks.torch_device(device)
    network = with_weights(spec, build_smp)
    model = SemanticSegmenter(spec, network, where, int(network.encoder.output_stride))
    found = find_weights(spec.weights)
    if where == "cpu" and found.place == "bundled":
        model.export_in_background(lambda: _in_openvino(spec, found.path))
    return model


def _in_openvino(spec: ModelSpec, weights: Path) -> OpenVinoLogits:
    """Export a network of its own, while visitors run the one that was loaded; or read what was exported before."""
    path = openvino_export.exported_file(spec, weights, "segmentation-models-pytorch")
    if not path.is_file():
        openvino_export.write(openvino_export.converted(with_weights(spec, build_smp)), path)
    return OpenVinoLogits(path)


def build_torchvision(spec: ModelSpec) -> torch.nn.Module:
    """Build one of torchvision's segmenters, with numbers drawn by chance.

    FCN and DeepLabV3 were published with the second classifier that helped to train them.
    """
    builder = getattr(frameworks.torchvision().models.segmentation, spec.builder)
    second = {} if spec.builder.startswith("lraspp") else {"aux_loss": True}
    return builder(weights=None, weights_backbone=None, num_classes=len(spec.labels), **second).eval()


def load_torchvision_segmenter(spec: ModelSpec, device: str) -> SemanticSegmenter:
    """Load one of torchvision's segmenters.

    Raises:
        ModelUnavailable: If the weights are missing, or of another network.
        ValueError: If the device is not to be had.
    """
    where = frameworks.torch_device(device)
    network = with_weights(spec, build_torchvision)
    network.aux_classifier = None  # it is of no use any more
    return SemanticSegmenter(spec, network, where, TORCHVISION_STRIDE)
