"""The bundled everyday networks of boxes and instances: EfficientNet-Lite0, a path aggregation network, a YOLO head.

Encoder: Tan & Le, "EfficientNet" (2019), https://arxiv.org/abs/1905.11946. Neck: Liu et al., "Path aggregation network
for instance segmentation" (2018), https://arxiv.org/abs/1803.01534, built from Ultralytics' C2f blocks. Head:
anchor-free, one box per cell, its sides predicted as distributions over distances (Li et al., "Generalized focal loss"
(2020), https://arxiv.org/abs/2006.04388). Masks: linear combinations of prototypes (YOLACT, Bolya et al. (2019),
https://arxiv.org/abs/1904.02689).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnn_demo.models import frameworks
from cnn_demo.models.lite.encoder import lite_encoder

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.frameworks import TorchNetwork

EVERYDAY, EVERYDAY_MASKS = "everyday_detector", "everyday_instances"  # names of the builders in the model registry
STRIDES = (8, 16, 32)  # strides of the three grids, in pixels of the input
NECK_CHANNELS = 96
PROTOTYPES, PROTOTYPE_CHANNELS = 32, 64  # number of prototypes, and channels of the layers that predict them


def everyday_detector(labels: tuple[str, ...], *, with_masks: bool = False) -> TorchNetwork:
    """Build the network with random weights; nothing is downloaded.

    Args:
        labels: Class names.
        with_masks: Whether the head predicts a mask for each box too.

    Returns:
        A module with the attributes that Ultralytics' loss and `yolo_engines.with_raw_outputs` read: `model`, whose
        last item is the head, `names` and `args`. It takes images (N, 3, H, W) float32 from 0 to 1, sides multiples
        of 32, and returns the outputs of Ultralytics' `Detect` or `Segment`.
    """
    frameworks.ultralytics()
    import torch
    from torch import nn
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.modules import C2f, Conv, Detect, Segment

    width = NECK_CHANNELS

    class Neck(nn.Module):
        """Top-down, then bottom-up path: (N, 40 | 112 | 320, h, w) at strides 8, 16, 32 to 96 channels each."""

        def __init__(self, channels: Sequence[int]) -> None:
            super().__init__()
            self.lateral = nn.ModuleList(Conv(count, width, 1) for count in channels)
            self.up16 = C2f(2 * width, width, 1)
            self.up8 = C2f(2 * width, width, 1)
            self.down16 = Conv(width, width, 3, 2)
            self.down32 = Conv(width, width, 3, 2)
            self.out16 = C2f(2 * width, width, 1)
            self.out32 = C2f(2 * width, width, 1)

        def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
            fine, middle, coarse = (lateral(x) for lateral, x in zip(self.lateral, maps, strict=True))
            middle = self.up16(torch.cat([nn.functional.interpolate(coarse, scale_factor=2.0), middle], 1))
            fine = self.up8(torch.cat([nn.functional.interpolate(middle, scale_factor=2.0), fine], 1))
            middle = self.out16(torch.cat([self.down16(fine), middle], 1))
            coarse = self.out32(torch.cat([self.down32(middle), coarse], 1))
            return [fine, middle, coarse]

    class Head(Detect):
        """Ultralytics' head of YOLO11; building a YOLOv8 sets `Detect.legacy` for the whole process."""

        legacy = False

    class Prototypes(nn.Module):
        """Feature maps at strides 8, 16, 32 and 4, of which the first and the last are used, to (N, 32, H/4, W/4)."""

        def __init__(self, quarter_channels: int) -> None:
            super().__init__()
            self.eighth = nn.Sequential(
                Conv(width, PROTOTYPE_CHANNELS, 3), Conv(PROTOTYPE_CHANNELS, PROTOTYPE_CHANNELS, 3)
            )
            self.quarter = Conv(quarter_channels, PROTOTYPE_CHANNELS, 1)
            self.fine = Conv(PROTOTYPE_CHANNELS, PROTOTYPE_CHANNELS, 3)
            self.last = Conv(PROTOTYPE_CHANNELS, PROTOTYPES, 1)

        def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
            coarse = nn.functional.interpolate(self.eighth(maps[0]), scale_factor=2.0, mode="bilinear")
            return self.last(self.fine(coarse + self.quarter(maps[-1])))

    class MaskHead(Segment):
        """Ultralytics' head with masks, whose prototypes also use the encoder's maps at stride 4."""

        legacy = False

        def __init__(self, classes: int, ch: Sequence[int], quarter_channels: int) -> None:
            super().__init__(classes, PROTOTYPES, PROTOTYPE_CHANNELS, ch=tuple(ch))
            self.proto: nn.Module = Prototypes(quarter_channels)  # type: ignore[assignment]  # instead of `Proto`

        def forward_head(
            self, x: list[torch.Tensor], box_head: Any = None, cls_head: Any = None, mask_head: Any = None
        ) -> dict[str, torch.Tensor]:
            return super().forward_head(x[: self.nl], box_head, cls_head, mask_head)

        def forward(self, x: list[torch.Tensor]) -> Any:
            outputs: Any = Detect.forward(self, x)
            prototypes = self.proto(x)
            if self.training:
                return outputs | {"proto": prototypes}
            return (outputs[0], prototypes), outputs[1]

    class EverydayDetector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            encoder: TorchNetwork = lite_encoder()
            self.encoder = encoder
            self.neck = Neck(encoder.out_channels[-3:])
            channels = (width,) * len(STRIDES)
            if with_masks:
                self.head: Detect = MaskHead(len(labels), channels, encoder.out_channels[2])
            else:
                self.head = Head(len(labels), ch=channels)
            self.head.stride = torch.tensor(STRIDES, dtype=torch.float32)
            self.head.bias_init()
            self.names = dict(enumerate(labels))
            self.args = get_cfg()

        @property
        def model(self) -> list[nn.Module]:
            """The stages in order, as Ultralytics' models have them."""
            return [self.encoder, self.neck, self.head]

        def forward(self, pictures: torch.Tensor) -> Any:
            maps = self.encoder(pictures * 2 - 1)  # the ImageNet weights were trained on pixels from -1 to 1
            return self.head(self.neck(maps[-3:]) + ([maps[2]] if with_masks else []))  # maps[2]: stride 4

        def fuse(self, verbose: bool = False) -> EverydayDetector:
            """Do nothing: OpenVINO folds the batch normalizations itself."""
            return self

    return EverydayDetector()
