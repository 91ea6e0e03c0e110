"""Inference engines of the segmentation networks: torch, and OpenVINO, which needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from cnn_demo.models import frameworks, openvino_export
from cnn_demo.models.half_precision import Half

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.frameworks import TorchNetwork

Array: TypeAlias = Any
"""An array of NumPy or a tensor of torch."""


class Engine(Protocol):
    """Inference engine of a segmentation network; its name is "torch" or "OpenVINO", its arrays are those of either."""

    @property
    def name(self) -> str:
        """Name of the engine."""
        ...

    def array(self, values: np.ndarray) -> Array:
        """Return an array as one of the engine, on its device."""
        ...

    def __call__(self, batch: Array) -> Array:
        """Return logits (C, H, W) for an input (1, 3, H, W)."""
        ...


class TorchLogits:
    """Inference with torch; of a network that returns a dict, the entry "out" is used."""

    name = "torch"

    def __init__(self, network: TorchNetwork, device: str) -> None:
        self.network = network
        self.device = device
        self.half = Half(device)

    def array(self, values: np.ndarray) -> torch.Tensor:
        """Return an array as a tensor on the network's device."""
        return frameworks.torch().from_numpy(values).to(self.device)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Return logits (C, H, W) for an input (1, 3, H, W)."""
        torch = frameworks.torch()
        with torch.inference_mode():
            logits = self.half.run(self.network, batch.contiguous(memory_format=torch.channels_last))
            logits = logits["out"] if isinstance(logits, dict) else logits
            if logits.shape[2:] != batch.shape[2:]:
                logits = torch.nn.functional.interpolate(logits, batch.shape[2:], mode="bilinear", align_corners=False)
            return logits[0]


class OpenVinoLogits:
    """Inference of a U-Net with OpenVINO on the CPU, without torch; not thread-safe."""

    name = "OpenVINO"

    def __init__(self, path: Path) -> None:
        self._compiled = openvino_export.Compiled(openvino_export.read(path))

    def array(self, values: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return values

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return logits (C, H, W) for an input (1, 3, H, W)."""
        return self._compiled(np.ascontiguousarray(batch))[0][0]
