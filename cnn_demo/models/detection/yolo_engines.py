"""Inference engines of the YOLO networks: torch, and OpenVINO, which is several times faster on the CPU.

Both return the same raw outputs: for every cell the distances to the four sides of its box and a score for each class,
and for segmentation models the mask coefficients and prototypes. Boxes are decoded in `yolo_detector.py`, masks in
`yolo_masks.py`, so that a page can show each step.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cnn_demo.models import frameworks, openvino_export
from cnn_demo.models.batching import MAX_BATCH
from cnn_demo.models.half_precision import Half

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.catalogue.specs import ModelSpec
    from cnn_demo.models.frameworks import TorchNetwork

_STRIDES, _OVERLAPPING = ["cnn_demo", "strides"], ["cnn_demo", "overlapping"]  # keys in OpenVINO's rt_info


class Engine(Protocol):
    """Interface of an inference engine for one network; not thread-safe.

    Attributes:
        name: "torch" or "OpenVINO".
        strides: Strides of the grids in pixels of the input, the finest first.
        needs_nms: Whether several boxes may belong to one object, so that NMS is needed.
    """

    @property
    def name(self) -> str:
        """Name of the engine."""
        ...

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the grids."""
        ...

    @property
    def needs_nms(self) -> bool:
        """Whether NMS is needed."""
        ...

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """Map pixels (1, 3, H, W) float32, 0 to 1, to distances (1, 4, N) in cells and scores (1, C, N), 0 to 1.

        A segmentation model adds mask coefficients (1, K, N) and K prototypes (1, K, H / 4, W / 4).
        """
        ...


class TorchEngine:
    """Inference with torch."""

    name = "torch"

    def __init__(self, network: TorchNetwork, device: str) -> None:
        self.network = network.to(device)
        self.device = device
        self.half = Half(device, MAX_BATCH)
        self.strides: tuple[int, ...] = network.strides
        self.needs_nms: bool = network.needs_nms

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network; see `Engine`."""
        return self.half.run(self._run, pictures)

    def _run(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        torch = frameworks.torch()
        with torch.inference_mode():
            outputs = self.network(torch.from_numpy(pictures).to(self.device))
        return tuple(output.float().cpu().numpy() for output in outputs)


class OpenVinoEngine:
    """Inference with OpenVINO on the CPU, in float32."""

    name = "OpenVINO"

    def __init__(self, path: Path) -> None:
        model = openvino_export.read(path)
        self.strides = tuple(int(stride) for stride in model.get_rt_info(_STRIDES).astype(str).split())
        self.needs_nms = model.get_rt_info(_OVERLAPPING).astype(str) == "yes"
        self._compiled = openvino_export.Compiled(model)

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network; see `Engine`."""
        return self._compiled(pictures)


def with_raw_outputs(model: TorchNetwork) -> TorchNetwork:
    """Wrap an Ultralytics detection or segmentation model so that it returns the raw outputs described in `Engine`.

    The head then skips its own decoding. An end-to-end model (YOLOv10, YOLO26) has two heads; after `fuse` only the
    one-to-one head, which predicts one box per object, is left.
    """
    autocast = frameworks.torch().autocast
    from torch import nn
    from ultralytics.nn.modules.block import Proto

    head = model.model[-1]
    branch = head.one2one if head.end2end else head.one2many
    masks = hasattr(head, "proto")
    # The prototypes of YOLO26 and of the bundled network use several feature maps, the others' only the finest one.
    of_all_maps = masks and (type(head.proto) is not Proto)

    def forward(maps: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        raw = head.forward_head(maps, **branch)
        if masks:
            raw["prototypes"] = head.proto(maps if of_all_maps else maps[0])
        return raw

    head.forward = forward

    class RawOutputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.strides = tuple(int(stride) for stride in head.stride)
            self.needs_nms = not head.end2end

        def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
            raw = self.model(pictures)
            # In float32 also under autocast: float16 would round distances of 8 cells and more to 1/128 of a cell.
            with autocast(pictures.device.type, enabled=False):
                distances = head.dfl(raw["boxes"].float())
                scores = raw["scores"].float().sigmoid()
            return (distances, scores, raw["mask_coefficient"], raw["prototypes"]) if masks else (distances, scores)

    return RawOutputs().eval()


def openvino_file(spec: ModelSpec, weights: Path) -> Path:
    """Return the path of the OpenVINO export of these weights, whether or not it exists."""
    installed = frameworks.version("ultralytics-opencv-headless", "ultralytics")  # its import would load torch
    version = installed or frameworks.ultralytics().__version__
    return openvino_export.exported_file(spec, weights, f"ultralytics{version}")


def export_to_openvino(network: TorchNetwork, path: Path) -> None:
    """Export a network of `with_raw_outputs` to OpenVINO with dynamic input size; the files are written atomically.

    Raises:
        OSError: If the files cannot be written.
    """
    model = openvino_export.converted(network)
    model.set_rt_info(" ".join(str(stride) for stride in network.strides), _STRIDES)
    model.set_rt_info("yes" if network.needs_nms else "no", _OVERLAPPING)
    openvino_export.write(model, path)
