"""torchvision's detectors (Faster R-CNN, SSD, RetinaNet, FCOS), with predictions as `supervision.Detections`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.models import frameworks, gpu_memory
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.detection.candidates import Candidates, Masks
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.half_precision import Half
from cnn_demo.models.model import SettingError
from cnn_demo.models.torch_weights import with_weights

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.frameworks import TorchNetwork

MIN_SCORE = 0.05  # minimum score of a candidate, torchvision's default for Faster R-CNN and RetinaNet
CLASSES = 91  # background, COCO's 80 classes and its 10 unused class ids
# Builders whose COCO_V1 weights were trained with a batch-normalization epsilon of 0:
NO_EPSILON = ("fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "retinanet_resnet50_fpn")
SIDES = (320, 480, 640, 800)  # of the photo's shorter side, for networks without a fixed input size


class TorchvisionDetector(Detector):
    """A torchvision detector; one instance serves all visitors, serialized by its lock.

    Attributes:
        spec: Its registry entry.
        network: The torch module in evaluation mode. Its own NMS and limits are disabled; `candidates.select` is used.
        device: Device it runs on: "cpu", "cuda" or "mps".
        needs_nms: Always True.
        lock: Held while the network runs.
        half: Switch to half precision.
    """

    needs_nms = True

    def __init__(self, spec: ModelSpec, network: TorchNetwork, device: str) -> None:
        self.spec = spec
        self.device = device
        self.lock = threading.Lock()
        self.half = Half(device)
        self.network = network.eval().requires_grad_(False).to(device)
        categories = _categories()
        self._to_label = np.array([spec.labels.index(name) if name in spec.labels else -1 for name in categories])
        post_processing = network.roi_heads if hasattr(network, "roi_heads") else network
        post_processing.score_thresh = MIN_SCORE
        post_processing.nms_thresh = 1.0
        post_processing.detections_per_img = 1_000_000
        self._proposals: tuple[torch.Tensor, torch.Tensor, tuple[int, int]] | None = None  # boxes, scores, input size
        if hasattr(network, "rpn"):
            _keep_proposals(self, network.rpn)

    @property
    def engine(self) -> str:
        """Always "torch"."""
        return "torch"

    @property
    def sides(self) -> tuple[int, ...]:
        """Image sizes to choose from, in pixels of the shorter side; a single one if the input size is fixed."""
        return (self.spec.input_size[0],) if self.network.transform.fixed_size else SIDES

    @gpu_memory.or_on_cpu
    def candidates(self, pixels: np.ndarray, side: int | None = None) -> Candidates:
        """Return all candidate boxes of the network for a photo and, for two-stage detectors, the region proposals.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            side: Image size, one of `sides`; None for the network's own size.

        Raises:
            ValueError: If the pixels have another shape or dtype, or the size is not one of `sides`.
        """
        start = time.perf_counter()
        check_pixels(pixels)
        side = self._checked(side)
        torch = frameworks.torch()
        with self.lock, torch.inference_mode():
            self.network.transform.min_size = (side,)
            outputs = self.half.run(self.network, [self._tensor(pixels)])[0]
            outputs = {name: value.cpu().numpy() for name, value in outputs.items()}
            proposals = self._proposals_on_photo(pixels.shape[:2])
            masks_of = self._mask_maker(pixels.shape[:2])
        class_ids = self._to_label[outputs["labels"]]
        kept = np.flatnonzero(class_ids >= 0)
        kept = kept[np.argsort(-outputs["scores"][kept], kind="stable")]
        return Candidates(
            size=pixels.shape[:2],
            boxes_xyxy=outputs["boxes"][kept].astype(np.float32),
            scores=outputs["scores"][kept].astype(np.float32),
            class_ids=class_ids[kept].astype(np.int64),
            labels=self.spec.labels,
            proposals_xyxy=proposals[0],
            objectness=proposals[1],
            masks=masks_of and masks_of(outputs["boxes"][kept], outputs["labels"][kept]),
            milliseconds=(time.perf_counter() - start) * 1000,
            device=self.device,
            engine=self.half.engine(self.engine),
        )

    def category(self, class_id: int) -> int:
        """Return torchvision's index of a class of `labels`."""
        return int(np.flatnonzero(self._to_label == class_id)[0])

    def resized(self, pixels: np.ndarray, side: int | None = None) -> Any:
        """Return a photo (H, W, 3) uint8 as the network receives it, a torchvision `ImageList`.

        Args:
            pixels: The photo.
            side: Image size, as in `candidates`.

        Raises:
            ValueError: If the size is not one of `sides`.
        """
        with self.lock:
            self.network.transform.min_size = (self._checked(side),)
            return self.network.transform([self._tensor(pixels)])[0]

    def as_input(self, picture: np.ndarray) -> Any:
        """Return a picture of the size of `as_pixels` as an `ImageList`, without resizing it."""
        transform = self.network.transform
        tensor = transform.normalize(self._tensor(picture))
        sizes = [(picture.shape[0], picture.shape[1])]
        batch = transform.batch_images([tensor], size_divisible=transform.size_divisible)
        return frameworks.torchvision().models.detection.image_list.ImageList(batch, sizes)

    def as_pixels(self, images: Any) -> np.ndarray:
        """Return the photo in an `ImageList` of `resized`, without padding, (h, w, 3) uint8."""
        height, width = images.image_sizes[0]
        values = images.tensors[0, :, :height, :width].permute(1, 2, 0).cpu().numpy()
        transform = self.network.transform
        values = values * np.array(transform.image_std) + np.array(transform.image_mean)
        return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)

    def _tensor(self, pixels: np.ndarray) -> torch.Tensor:
        picture = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / 255
        return frameworks.torch().from_numpy(picture).to(self.device)

    def _checked(self, side: int | None) -> int:
        """Return the image size, or the network's own.

        Raises:
            ValueError: If it is not one of `sides`.
        """
        side = side or self.spec.input_size[0]
        if side not in self.sides:
            raise SettingError(f"The image size must be one of {', '.join(map(str, self.sides))}, not {side}.")
        return side

    def _mask_maker(self, size: tuple[int, int]) -> Callable[[np.ndarray, np.ndarray], Masks] | None:
        """Return a function from boxes (N, 4) on a photo of this size and labels (N,) to masks; None without masks.

        Called with the lock held, right after the network has run.
        """
        return None

    def _proposals_on_photo(self, size: tuple[int, int]) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self._proposals is None:
            return None, None
        boxes, scores, (height, width) = self._proposals
        scale = np.array([size[1] / width, size[0] / height] * 2, np.float32)
        return boxes.float().cpu().numpy() * scale, scores.float().cpu().numpy()


def _keep_proposals(detector: TorchvisionDetector, rpn: TorchNetwork) -> None:
    """Make the region proposal network store its proposals and their scores in the detector."""
    filter_proposals = rpn.filter_proposals

    def keeping(
        proposals: torch.Tensor,
        objectness: torch.Tensor,
        image_shapes: list[tuple[int, int]],
        num_anchors_per_level: list[int],
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        boxes, scores = filter_proposals(proposals, objectness, image_shapes, num_anchors_per_level)
        detector._proposals = boxes[0], scores[0], image_shapes[0]
        return boxes, scores

    rpn.filter_proposals = keeping


def _categories() -> list[str]:
    """Return torchvision's class names, background first."""
    detection = frameworks.torchvision().models.detection
    return detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]


def build(spec: ModelSpec) -> TorchNetwork:
    """Build the architecture of this spec with random weights.

    torchvision uses frozen batch normalization when it loads weights itself; for inference, the result is the same. The
    published weights of three networks were trained with a batch-normalization epsilon of 0.
    """
    torch = frameworks.torch()
    builder = getattr(frameworks.torchvision().models.detection, spec.builder)
    network = builder(weights=None, weights_backbone=None, num_classes=CLASSES)
    if spec.builder in NO_EPSILON:
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eps = 0.0
    return network.eval()


def load_torchvision_detector(spec: ModelSpec, device: str) -> TorchvisionDetector:
    """Load a torchvision detector with locally available weights; nothing is downloaded.

    Raises:
        ModelUnavailable: If the weights are missing or do not fit the network.
        ValueError: If the device is not available.
    """
    where = frameworks.torch_device(device)
    return TorchvisionDetector(spec, with_weights(spec, build), where)
