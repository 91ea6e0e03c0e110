"""Mask R-CNN of torchvision: a detector with a mask head. YOLO's masks are in `yolo_masks.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.detection.candidates import Masks
from cnn_demo.models.detection.torchvision_detectors import TorchvisionDetector, build
from cnn_demo.models.torch_weights import with_weights

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.frameworks import TorchNetwork

AT_ONCE = 16  # masks per batch: each needs a float32 array of the photo's size
THRESHOLD = 0.5  # probability above which a pixel belongs to the object


class MaskRcnn(TorchvisionDetector):
    """Mask R-CNN (He et al. 2017, https://arxiv.org/abs/1703.06870); one instance serves all visitors.

    The mask head runs only for the boxes kept by post-processing: torchvision's own forward pass would predict a mask
    for each of thousands of candidates. The feature maps are kept with the candidates until then.
    """

    def __init__(self, spec: ModelSpec, network: TorchNetwork, device: str) -> None:
        super().__init__(spec, network, device)
        heads = self.network.roi_heads
        self._mask_stages = heads.mask_roi_pool, heads.mask_head, heads.mask_predictor
        heads.mask_roi_pool = None
        heads.mask_head = None
        heads.mask_predictor = None
        self._seen: tuple[dict[str, torch.Tensor], list[tuple[int, int]]] | None = None
        heads.register_forward_pre_hook(self._keep)

    def _keep(self, _module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        """Store the feature maps and the size of the resized image."""
        features, _proposals, sizes = given[:3]
        self._seen = features, sizes

    def _mask_maker(self, size: tuple[int, int]) -> Callable[[np.ndarray, np.ndarray], Masks]:
        if self._seen is None:
            raise RuntimeError("The network has not run.")
        features, sizes = self._seen
        self._seen = None
        return lambda boxes, labels: RegionMasks(self, features, sizes, size, boxes, labels)

    def mask_probabilities(
        self, features: dict[str, torch.Tensor], sizes: list[tuple[int, int]], boxes: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Run the mask head.

        Args:
            features: The feature pyramid of one image.
            sizes: List with the (height, width) of that image.
            boxes: (K, 4) boxes in pixels of that image.
            labels: (K,) torchvision class indices.

        Returns:
            (K, 1, 28, 28) mask probabilities within the boxes.
        """
        pool, head, predictor = self._mask_stages
        with self.lock, self.half.context():
            logits = predictor(head(pool(features, [boxes], sizes))).float()  # (K, classes, 28, 28)
        indices = frameworks.torch().arange(len(labels), device=labels.device)
        return logits[indices, labels][:, None].sigmoid()  # (K, 28, 28) -> (K, 1, 28, 28)


@dataclass(frozen=True, eq=False)
class RegionMasks:
    """Inputs of the mask head for the candidates of one photo; calling it with indices computes their masks.

    Attributes:
        model: The model whose mask head is run.
        features: The feature pyramid.
        sizes: List with the (height, width) of the image that the feature pyramid was computed on.
        photo: (height, width) of the photo.
        boxes_xyxy: (N, 4) float32, boxes in pixels of the photo.
        labels: (N,) torchvision class indices.
    """

    model: MaskRcnn = field(repr=False)
    features: dict[str, torch.Tensor] = field(repr=False)
    sizes: list[tuple[int, int]]
    photo: tuple[int, int]
    boxes_xyxy: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)

    def __call__(self, indices: np.ndarray) -> np.ndarray:
        """Return the masks of these candidates, (K, H, W) bool at the photo's size."""
        torch = frameworks.torch()
        paste = frameworks.torchvision().models.detection.roi_heads.paste_masks_in_image
        height, width = self.photo
        rows, columns = self.sizes[0]
        masks = np.zeros((len(indices), height, width), bool)
        scale = torch.tensor([columns / width, rows / height] * 2)
        for start in range(0, len(indices), AT_ONCE):
            some = indices[start : start + AT_ONCE]
            boxes = torch.from_numpy(np.ascontiguousarray(self.boxes_xyxy[some], np.float32))
            labels = torch.from_numpy(np.ascontiguousarray(self.labels[some]))
            with torch.inference_mode():
                where = (boxes * scale).to(self.model.device)
                probable = self.model.mask_probabilities(self.features, self.sizes, where, labels.to(where.device))
                masks[start : start + AT_ONCE] = paste(probable.cpu(), boxes, self.photo)[:, 0].numpy() > THRESHOLD
        return masks


def load_mask_rcnn(spec: ModelSpec, device: str) -> MaskRcnn:
    """Load a torchvision Mask R-CNN with locally available weights; nothing is downloaded.

    Raises:
        ModelUnavailable: If the weights are missing or do not fit the network.
        ValueError: If the device is not available.
    """
    where = frameworks.torch_device(device)
    return MaskRcnn(spec, with_weights(spec, build), where)
