"""What runs a YOLO network: torch, or, on a processor without GPU, OpenVINO, which is several times as fast there.

Both answer the same: for every cell of the grids how far the four sides of its box are, and a score for each class;
where the network has masks, also what they are mixed of. The boxes themselves are worked out in `detectors.py`, the
masks in `prototype_masks.py`, so that a page can show where they come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cnn_demo.models import frameworks, openvino_export

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.catalogue.specs import ModelSpec

_STRIDES, _OVERLAPPING = ["cnn_demo", "strides"], ["cnn_demo", "overlapping"]  # where they stand in OpenVINO's file


class Engine(Protocol):
    """Runs one network; not by several threads at once.

    Attributes:
        name: "torch" or "OpenVINO".
        strides: Pixels of the input for each cell, of the finest grid first.
        overlapping: Whether several boxes may be for one object, so that NMS is needed.
    """

    name: str
    strides: tuple[int, ...]
    needs_nms: bool

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """From (1, 3, H, W) float32, 0 to 1, to distances (1, 4, N) in cells and scores (1, C, N) from 0 to 1.

        A network with masks adds each cell's coefficients (1, K, N) and K prototypes (1, K, H / 4, W / 4).
        """
        ...


class TorchEngine:
    """The network as it was trained, in torch."""

    name = "torch"

    def __init__(self, network: torch.nn.Module, device: str) -> None:
        self.network = network.to(device)
        self.device = device
        self.strides, self.needs_nms = network.strides, network.needs_nms

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """As `Engine` says."""
        torch = frameworks.torch()
        with torch.inference_mode():
            outputs = self.network(torch.from_numpy(pictures).to(self.device))
        return tuple(output.float().cpu().numpy() for output in outputs)


class OpenVinoEngine:
    """The same network in OpenVINO, in full precision, for the processor."""

    name = "OpenVINO"

    def __init__(self, path: Path) -> None:
        model = openvino_export.read(path)
        self._count = len(model.outputs)
        self.strides = tuple(int(stride) for stride in model.get_rt_info(_STRIDES).astype(str).split())
        self.needs_nms = model.get_rt_info(_OVERLAPPING).astype(str) == "yes"
        self._request = openvino_export.infer_request(model)

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """As `Engine` says."""
        outputs = self._request.infer([pictures])
        return tuple(np.array(outputs[i]) for i in range(self._count))  # copies: the request uses its memory again


def with_raw_outputs(model: torch.nn.Module) -> torch.nn.Module:
    """Wrap an Ultralytics detection or segmentation model so that it answers what `Engine` says.

    Its head then hands out its raw outputs and leaves the decoding to us. An end-to-end model (YOLOv10, YOLO26) has two
    heads; `fuse` has left it the one that gives each object one box.
    """
    torch = frameworks.torch()
    head = model.model[-1]
    branch = head.one2one if head.end2end else head.one2many
    masks = hasattr(head, "proto")
    of_all_maps = hasattr(getattr(head, "proto", None), "feat_refine")  # YOLO26; others read the finest map alone

    def forward(maps):
        raw = head.forward_head(maps, **branch)
        if masks:
            raw["prototypes"] = head.proto(maps if of_all_maps else maps[0])
        return raw

    head.forward = forward

    class Headless(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.strides = tuple(int(stride) for stride in head.stride)
            self.needs_nms = not head.end2end

        def forward(self, pictures):
            raw = self.model(pictures)
            answer = head.dfl(raw["boxes"]), raw["scores"].sigmoid()
            return (*answer, raw["mask_coefficient"], raw["prototypes"]) if masks else answer

    return Headless().eval()


def openvino_file(spec: ModelSpec, weights: Path) -> Path:
    """Return where the OpenVINO version of these weights is kept, whether or not it is there yet."""
    return openvino_export.exported_file(spec, weights, "ultralytics")


def export_to_openvino(network: torch.nn.Module, path: Path) -> None:
    """Write a network of `with_raw_outputs` as OpenVINO's two files, for pictures of any size; never half of them.

    Raises:
        OSError: If they cannot be written.
    """
    model = openvino_export.converted(network)
    model.set_rt_info(" ".join(str(stride) for stride in network.strides), _STRIDES)
    model.set_rt_info("yes" if network.needs_nms else "no", _OVERLAPPING)
    openvino_export.write(model, path)
